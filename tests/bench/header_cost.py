"""Prints what each public header of a service costs to compile, next to absl/status/statusor.h.

The figure is the compiler's own processor time, the least of many runs, which take turns: what slows the machine down for
a while slows all of them. The exit code is 1 if a header costs more than the goal says.
"""

import os
import subprocess
import sys

_BASE = "absl/status/statusor.h"
_GOAL = 1.3
_RUNS = 15


def seconds(header):
    """Returns the processor time of compiling a file that includes only `header`."""
    command = ["clang++-19", "-std=c++20", "-I.", "-c", "-x", "c++", "-", "-o", "/dev/null"]
    child = subprocess.Popen(command, stdin=subprocess.PIPE)
    child.stdin.write(f'#include "{header}"\n'.encode())
    child.stdin.close()
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = status
    if status:
        raise SystemExit(f"{header} does not compile")
    return usage.ru_utime + usage.ru_stime


def least_seconds(headers):
    """Returns the least processor time of each."""
    least = {}
    for _ in range(_RUNS):
        for header in headers:
            used = seconds(header)
            least[header] = min(used, least.get(header, used))
    return least


def public_headers(labels):
    """Returns the paths of the headers that a file names by their labels, a line each."""
    with open(labels) as file:
        return sorted(line.strip().lstrip("/").replace(":", "/") for line in file)


def main(labels):
    least = least_seconds([_BASE] + public_headers(labels))
    base = least.pop(_BASE)
    print(f"{base:6.2f} s         {_BASE}")
    for header, cost in least.items():
        print(f"{cost:6.2f} s {cost / base:6.2f}  {header}")
    too_much = [header for header, cost in least.items() if cost > _GOAL * base]
    if too_much:
        sys.exit(f"more than {_GOAL}: " + ", ".join(too_much))


if __name__ == "__main__":
    main(sys.argv[1])
