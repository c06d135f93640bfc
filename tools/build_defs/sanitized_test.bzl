"""Runs a test a second time, it and all that it links built with sanitizers, as part of a plain `bazel test`."""

_COPT = "//command_line_option:copt"
_LINKOPT = "//command_line_option:linkopt"
_STRIP = "//command_line_option:strip"

def _without_sanitizers(flags):
    # Of --config=tsan, say: not all go together.
    return [flag for flag in flags if not flag.startswith("-fsanitize=")]

def _sanitize_impl(settings, attr):
    flag = "-fsanitize=" + ",".join(attr.sanitizers)
    return {
        # Some system libraries have no RTTI, which the check of virtual tables needs.
        _COPT: _without_sanitizers(settings[_COPT]) + [flag, "-fno-sanitize=vptr", "-fno-sanitize-recover=all", "-g", "-O1"],
        # gold, Bazel's choice, warns at length about the sanitizers' symbols.
        _LINKOPT: _without_sanitizers(settings[_LINKOPT]) + [flag, "-fuse-ld=lld"],
        # Reports need the names of files and lines.
        _STRIP: "never",
    }

_sanitize = transition(
    implementation = _sanitize_impl,
    inputs = [_COPT, _LINKOPT],
    outputs = [_COPT, _LINKOPT, _STRIP],
)

def _sanitized_test_impl(ctx):
    # An attribute with a transition is a list.
    test = ctx.attr.test[0][DefaultInfo]
    program = ctx.actions.declare_file(ctx.label.name)
    ctx.actions.symlink(is_executable = True, output = program, target_file = test.files_to_run.executable)
    return [DefaultInfo(executable = program, runfiles = ctx.runfiles([program]).merge(test.default_runfiles))]

sanitized_test = rule(
    implementation = _sanitized_test_impl,
    doc = """A test that is another cc_test, built with sanitizers. Code that it links is compiled again.

    sanitized_test(
        name = "all_asan_test",
        test = ":all_test",
    )
""",
    attrs = {
        "sanitizers": attr.string_list(
            default = ["address", "undefined"],
            doc = "What goes into -fsanitize=",
        ),
        "test": attr.label(
            cfg = _sanitize,
            doc = "The cc_test",
            executable = True,
            mandatory = True,
        ),
        "_allowlist_function_transition": attr.label(
            default = "@bazel_tools//tools/allowlists/function_transition_allowlist",
        ),
    },
    test = True,
)
