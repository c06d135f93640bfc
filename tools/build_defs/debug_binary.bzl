"""A program with debug information, whatever the rest is built with."""

_COPT = "//command_line_option:copt"
_STRIP = "//command_line_option:strip"

def _debug_impl(settings, _attr):
    return {_COPT: settings[_COPT] + ["-g"], _STRIP: "never"}

_debug = transition(
    implementation = _debug_impl,
    inputs = [_COPT],
    outputs = [_COPT, _STRIP],
)

def _debug_binary_impl(ctx):
    # An attribute with a transition is a list.
    binary = ctx.attr.binary[0][DefaultInfo]
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(is_executable = True, output = program, target_file = binary.files_to_run.executable)
    return [DefaultInfo(executable = program, runfiles = ctx.runfiles([program]).merge(binary.default_runfiles))]

debug_binary = rule(
    implementation = _debug_binary_impl,
    doc = "A program that is another cc_binary, built with debug information. Code that it links is compiled again.",
    attrs = {
        "binary": attr.label(cfg = _debug, executable = True, mandatory = True),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    executable = True,
)
