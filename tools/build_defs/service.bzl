"""A service: its server, the library that starts it, and a test that it leaves nothing behind."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")
load("@rules_python//python:defs.bzl", "py_binary")
load(":generated_file.bzl", "generated_file")

# What start functions are written with.
_WIRING = [
    "//supervisor/nursery",
    "//supervisor/task",
    "//supervisor/wiring:command",
    "//supervisor/wiring:handle",
    "//supervisor/wiring:text",
]

_HYGIENE_TEST = """#include "{header}"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "supervisor/testing/hygiene.h"

{includes}
using namespace espalier;

TEST(HygieneTest, StartsIsReadyStopsAndLeavesNothing) {{
  EXPECT_THAT(HygieneProblems("{name}", [](Nursery& nursery) -> Task<void> {{ co_await {start}; }}),
              testing::IsEmpty());
}}
"""

def service(
        name,
        start,
        hdrs,
        srcs = [],
        deps = [],
        server_srcs = [],
        server_deps = [],
        programs = [],
        test_includes = [],
        test_deps = [],
        test_size = "small",
        test_tags = [],
        tags = [],
        visibility = None):
    """Makes <name>, a cc_library with a handle and its start function; <name>_server; and <name>_hygiene_test.

    The test starts the service, sees it ready, stops it, and finds nothing left: no process, port, socket or file.

    Args:
      name: of the library, by custom that of the package.
      start: the C++ expression which starts the service in `nursery`, with whatever it needs:
          "StartReport(nursery, co_await StartLinks<HttpUrl>(nursery, std::nullopt))".
      hdrs: of the library; the first declares the start function.
      srcs: of the library.
      deps: of the library: the services it needs. What start functions are written with is there anyway.
      server_srcs: of <name>_server, a cc_binary or, for a .py file, a py_binary. None for one of the system's programs.
      server_deps: of <name>_server.
      programs: other targets which the start function names as Program::Built.
      test_includes: headers that `start` needs beside the first of `hdrs`.
      test_deps: libraries with these.
      test_size: of the test, for a service that takes long to start.
      test_tags: of the test: ["no-sandbox"] for a program that changes its user.
      tags: of all that is made, the test included.
      visibility: of the library and the server.
    """
    if server_srcs:
        binary = py_binary if server_srcs[0].endswith(".py") else cc_binary
        binary(
            name = name + "_server",
            srcs = server_srcs,
            tags = tags,
            visibility = visibility,
            deps = server_deps,
        )
        programs = programs + [":" + name + "_server"]
    cc_library(
        name = name,
        srcs = srcs,
        hdrs = hdrs,
        data = programs,
        tags = tags,
        visibility = visibility,
        deps = deps + [Label(dep) for dep in _WIRING],
    )
    generated_file(
        name = name + "_hygiene_test_source",
        content = _HYGIENE_TEST.format(
            header = native.package_name() + "/" + hdrs[0],
            includes = "".join(["#include \"%s\"\n" % header for header in test_includes]),
            name = name,
            start = start,
        ),
        out = name + "_hygiene_test.cc",
        tags = tags,
        testonly = True,
    )
    cc_test(
        name = name + "_hygiene_test",
        size = test_size,
        srcs = [":%s_hygiene_test.cc" % name],
        tags = tags + test_tags,
        deps = test_deps + [
            ":" + name,
            Label("//supervisor/testing:hygiene"),
            Label("@com_google_googletest//:gtest_main"),
        ],
    )
