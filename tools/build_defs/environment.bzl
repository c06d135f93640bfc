"""An environment: a program that composes services, and tests that it is what it was and that it runs."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library")
load("@rules_python//python:defs.bzl", "py_test")

# What environments are written with.
_COMPOSING = [
    "//supervisor/nursery",
    "//supervisor/nursery:external",
    "//supervisor/task",
    "//supervisor/task:all",
    "//supervisor/wiring:handle",
]

_RUNNING = [
    "//supervisor/environment:run_environment",
    "@com_google_absl//absl/flags:flag",
]

def environment(
        name,
        srcs,
        hdrs,
        main,
        deps,
        plans,
        test_size = "small",
        test_tags = [],
        tags = [],
        visibility = None):
    """Makes <name>, a program; <name>_environment, a library for tests; <name>_plan_test and <name>_smoke_test.

    The first test compares what --plan prints with files; the second runs --check: starts everything and stops it.

    Args:
      name: of the program and of the environment.
      srcs: of the library, with the function that composes the services.
      hdrs: of the library.
      main: the source of the program: its flags, and main().
      deps: the services.
      plans: files with the plan as it should be, in as many formats as wanted: .txt, .json and .dot. Write one with
          bazel run //environments:two -- --plan=json >environments/testdata/two_plan.json
      test_size: of the smoke test, for an environment that takes long to start.
      test_tags: of the smoke test: ["no-sandbox"] if a program changes its user.
      tags: of all that is made, the tests included.
      visibility: of the program and the library.
    """
    cc_library(
        name = name + "_environment",
        srcs = srcs,
        hdrs = hdrs,
        tags = tags,
        visibility = visibility,
        deps = deps + [Label(dep) for dep in _COMPOSING],
    )
    cc_binary(
        name = name,
        srcs = [main],
        tags = tags,
        visibility = visibility,
        deps = [":" + name + "_environment"] + [Label(dep) for dep in _RUNNING],
    )
    for check, files, size, more_tags in [("plan", plans, "small", []), ("smoke", [], test_size, test_tags)]:
        checker = Label("//tools/build_defs:environment_checks.py")
        py_test(
            name = "%s_%s_test" % (name, check),
            size = size,
            srcs = [checker],
            args = [check, "//%s:%s" % (native.package_name(), name), "$(rootpath :%s)" % name] +
                   ["$(rootpath %s)" % file for file in files],
            data = [":" + name] + files,
            main = checker,
            tags = tags + more_tags,
        )
