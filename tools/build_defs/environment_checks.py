"""The tests of the macro environment(): that a plan is what it was, and that everything starts and stops.

usage: environment_checks.py plan LABEL PROGRAM FILE…    FILE ends with .txt, .json or .dot
       environment_checks.py smoke LABEL PROGRAM
"""

import ctypes
import difflib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

_PR_SET_CHILD_SUBREAPER = 36
# Processes that end with the environment may do so a moment later.
_SECONDS_TO_END = 5
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
    return difference and f"{difference}\nif that is meant: bazel run {label} -- {flag} >{file}\n"


def left_over(seconds):
    """Waits for all processes that became ours, at most so long. Kills those that remain, and returns what they ran."""

    def give_up(_signal, _frame):
        raise TimeoutError

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(seconds)
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        signal.alarm(0)
        return []
    except TimeoutError:
        pids = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    commands = [pathlib.Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ") for pid in pids]
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    return commands


def smoke(program):
    """Starts everything, stops it, and returns the exit code; not 0 if a process is left."""
    # What the program leaves becomes ours.
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with directory() as data, tempfile.TemporaryFile("w+") as output:
        ran = subprocess.run(
            [program, "--check", f"--data_dir={data}"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
        left = left_over(_SECONDS_TO_END)
        output.seek(0)
        print(output.read())
    for command in left:
        print("This was left running:", command)
    return ran.returncode or len(left)


def main(check, label, program, *files):
    program = os.path.abspath(program)
    if check == "smoke":
        sys.exit(smoke(program))
    sys.exit("".join(plan_difference(label, program, file) for file in files) or 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
