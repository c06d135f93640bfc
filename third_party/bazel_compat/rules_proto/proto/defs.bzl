"""The Protocol Buffers rules built into Bazel 4 to 6, under the labels of rules_proto: Bazel's own tools load them."""

proto_lang_toolchain = native.proto_lang_toolchain
proto_library = native.proto_library
