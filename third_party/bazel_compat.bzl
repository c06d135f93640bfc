"""Local stand-ins for the repositories that Bazel 4 to 6 would download by themselves."""

_RULES = [
    "rules_cc",
    "rules_java",
    "rules_proto",
    "rules_python",
]

# Named by Bazel's own WORKSPACE and by default flags, and loaded although nothing here is built with them.
_UNUSED = [
    "remote_coverage_tools",
    "remote_java_tools",
    "remote_java_tools_linux",
]

def _stand_in_impl(repository_ctx):
    # The folder is no package: a label leads to its neighbour.
    folder = repository_ctx.path(Label("//third_party:bazel_compat.bzl")).dirname.get_child("bazel_compat")
    for file in folder.get_child(repository_ctx.attr.folder).readdir():
        repository_ctx.symlink(file, file.basename)

_stand_in = repository_rule(
    implementation = _stand_in_impl,
    doc = "A folder of third_party/bazel_compat, whichever workspace it is that wants it.",
    attrs = {"folder": attr.string(mandatory = True)},
    local = True,
)

def bazel_compat():
    """Defines each of them, unless the workspace has the real one already."""
    for name in _RULES:
        if not native.existing_rule(name):
            _stand_in(name = name, folder = name)
    for name in _UNUSED:
        if not native.existing_rule(name):
            _stand_in(name = name, folder = "unused")
