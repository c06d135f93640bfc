"""CcInfo, built into Bazel 4 to 8, under the label of rules_cc."""

load("//cc/private:native.bzl", "native_cc_info")

CcInfo = native_cc_info
