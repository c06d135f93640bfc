"""All that a workspace needs to build with Espalier, in one call."""

load(":bazel_compat.bzl", "bazel_compat")
load(":compiler.bzl", "checked_compiler")
load(":system_libraries.bzl", "system_libraries")

def espalier_dependencies():
    """Defines the system's libraries, stand-ins for what Bazel would download, and the toolchain for Python.

    In WORKSPACE:

        local_repository(name = "espalier", path = "../espalier")

        load("@espalier//third_party:repositories.bzl", "espalier_dependencies")

        espalier_dependencies()

    A repository that the workspace has defined before, such as an Abseil of its own, stays as it is.
    """
    bazel_compat()
    checked_compiler(name = "espalier_compiler")
    system_libraries()
    native.register_toolchains(str(Label("//third_party/python:toolchain")))
