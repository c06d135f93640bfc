"""Runs the engine's tests against engines that are broken on purpose, and names the test that catches each.

Ends with an error when one of them is not caught.
"""

import json
import os
import subprocess
import sys
import tempfile

_HERE = os.path.dirname(os.path.abspath(__file__))
_SOUND = "sound_engine"
_MUTANT = "_mutant"
_SIMULATION = "ShortSimulationTest.KeepsEveryPromise"
# Many times what the sound engine takes: a broken one may run in a circle.
_TIMEOUT_S = 60


def failed_tests(report):
    """The names of the tests that failed, from GoogleTest's JSON."""
    return [
        test["classname"] + "." + test["name"]
        for suite in report.get("testsuites", [])
        for test in suite["testsuite"]
        if test.get("failures")
    ]


def catchers(program):
    """What says that the engine in `program` is broken; nothing if it passes for a sound one."""
    with tempfile.TemporaryDirectory() as directory:
        report = os.path.join(directory, "report.json")
        with open(os.path.join(directory, "output"), "w+") as output:
            try:
                ended = subprocess.run([program, "--gtest_output=json:" + report], stdout=output,
                                       stderr=subprocess.STDOUT, timeout=_TIMEOUT_S).returncode
            except subprocess.TimeoutExpired:
                ended = "no end within %d s" % _TIMEOUT_S
            if os.path.exists(report):
                with open(report) as file:
                    return failed_tests(json.load(file))
            output.seek(0)
            begun = [line[len("[ RUN      ] "):].strip() for line in output if line.startswith("[ RUN ")]
            return ["%s (%s)" % (begun[-1] if begun else "the program", ended)]


def sentence(name):
    """What is broken: the first line of the patch."""
    with open(os.path.join(_HERE, name + ".patch")) as patch:
        return patch.readline().strip()


def summary(caught_by):
    """One line: the first test, how many more, and whether the simulation alone would do."""
    tests = [test for test in caught_by if test != _SIMULATION]
    if not tests:
        return "the simulation alone"
    more = " and %d more" % (len(tests) - 1) if len(tests) > 1 else ""
    return tests[0] + more + (", and the simulation" if len(tests) < len(caught_by) else "")


def main():
    if failed := catchers(os.path.join(_HERE, _SOUND)):
        sys.exit("The engine itself fails, so nothing can be told: " + ", ".join(failed))
    names = sorted(file[:-len(_MUTANT)] for file in os.listdir(_HERE) if file.endswith(_MUTANT))
    survivors = []
    for name in names:
        caught_by = catchers(os.path.join(_HERE, name + _MUTANT))
        if not caught_by:
            survivors.append(name)
        print("%s: %s\n    %s" % (name, sentence(name), "caught by " + summary(caught_by) if caught_by else
                                  "NOT CAUGHT"), flush=True)
    print("%d of %d broken engines caught" % (len(names) - len(survivors), len(names)))
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
