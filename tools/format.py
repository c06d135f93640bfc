"""Formats the C++ files that git knows, as .clang-format says; with --check only names those that it would change."""

import os
import subprocess
import sys

_CLANG_FORMAT = "clang-format-19"
_FILES = ["*.cc", "*.h"]


def main(arguments):
    check = arguments == ["--check"]
    if arguments and not check:
        sys.exit("usage: bazel run //tools:format [-- --check]")
    os.chdir(os.environ["BUILD_WORKSPACE_DIRECTORY"])
    listed = subprocess.run(["git", "ls-files", "-z", "--", *_FILES], check=True, stdout=subprocess.PIPE)
    files = [file for file in listed.stdout.split(b"\0") if file and os.path.exists(file)]
    if files:
        what = ["--dry-run", "--Werror"] if check else ["-i"]
        sys.exit(subprocess.run([_CLANG_FORMAT, *what, *files]).returncode)


if __name__ == "__main__":
    main(sys.argv[1:])
