"""Engines that are broken on purpose, each with the engine's tests."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library")
load("//supervisor/engine:sources.bzl", "ENGINE_SOURCES", "engine_part")

def _mutant(name, source):
    native.genrule(
        name = name + "_source",
        srcs = [name + ".patch", "//supervisor/engine:" + source],
        outs = [name + "_" + source],
        cmd = "cp $(location //supervisor/engine:%s) $@ && chmod u+w $@ && patch --silent --fuzz=0 $@ $(location %s.patch)" % (source, name),
        tags = ["manual"],
    )
    cc_library(
        name = name + "_part",
        testonly = True,
        srcs = [":" + name + "_source"],
        tags = ["manual"],
        deps = ["//supervisor/engine:engine_interface"],
        alwayslink = True,
    )
    engine_with_tests(
        name = name + "_mutant",
        parts = [":" + name + "_part"] + _parts_without(source),
    )

def _parts_without(source):
    return ["//supervisor/engine:" + engine_part(other) for other in ENGINE_SOURCES if other != source]

def engine_with_tests(name, parts):
    """The engine's tests and a short simulation, with an engine of these parts."""
    cc_binary(
        name = name,
        testonly = True,
        tags = ["manual"],
        deps = parts + [
            ":short_simulation_test",
            "//supervisor/engine:engine_tests",
            "@com_google_googletest//:gtest_main",
        ],
    )

def mutants(patches):
    """A target `X_mutant` for every X.patch of the package.

    Args:
      patches: by source of the engine, the names of the patches that change it.

    Returns:
      the labels of the mutants.
    """
    names = []
    for source, of_source in patches.items():
        for name in of_source:
            _mutant(name, source)
            names.append(name)
    forgotten = [patch for patch in native.glob(["*.patch"]) if patch[:-len(".patch")] not in names]
    if forgotten:
        fail("patches that nobody tries: " + ", ".join(forgotten))
    return [":%s_mutant" % name for name in names]
