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

def bazel_compat(path = "third_party/bazel_compat"):
    """Defines each of them, unless the workspace has the real one already.

    Args:
      path: of their folder, from the workspace that calls.
    """
    for name in _RULES:
        if not native.existing_rule(name):
            native.local_repository(name = name, path = path + "/" + name)
    for name in _UNUSED:
        if not native.existing_rule(name):
            native.local_repository(name = name, path = path + "/unused")
