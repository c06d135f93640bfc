"""A mistake in wiring, told as the one line that is wrong and the one that is right."""

load("//tools/build_defs:compile_fails_test.bzl", "compile_fails_test")

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

def _source_impl(ctx):
    out = ctx.actions.declare_file(ctx.label.name + ".cc")
    ctx.actions.write(out, ctx.attr.content)
    return [DefaultInfo(files = depset([out]))]

_source = rule(
    implementation = _source_impl,
    attrs = {"content": attr.string(mandatory = True)},
)

def misuse_test(name, right, wrong, messages, setup = []):
    """Tests that `wrong` does not compile in a function of an environment where `right` does.

    Args:
      name: what the mistake is.
      right: a statement.
      wrong: the same with the mistake; differs in one expression.
      messages: regular expressions which the first error must match.
      setup: statements that come before.
    """
    _source(
        name = name + "_source",
        content = _SOURCE.format(setup = "\n  ".join(setup), right = right, wrong = wrong),
        tags = ["manual"],
        testonly = True,
    )
    compile_fails_test(
        name = name + "_test",
        src = name + "_source",
        copts = ["-Werror=unused-result"],
        messages = messages,
        deps = [":all_services"],
    )
