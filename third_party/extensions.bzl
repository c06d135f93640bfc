"""The system's libraries for MODULE.bazel. Bazel 4 never reads this file: it does not know module_extension."""

load(":compiler.bzl", "check_compiler")
load(":system_libraries.bzl", define = "system_libraries")

def _system_libraries_impl(module_ctx):
    check_compiler(module_ctx)
    define(exists = lambda _name: False)

system_libraries = module_extension(
    implementation = _system_libraries_impl,
    environ = ["CC", "PATH"],
)
