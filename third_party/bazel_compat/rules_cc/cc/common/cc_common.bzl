"""cc_common, built into Bazel 4 to 8, under the label of rules_cc."""

load("//cc/private:native.bzl", "native_cc_common")

cc_common = native_cc_common
