"""Refuses a compiler that would build wrong code, before it builds any."""

_WRAPPER = "`tools/bazel` shows the command that installs what is missing."

def check_compiler(ctx):
    """Fails unless CC is clang or g++ 13 or later.

    Args:
      ctx: the context of a repository rule.
    """
    cc = ctx.os.environ.get("CC", "clang-19")
    path = ctx.which(cc) if "/" not in cc else cc
    if not path:
        fail("The compiler %s is not installed. %s" % (cc, _WRAPPER))
    macros = ctx.execute([path, "-dM", "-E", "-x", "c++", "/dev/null"])
    if macros.return_code != 0:
        fail("The compiler %s does not run: %s" % (cc, macros.stderr))
    for line in macros.stdout.splitlines():
        if line.startswith("#define __clang__ "):
            return
    for line in macros.stdout.splitlines():
        if line.startswith("#define __GNUC__ ") and int(line.split(" ")[2]) < 13:
            fail(("%s is g++ %s, which destroys braced arguments inside co_await twice: " +
                  "what it builds crashes. Use clang 19 (the default) or g++ 13 or later: " +
                  "--repo_env=CC=clang-19. %s") % (cc, line.split(" ")[2], _WRAPPER))

def _compiler_impl(repository_ctx):
    check_compiler(repository_ctx)
    repository_ctx.file("BUILD")
    repository_ctx.file("checked.bzl", "CHECKED_COMPILER = True\n")

checked_compiler = repository_rule(
    implementation = _compiler_impl,
    doc = "A repository that can be read only if the compiler is fit for use.",
    environ = ["CC", "PATH"],
)
