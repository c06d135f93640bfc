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
          service: what is called wrongly: a start function, a handle, a method. This and the next two must be in the
              first error, in the compiler's own words and not only in the code that it quotes; each is another one;
          given: the type that is there;
          wanted: the type that should be there;
          no_service: instead of `service`, why the compiler has none to name;
          no_other: instead of one or both types, why there are none;
          lines: how many lines the first error may take, quoted code included, where 10 are too few;
          long: why they are, then;
          messages: regular expressions which the first error must match as well, if any;
          setup: statements that come before, if any.
      guards: for each guard, structs of
          file: a header;
          old: what makes the guard; occurs there once;
          new: what takes its place when the guard is removed.
    """
    for misuse in misuses:
        types = [getattr(misuse, field) for field in ["given", "wanted"] if hasattr(misuse, field)]
        services = [misuse.service] if hasattr(misuse, "service") else []
        if len(types) < 2 and not hasattr(misuse, "no_other"):
            fail("%s: say both types that the compiler is to name, or why there is no other" % misuse.name)
        if bool(services) == hasattr(misuse, "no_service"):
            fail("%s: say the service that the compiler is to name, or why there is none" % misuse.name)
        if services and services[0] in types:
            fail("%s: '%s' is one of the types, and names no service" % (misuse.name, services[0]))
        if hasattr(misuse, "lines") != hasattr(misuse, "long"):
            fail("%s: say why the error is long" % misuse.name)
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
            max_lines = getattr(misuse, "lines", 10),
            messages = getattr(misuse, "messages", []),
            names = services + types,
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
