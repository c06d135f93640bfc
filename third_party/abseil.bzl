"""Abseil's repository, made from the pkg-config files which its package installs."""

load(":system_library.bzl", "require")

_PKG_CONFIG = "/usr/lib/%s-linux-gnu/pkgconfig"

# package -> the targets in it, under upstream's names. Where a file's name is not `absl_<target>`, it follows the colon.
_TARGETS = {
    "algorithm": ["algorithm", "container:algorithm_container"],
    "base": ["base", "config", "core_headers", "dynamic_annotations", "endian", "log_severity", "prefetch"],
    "cleanup": ["cleanup"],
    "container": [
        "btree",
        "fixed_array",
        "flat_hash_map",
        "flat_hash_set",
        "inlined_vector",
        "node_hash_map",
        "node_hash_set",
    ],
    "debugging": ["debugging", "failure_signal_handler", "leak_check", "stacktrace", "symbolize"],
    "flags": [
        "commandlineflag:flags_commandlineflag",
        "config:flags_config",
        "flag:flags",
        "marshalling:flags_marshalling",
        "parse:flags_parse",
        "reflection:flags_reflection",
        "usage:flags_usage",
    ],
    "functional": ["any_invocable", "bind_front", "function_ref"],
    "hash": ["hash"],
    "memory": ["memory"],
    "meta": ["type_traits"],
    "numeric": ["bits", "int128"],
    "random": [
        "bit_gen_ref:random_bit_gen_ref",
        "distributions:random_distributions",
        "random:random_random",
        "seed_gen_exception:random_seed_gen_exception",
        "seed_sequences:random_seed_sequences",
    ],
    "status": ["status", "statusor"],
    "strings": ["cord", "str_format", "strings"],
    "synchronization": ["synchronization"],
    "time": ["time"],
    "types": ["any", "compare", "optional", "span", "variant"],
    "utility": ["utility"],
}

_LIBRARY = """
cc_library(
    name = "{name}",
    hdrs = ["include/absl/base/config.h"],
    linkopts = {linkopts},
    visibility = ["//:__subpackages__"],
    deps = {deps},
)
"""

_TARGET = """
alias(
    name = "{name}",
    actual = "//:{library}",
    visibility = ["//visibility:public"],
)
"""

def _library(repository_ctx, file):
    """Returns a cc_library named after a pkg-config file, with the libraries and dependencies that it lists."""
    linkopts, deps = [], []
    for line in repository_ctx.read(file).splitlines():
        key, _, value = line.partition(": ")
        if key == "Libs":
            linkopts = [word for word in value.split(" ") if word and not word.startswith("-L")]
        elif key == "Requires":
            deps = [":" + word.strip().split(" ")[0] for word in value.split(",") if word.strip()]
    return _LIBRARY.format(name = file.basename[:-len(".pc")], linkopts = repr(linkopts), deps = repr(deps))

def _abseil_impl(repository_ctx):
    header = require(repository_ctx, "/usr/include/absl/base/config.h", "libabsl-dev")
    repository_ctx.symlink(header, "include/absl/base/config.h")
    machine = repository_ctx.execute(["uname", "-m"]).stdout.strip()
    root = ['load("@rules_cc//cc:defs.bzl", "cc_library")\n']
    for file in repository_ctx.path(_PKG_CONFIG % machine).readdir():
        if file.basename.startswith("absl_") and file.basename.endswith(".pc"):
            root.append(_library(repository_ctx, file))
    repository_ctx.file("BUILD", "".join(root))
    for package, targets in _TARGETS.items():
        build = []
        for target in targets:
            name, _, library = target.partition(":")
            build.append(_TARGET.format(name = name, library = "absl_" + (library or name)))
        repository_ctx.file("absl/%s/BUILD" % package, "".join(build))

abseil = repository_rule(
    implementation = _abseil_impl,
    doc = "Abseil's shared libraries, the ones that gRPC's link: a second copy in one process would break both.",
    local = True,
)
