"""The C++ toolchain of Bazel 4 to 6, under the label of rules_cc."""

def find_cc_toolchain(ctx):
    """Returns the toolchain of a rule which has the attribute _cc_toolchain."""
    return ctx.attr._cc_toolchain[cc_common.CcToolchainInfo]

def use_cc_toolchain():
    """Returns what goes into a rule's `toolchains`."""
    return ["@bazel_tools//tools/cpp:toolchain_type"]
