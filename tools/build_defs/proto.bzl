"""C++ from .proto files, by the system's protoc: cc_proto_library would bring a second protobuf library."""

load("@rules_cc//cc:defs.bzl", "cc_library")

_SUFFIXES = [".pb.cc", ".grpc.pb.cc", ".pb.h", ".grpc.pb.h"]

def _protoc_impl(ctx):
    root = ctx.label.workspace_root
    out = "/".join([part for part in [ctx.bin_dir.path, root] if part])
    arguments = ctx.actions.args()
    arguments.add_all(["--cpp_out=" + out, "--grpc_out=" + out])
    arguments.add(ctx.executable._plugin, format = "--plugin=protoc-gen-grpc=%s")
    roots = {file.owner.workspace_root or ".": None for file in [ctx.file.src] + ctx.files.imports}
    arguments.add_all(roots.keys(), format_each = "-I%s")
    arguments.add(ctx.file.src)
    ctx.actions.run(
        arguments = [arguments],
        executable = ctx.executable._protoc,
        inputs = [ctx.file.src] + ctx.files.imports,
        mnemonic = "Protoc",
        outputs = ctx.outputs.outs,
        progress_message = "Generating C++ from %s" % ctx.file.src.short_path,
        tools = [ctx.executable._plugin],
    )
    return [DefaultInfo(files = depset(ctx.outputs.outs))]

_protoc = rule(
    implementation = _protoc_impl,
    attrs = {
        "imports": attr.label_list(allow_files = [".proto"]),
        "outs": attr.output_list(mandatory = True),
        "src": attr.label(allow_single_file = [".proto"], mandatory = True),
        "_plugin": attr.label(
            cfg = "exec",
            default = "@com_github_grpc_grpc//src/compiler:grpc_cpp_plugin",
            executable = True,
        ),
        "_protoc": attr.label(
            cfg = "exec",
            default = "@com_google_protobuf//:protoc",
            executable = True,
        ),
    },
)

def cc_grpc_library(name, src, imports = [], deps = [], **kwargs):
    """A cc_library with the messages and the services of one .proto file.

    "control.proto" in the package supervisor/control is included as "supervisor/control/control.pb.h" (messages) and
    "supervisor/control/control.grpc.pb.h" (services), also from another workspace.

    Args:
      name: of the library.
      src: the .proto file. Paths in its `import` lines start at the root of the workspace.
      imports: .proto files that it imports, and those that they import; google/protobuf/*.proto are there anyway.
      deps: the cc_grpc_library of each of them.
      **kwargs: visibility and the like.
    """
    stem = src.split(":")[-1][:-len(".proto")]
    outs = [stem + suffix for suffix in _SUFFIXES]
    common = {key: kwargs[key] for key in ["tags", "testonly"] if key in kwargs}
    _protoc(
        name = name + "_protoc",
        src = src,
        outs = outs,
        imports = imports,
        visibility = ["//visibility:private"],
        **common
    )
    cc_library(
        name = name,
        srcs = outs[:2],
        hdrs = outs[2:],
        deps = deps + [
            Label("@com_github_grpc_grpc//:grpc++"),
            Label("@com_google_protobuf//:protobuf"),
        ],
        **kwargs
    )
