"""Runs the wrapper tools/bazel in a workspace whose Bazel, packages and installer are made up."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

_WRAPPER = "tools/bazel"

_FAKE_BAZEL = """#!/bin/bash
printf '<%s>' "$@"
"""

_FAKE_INSTALLER = """#!/bin/bash
echo "installing $*"
for package; do touch "${0%/*}/$package"; done
[[ $1 != broken ]]
"""


class BazelWrapperTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp()).resolve()
        self.addCleanup(shutil.rmtree, self.root)
        for folder in ["tools", "third_party", "services/postgres"]:
            (self.root / folder).mkdir(parents=True)
        shutil.copy(_WRAPPER, self.root / "tools/bazel")
        self.write("bazel-real", _FAKE_BAZEL)
        self.write("third_party/install_packages", _FAKE_INSTALLER)

    def write(self, path, text):
        (self.root / path).write_text(text)
        (self.root / path).chmod(0o755)

    def packages(self, **needs):
        """Declares packages, each with what needs it; none is installed."""
        lines = [f"{package} {self.root}/third_party/{package} {need}\n" for package, need in needs.items()]
        self.write("third_party/packages.txt", "# comment\n\n" + "".join(lines))

    def run_wrapper(self, *arguments, folder=".", **environment):
        environment = {"PATH": os.environ["PATH"], "BAZEL_REAL": str(self.root / "bazel-real"), **environment}
        return subprocess.run(
            [self.root / "tools/bazel", *arguments],
            cwd=self.root / folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )

    def asks_for(self, *arguments, folder="."):
        """Returns whether the wrapper stops because of a missing package."""
        ran = self.run_wrapper(*arguments, folder=folder)
        self.assertEqual("apt-get install --no-install-recommends" in ran.stderr, ran.returncode != 0, ran)
        return ran.returncode != 0

    def test_passes_arguments_on_exactly(self):
        self.packages()
        ran = self.run_wrapper("--yes", "run", "--a=b c", "//x", "--", "--yes", "", "*", "a\nb")
        self.assertEqual(ran.stdout, "<run><--a=b c><//x><--><--yes><><*><a\nb>")
        self.assertEqual(ran.returncode, 0)

    def test_works_without_arguments(self):
        self.packages()
        self.assertEqual(self.run_wrapper().returncode, 0)

    def test_what_a_build_needs_is_not_asked_for_by_other_commands(self):
        self.packages(compiler="build")
        self.assertTrue(self.asks_for("build", "//x"))
        self.assertTrue(self.asks_for("--batch", "test", "--config=ci", "//x"))
        self.assertFalse(self.asks_for("help", "build"))
        self.assertFalse(self.asks_for("info"))

    def test_what_targets_need_is_asked_for_by_them_only(self):
        self.packages(server="//environments:one,//services/postgres")
        for pattern in [
            "//...",
            "@espalier//...",
            "//services/...",
            "//services/postgres",
            "//services/postgres:all",
            "//services/postgres/server:main",
            "//environments:one",
            "//environments:all",
            "//environments:*",
            "//environments/...",
            "environments:one",
        ]:
            with self.subTest(pattern):
                self.assertTrue(self.asks_for("test", pattern))
                self.assertTrue(self.asks_for("test", "--", "//other", pattern))
        for pattern in ["//environments:two", "//services/postgresql/...", "//services/links", "//:all", "-//..."]:
            with self.subTest(pattern):
                self.assertFalse(self.asks_for("test", pattern))

    def test_arguments_of_the_program_are_not_targets(self):
        self.packages(server="//services/postgres")
        self.assertFalse(self.asks_for("run", "//x", "--", "//services/postgres"))
        self.assertFalse(self.asks_for("run", "//x", "//services/postgres"))

    def test_patterns_are_relative_to_the_folder(self):
        self.packages(server="//services/postgres:postgres_test")
        self.assertTrue(self.asks_for("test", ":postgres_test", folder="services/postgres"))
        self.assertTrue(self.asks_for("test", "postgres_test", folder="services/postgres"))
        self.assertTrue(self.asks_for("test", "postgres/...", folder="services"))
        self.assertTrue(self.asks_for("test", "...", folder="services"))
        self.assertFalse(self.asks_for("test", "...", folder="tools"))

    def test_in_another_workspace_only_what_is_of_this_one_counts(self):
        self.packages(server="//services/postgres")
        with tempfile.TemporaryDirectory() as elsewhere:
            below = self.root / "tests/outside"
            below.mkdir(parents=True)
            (below / "WORKSPACE").touch()
            for folder in [elsewhere, below]:
                self.assertFalse(self.asks_for("test", "//services/...", folder=folder))
                self.assertTrue(self.asks_for("test", "@espalier//services/...", folder=folder))

    def test_installs_what_is_missing_and_goes_on(self):
        self.packages(compiler="build", library="build")
        (self.root / "third_party/library").touch()
        ran = self.run_wrapper("build", "--yes", "//x")
        if os.geteuid() != 0 and ran.returncode != 0:
            self.assertIn("it needs root", ran.stderr)
            return
        self.assertIn("installing compiler\n", ran.stderr)
        self.assertEqual(ran.stdout, "<build><//x>")
        self.assertNotIn("installing", self.run_wrapper("build", "//x", CI="true").stderr)

    def test_ends_when_the_installation_fails(self):
        self.packages(broken="build")
        ran = self.run_wrapper("build", "//x", CI="true")
        self.assertNotEqual(ran.returncode, 0)
        self.assertEqual(ran.stdout, "")


if __name__ == "__main__":
    unittest.main()
