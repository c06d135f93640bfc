"""Fuzz targets: code that takes bytes from outside, and survives any."""

load("@rules_cc//cc:defs.bzl", "cc_test")
load(":sanitized_test.bzl", "sanitized_test")

def cc_fuzz_test(name, srcs, corpus, deps, dictionary = None, max_len = 4096, **kwargs):
    """A libFuzzer target with AddressSanitizer and UndefinedBehaviorSanitizer.

    `srcs` define

        extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

    which returns 0, and crashes for what must not be. As a test it takes each file of the corpus, which is over in a
    moment. To look for new ones:

        tools/bazel run //supervisor/journal:record_fuzz_test -- -runs=-1 -max_total_time=60

    What crashes it is left in a file whose name is printed; put that into the corpus, so that it stays mended.

    Args:
      name: of the test.
      srcs: the target.
      corpus: files, all in one directory.
      deps: as in cc_test.
      dictionary: a file of words that the format knows, see libFuzzer's -dict.
      max_len: the longest input to make up, in bytes.
      **kwargs: visibility, size and the like.
    """
    directories = {file.rpartition("/")[0]: None for file in corpus}
    if len(directories) != 1:
        fail("the corpus of %s must be in one directory, not %s" % (name, directories.keys()))
    package = native.package_name()
    args = ["-runs=0", "-max_len=%d" % max_len]
    if dictionary:
        args.append("-dict=%s/%s" % (package, dictionary))
    program = name + "_program"

    # Cannot be linked by itself: main() is the fuzzer's.
    cc_test(
        name = program,
        srcs = srcs,
        data = corpus + ([dictionary] if dictionary else []),
        deps = deps,
        tags = ["manual"],
    )
    sanitized_test(
        name = name,
        size = kwargs.pop("size", "small"),
        args = args + ["%s/%s" % (package, directories.keys()[0])],
        sanitizers = ["fuzzer", "address", "undefined"],
        test = program,
        **kwargs
    )
