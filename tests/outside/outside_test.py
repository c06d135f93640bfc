"""Builds, tests and runs the workspace beside this file, as somebody with a project of their own would."""

import os
import pathlib
import subprocess
import unittest

# Through the links of Bazel's runfiles: the sources.
_WORKSPACE = pathlib.Path(__file__).resolve().parent / "workspace"
_BAZEL = _WORKSPACE.parents[2] / "tools/bazel"


def bazel(command, *arguments):
    """Runs Bazel there with an output base of this test, and without a server that would stay. Returns its output."""
    temporary = os.environ["TEST_TMPDIR"]
    flags = ["--symlink_prefix=/", "--noshow_progress", "--color=no"]
    if "ESPALIER_DISK_CACHE" in os.environ:  # --test_env=ESPALIER_DISK_CACHE: for those who repeat it
        flags.append("--disk_cache=" + os.environ["ESPALIER_DISK_CACHE"])
    return subprocess.run(
        [_BAZEL, "--batch", f"--output_user_root={temporary}/bazel", command, *flags, *arguments],
        cwd=_WORKSPACE,
        # Not that of the test, which Bazel would take for its own.
        env={"PATH": os.environ["PATH"], "HOME": temporary, "USER": "somebody", "CI": "true"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


class OutsideTest(unittest.TestCase):
    def test_service_and_environment_build_run_and_pass_their_tests(self):
        tested = bazel("test", "--test_output=errors", "//...")
        self.assertEqual(tested.returncode, 0, tested.stdout)
        tests = ["greeter:greeter", "greeter:greeter_hygiene", "environments:hello_plan", "environments:hello_smoke"]
        for test in tests:
            self.assertRegex(tested.stdout, f"//{test}_test +PASSED")
        ran = bazel("run", "//environments:hello", "--", "--plan")
        self.assertEqual(ran.returncode, 0, ran.stdout)
        self.assertIn("--greeting=Hello!", ran.stdout)


if __name__ == "__main__":
    unittest.main()
