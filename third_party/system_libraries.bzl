"""The libraries that the system provides, under their upstream names. WORKSPACE and MODULE.bazel both read this."""

load(":abseil.bzl", "abseil")
load(":system_library.bzl", "system_library")

_LIBRARIES = {
    "com_github_google_benchmark": struct(
        build_files = {"//third_party:benchmark.BUILD": ""},
        files = {"include/benchmark/benchmark.h": "libbenchmark-dev"},
    ),
    "com_github_google_glog": struct(
        build_files = {"//third_party:glog.BUILD": ""},
        files = {"include/glog/logging.h": "libgoogle-glog-dev"},
    ),
    "com_github_grpc_grpc": struct(
        build_files = {
            "//third_party:grpc.BUILD": "",
            "//third_party:grpc_compiler.BUILD": "src/compiler",
        },
        files = {
            "bin/grpc_cpp_plugin": "protobuf-compiler-grpc",
            "include/grpcpp/version_info.h": "libgrpc++-dev",
        },
    ),
    "com_github_libevent_libevent": struct(
        build_files = {"//third_party:libevent.BUILD": ""},
        files = {"include/event2/event-config.h": "libevent-dev"},
    ),
    "com_github_nghttp2": struct(
        build_files = {"//third_party:nghttp2.BUILD": ""},
        files = {"include/nghttp2/nghttp2ver.h": "libnghttp2-dev"},
    ),
    "com_github_nlohmann_json": struct(
        build_files = {"//third_party:nlohmann_json.BUILD": ""},
        files = {"include/nlohmann/json.hpp": "nlohmann-json3-dev"},
    ),
    "com_github_redis_hiredis": struct(
        build_files = {"//third_party:hiredis.BUILD": ""},
        files = {"include/hiredis/hiredis.h": "libhiredis-dev"},
    ),
    "com_google_googletest": struct(
        build_files = {"//third_party:googletest.BUILD": ""},
        files = {
            "include/gmock/gmock.h": "libgmock-dev",
            "include/gtest/gtest.h": "libgtest-dev",
        },
    ),
    "com_google_protobuf": struct(
        build_files = {"//third_party:protobuf.BUILD": ""},
        files = {
            "bin/protoc": "protobuf-compiler",
            "include/google/protobuf/stubs/common.h": "libprotobuf-dev",
        },
    ),
    "org_postgresql": struct(
        build_files = {"//third_party:libpq.BUILD": ""},
        files = {
            "include/postgresql/libpq-fe.h": "libpq-dev",
            "include/postgresql/pg_config_ext.h": "libpq-dev",
            "include/postgresql/postgres_ext.h": "libpq-dev",
        },
    ),
    "org_sqlite": struct(
        build_files = {"//third_party:sqlite.BUILD": ""},
        files = {"include/sqlite3.h": "libsqlite3-dev"},
    ),
    "util_linux": struct(
        build_files = {"//third_party:libsmartcols.BUILD": ""},
        files = {"include/libsmartcols/libsmartcols.h": "libsmartcols-dev"},
    ),
    "zlib": struct(
        build_files = {"//third_party:zlib.BUILD": ""},
        files = {"include/zlib.h": "zlib1g-dev"},
    ),
}

def system_libraries(exists = native.existing_rule):
    """Defines each library that is not there yet.

    Args:
      exists: says whether the workspace has a repository of that name already.
    """
    if not exists("com_google_absl"):
        abseil(name = "com_google_absl")
    for name, library in _LIBRARIES.items():
        if not exists(name):
            # As labels they are files of this repository, whichever workspace calls.
            build_files = {Label(file): package for file, package in library.build_files.items()}
            system_library(name = name, build_files = build_files, files = library.files)
