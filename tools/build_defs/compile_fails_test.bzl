"""A test that misuse does not compile, and that the compiler then says what a person needs to know."""

load("@rules_cc//cc:find_cc_toolchain.bzl", "find_cc_toolchain", "use_cc_toolchain")
load("@rules_cc//cc/common:cc_common.bzl", "cc_common")
load("@rules_cc//cc/common:cc_info.bzl", "CcInfo")
load("@rules_python//python:defs.bzl", "py_test")

# Bazel shows what an action prints only when it fails, and a compiler that refuses the code must not fail the build:
# its verdict and its words are what the test is about.
_RECORD = """
out=$1
shift
"$@" >"$out" 2>&1
echo "exit status $?" >>"$out"
"""

def _compiler_output_impl(ctx):
    toolchain = find_cc_toolchain(ctx)
    features = cc_common.configure_features(
        cc_toolchain = toolchain,
        ctx = ctx,
        requested_features = ctx.features,
        unsupported_features = ctx.disabled_features,
    )
    context = cc_common.merge_cc_infos(cc_infos = [dep[CcInfo] for dep in ctx.attr.deps]).compilation_context
    variables = cc_common.create_compile_variables(
        cc_toolchain = toolchain,
        feature_configuration = features,
        include_directories = context.includes,
        preprocessor_defines = depset(ctx.attr.local_defines, transitive = [context.defines]),
        quote_include_directories = context.quote_includes,
        source_file = ctx.file.src.path,
        system_include_directories = context.system_includes,
        user_compile_flags = ctx.fragments.cpp.copts + ctx.fragments.cpp.cxxopts +
                             # Only an error of the language counts, not one that --config=werror makes of a warning.
                             ["-Wno-error"] + ctx.attr.copts +
                             ["-fsyntax-only", "-fdiagnostics-color=never", "-fno-elide-type"],
    )
    out = ctx.actions.declare_file(ctx.label.name + ".txt")
    ctx.actions.run_shell(
        arguments = [
            out.path,
            cc_common.get_tool_for_action(action_name = _CPP_COMPILE, feature_configuration = features),
        ] + cc_common.get_memory_inefficient_command_line(
            action_name = _CPP_COMPILE,
            feature_configuration = features,
            variables = variables,
        ),
        command = _RECORD,
        env = cc_common.get_environment_variables(
            action_name = _CPP_COMPILE,
            feature_configuration = features,
            variables = variables,
        ),
        inputs = depset([ctx.file.src], transitive = [context.headers, toolchain.all_files]),
        mnemonic = "CompilerOutput",
        outputs = [out],
        progress_message = "Recording what the compiler says about %s" % ctx.file.src.short_path,
    )
    return [DefaultInfo(files = depset([out]), runfiles = ctx.runfiles([out]))]

_CPP_COMPILE = "c++-compile"

_compiler_output = rule(
    implementation = _compiler_output_impl,
    attrs = {
        "copts": attr.string_list(),
        "deps": attr.label_list(providers = [CcInfo]),
        "local_defines": attr.string_list(),
        "src": attr.label(allow_single_file = [".cc"], mandatory = True),
        "_cc_toolchain": attr.label(default = "@rules_cc//cc:current_cc_toolchain"),
    },
    fragments = ["cpp"],
    toolchains = use_cc_toolchain(),
)

def compile_fails_test(name, src, deps, messages = [], names = [], copts = [], max_lines = 10, **kwargs):
    """Tests that a C++ file does not compile, for the right reason, and that the reason is readable.

    The file is compiled twice, with the flags that any other file gets. With ESPALIER_POSITIVE_TWIN defined it must
    compile, so that a missing header or a typing error cannot pass for the misuse:

        #ifdef ESPALIER_POSITIVE_TWIN
        auto links = StartLinks<Http2Url>(nursery, std::nullopt);
        #else
        auto links = StartLinks<HttpUrl>(nursery, std::nullopt);
        #endif
        auto gateway = StartGateway(nursery, links, std::nullopt);

    Args:
      name: of the test.
      src: the C++ file.
      deps: the libraries whose headers it includes.
      messages: Python regular expressions. Each must match within the first error, its notes included.
      names: types and the like. Each must occur as a whole within the first error, in the compiler's words and not
          only in code that it quotes; qualifiers such as `std::` aside.
      copts: further flags, such as "-Werror=unused-result" where the misuse is a warning by default.
      max_lines: how many lines the first error may take, with its notes and the code that it quotes.
      **kwargs: tags and the like.
    """
    outputs = {}
    for kind, defines in [("misuse", []), ("twin", ["ESPALIER_POSITIVE_TWIN"])]:
        outputs[kind] = "%s_%s" % (name, kind)
        _compiler_output(
            name = outputs[kind],
            testonly = True,
            src = src,
            copts = copts,
            local_defines = defines,
            tags = ["manual"],
            visibility = ["//visibility:private"],
            deps = deps,
        )
    checker = Label("//tools/build_defs:check_compiler_output.py")
    py_test(
        name = name,
        size = "small",
        srcs = [checker],
        args = [
            "--misuse=$(rootpath :%s)" % outputs["misuse"],
            "--twin=$(rootpath :%s)" % outputs["twin"],
            "--max_lines=%d" % max_lines,
        ] + ["'--message=%s'" % message.replace("'", "'\\''").replace("$", "$$") for message in messages] +
               ["'--name=%s'" % name for name in names],
        data = [":" + outputs["misuse"], ":" + outputs["twin"]],
        main = checker,
        **kwargs
    )
