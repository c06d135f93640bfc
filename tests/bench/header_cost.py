"""Prints what each service's public header costs to compile, next to absl/status/statusor.h.

The figure is the compiler's own processor time, the least of several runs.
"""

import glob
import os
import subprocess

_BASE = "absl/status/statusor.h"
_RUNS = 7


def seconds(header):
    """Returns the processor time of compiling a file that includes only `header`."""
    least = None
    for _ in range(_RUNS):
        command = ["clang++-19", "-std=c++20", "-I.", "-c", "-x", "c++", "-", "-o", "/dev/null"]
        child = subprocess.Popen(command, stdin=subprocess.PIPE)
        child.stdin.write(f'#include "{header}"\n'.encode())
        child.stdin.close()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        if status:
            raise SystemExit(f"{header} does not compile")
        used = usage.ru_utime + usage.ru_stime
        least = used if least is None else min(least, used)
    return least


def main():
    base = seconds(_BASE)
    print(f"{base:6.2f} s         {_BASE}")
    for header in sorted(glob.glob("services/*/*.h")):
        name = os.path.basename(os.path.dirname(header))
        if header == f"services/{name}/{name}.h":
            cost = seconds(header)
            print(f"{cost:6.2f} s {cost / base:6.2f}  {header}")


if __name__ == "__main__":
    main()
