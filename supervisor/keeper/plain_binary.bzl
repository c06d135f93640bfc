"""A cc_binary that is built without sanitizers whatever the rest is built with."""

_COPT = "//command_line_option:copt"
_LINKOPT = "//command_line_option:linkopt"

def _plain_impl(settings, attr):
    return {
        option: [flag for flag in settings[option] if not flag.startswith("-fsanitize")]
        for option in [_COPT, _LINKOPT]
    }

_plain = transition(
    implementation = _plain_impl,
    inputs = [_COPT, _LINKOPT],
    outputs = [_COPT, _LINKOPT],
)

def _plain_binary_impl(ctx):
    # An attribute with a transition is a list.
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(
        is_executable = True,
        output = program,
        target_file = ctx.attr.binary[0][DefaultInfo].files_to_run.executable,
    )
    return [DefaultInfo(
        executable = program,
        files = depset([program]),
        runfiles = ctx.runfiles([program]).merge(ctx.attr.binary[0][DefaultInfo].default_runfiles),
    )]

plain_binary = rule(
    implementation = _plain_binary_impl,
    doc = "The sanitizers' runtimes cannot be linked statically, nor live in memory that is shared with a child.",
    attrs = {
        "binary": attr.label(cfg = _plain, executable = True, mandatory = True),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    executable = True,
)
