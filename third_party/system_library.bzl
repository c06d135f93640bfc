"""Makes a repository out of a library that the system's package manager installed."""

def require(repository_ctx, path, package):
    """Returns `path`, which Debian's `package` installs; fails with what to do where it is missing."""
    found = repository_ctx.path(path)
    if not found.exists:
        fail(("%s is missing: it comes with the package %s. `tools/bazel` shows the one command that installs " +
              "everything; for this alone: apt-get install --no-install-recommends %s") % (path, package, package))
    return found

def _system_library_impl(repository_ctx):
    for path, package in repository_ctx.attr.files.items():
        repository_ctx.symlink(require(repository_ctx, "/usr/" + path, package), path)
    for build_file, package in repository_ctx.attr.build_files.items():
        repository_ctx.symlink(build_file, package + "/BUILD" if package else "BUILD")

system_library = repository_rule(
    implementation = _system_library_impl,
    doc = """A library under /usr with BUILD files of ours.

The compiler searches /usr/include anyway, so a repository holds only the header that tells the library's version:
it proves that the library is there, and an upgrade rebuilds what uses it, as with any other input.""",
    attrs = {
        "build_files": attr.label_keyed_string_dict(doc = "BUILD file -> its package in the repository"),
        "files": attr.string_dict(doc = "path below /usr -> the package that installs it"),
    },
    local = True,
)
