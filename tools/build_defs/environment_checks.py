"""The tests of the macro environment(): that a plan is what it was, and that everything starts and stops.

usage: environment_checks.py plan LABEL PROGRAM FILE…    FILE ends with .txt, .json or .dot
       environment_checks.py smoke LABEL PROGRAM
"""

import difflib
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

_FLAGS = {".txt": "--plan", ".json": "--plan=json", ".dot": "--plan=dot"}


def directory():
    """Returns a new directory that services may enter: root's run as another user."""
    made = tempfile.TemporaryDirectory(dir="/tmp" if os.geteuid() == 0 else os.environ.get("TEST_TMPDIR"))
    os.chmod(made.name, 0o711)
    return made


def planned(program, flag):
    """Returns the plan as a machine prints it that has none of the programs: the binary is alone, in /proc."""
    with directory() as alone:
        copy = shutil.copy(program, alone)
        ran = subprocess.run(
            [copy, flag], cwd="/proc", env={}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    if ran.returncode:
        sys.exit(f"{program} {flag} ended with exit code {ran.returncode}:\n{ran.stderr}")
    return ran.stdout


def plan_difference(label, program, file):
    """Returns what is different, and how to write the file anew; empty if nothing is."""
    flag = _FLAGS[pathlib.Path(file).suffix]
    with open(file) as golden:
        expected = golden.readlines()
    found = planned(program, flag).splitlines(keepends=True)
    difference = "".join(difflib.unified_diff(expected, found, file, "now"))
    return difference and f"{difference}\nif that is meant: tools/bazel run {label} -- {flag} >{file}\n"


def smoke(program):
    """Starts everything, stops it, and returns the exit code."""
    with directory() as data:
        # Whatever outlives the program and holds its output would keep this waiting.
        ran = subprocess.run(
            [program, "--check", f"--data_dir={data}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
    print(ran.stdout)
    return ran.returncode


def main(check, label, program, *files):
    program = os.path.abspath(program)
    if check == "smoke":
        sys.exit(smoke(program))
    sys.exit("".join(plan_difference(label, program, file) for file in files) or 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
