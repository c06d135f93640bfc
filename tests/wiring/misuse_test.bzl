"""Mistakes in wiring, each told as the one line that is wrong and the one that is right."""

load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("@rules_python//python:defs.bzl", "py_binary", "py_test")
load("//tools/build_defs:compile_fails_test.bzl", "compile_fails_test")
load("//tools/build_defs:generated_file.bzl", "generated_file")

_SOURCE = """#include "tests/wiring/all_services.h"

namespace espalier {{

Task<void> Wire(Nursery& nursery) {{
  {setup}
#ifdef ESPALIER_POSITIVE_TWIN
  {right}
#else
  {wrong}
#endif
  co_return;
}}

}}  // namespace espalier
"""

def _headers_impl(ctx):
    headers = ctx.attr.library[CcInfo].compilation_context.headers
    return [DefaultInfo(runfiles = ctx.runfiles(transitive_files = headers))]

_headers = rule(
    implementation = _headers_impl,
    attrs = {"library": attr.label(providers = [CcInfo])},
)

def misuse_tests(name, misuses, guards):
    """A test for each misuse that it does not compile where its right twin does; and <name>, which removes the guards.

    <name>_test holds that each misuse has a guard, each guard a misuse, and each edit its place.

    Args:
      name: of the program that shows what comes of it when a guard is gone.
      misuses: structs of
          name: what the mistake is;
          guard: what keeps it from compiling, a key of `guards`;
          right: a statement in a function of an environment;
          wrong: the same with the mistake; differs in one expression;
          service: what is called or made up wrongly. This and the next two must be in the first error, and these
              two in the compiler's own words, not only in the code that it quotes;
          given: the type that is there;
          wanted: the type that should be there;
          no_other: instead of one or both types, why there are none;
          messages: regular expressions which the first error must match as well, if any;
          setup: statements that come before, if any.
      guards: for each guard, structs of
          file: a header;
          old: what makes the guard; occurs there once;
          new: what takes its place when the guard is removed.
    """
    for misuse in misuses:
        names = [getattr(misuse, field) for field in ["given", "wanted"] if hasattr(misuse, field)]
        if len(names) < 2 and not hasattr(misuse, "no_other"):
            fail("%s: say both types that the compiler is to name, or why there is no other" % misuse.name)
        generated_file(
            name = misuse.name + "_source",
            content = _SOURCE.format(
                right = misuse.right,
                setup = "\n  ".join(getattr(misuse, "setup", [])),
                wrong = misuse.wrong,
            ),
            out = misuse.name + ".cc",
            tags = ["manual"],
            testonly = True,
        )
        compile_fails_test(
            name = misuse.name + "_test",
            src = misuse.name + "_source",
            copts = ["-Werror=unused-result"],
            messages = [misuse.service.replace(".", "\\.")] + getattr(misuse, "messages", []),
            names = names,
            deps = [":all_services"],
        )
    generated_file(
        name = name + "_spec",
        content = json.encode(struct(guards = guards, misuses = misuses)),
        out = name + "_spec.json",
        testonly = True,
    )
    _headers(
        name = name + "_headers",
        library = ":all_services",
        testonly = True,
        visibility = ["//tests:__subpackages__"],
    )
    common = dict(
        srcs = ["guards.py"],
        data = [":%s_headers" % name, ":%s_spec" % name],
        main = "guards.py",
    )
    spec = "$(rootpath :%s_spec)" % name
    py_binary(
        name = name,
        args = [spec],
        testonly = True,
        **common
    )
    py_test(
        name = name + "_test",
        size = "small",
        args = ["--check", spec],
        **common
    )
