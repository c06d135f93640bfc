import contextlib
import io
import json
import os
import tempfile
import unittest

from tools import count_tests

_XML = """<testsuites><testsuite name="Engine">
<testcase name="Starts" status="run" result="completed" classname="Engine"/>
<testcase name="Stops" status="run" result="completed" classname="Engine"><failure message="no"/></testcase>
<testcase name="Later" status="notrun" result="suppressed" classname="Engine"/>
<testcase name="Rarely" status="run" result="skipped" classname="Engine"><skipped message="why"/></testcase>
</testsuite></testsuites>"""
_PASSED_XML = '<testsuites><testsuite><testcase name="a" status="run"/></testsuite></testsuites>'


def configured(label):
    return {"id": {"targetConfigured": {"label": label}}, "configured": {"testSize": "SMALL"}}


class CountTestsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, text):
        path = os.path.join(self.folder.name, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def result(self, label, status, xml=None, attempt=1):
        output = {"name": "test.xml", "uri": "file://" + self.write(f"{status}{attempt}.xml", xml or "")}
        return {
            "id": {"testResult": {"label": label, "run": 1, "shard": 1, "attempt": attempt}},
            "testResult": {"status": status, "testActionOutput": [output] if xml else []},
        }

    def run_main(self, *events, bazel="0", checks=()):
        """Returns the exit code and the printed lines."""
        path = self.write("events.json", "".join(json.dumps(event) + "\n" for event in events))
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            code = count_tests.main(path, bazel, *checks)
        return code, printed.getvalue().splitlines()

    def test_all_passed(self):
        code, lines = self.run_main(configured("//:a"), self.result("//:a", "PASSED", _PASSED_XML), checks=["format=0"])
        self.assertEqual((code, lines), (0, ["2 passed, 0 failed, 0 skipped"]))

    def test_each_case_counts(self):
        code, lines = self.run_main(configured("//:a"), self.result("//:a", "FAILED", _XML), bazel="3")
        self.assertEqual(code, 1)
        self.assertEqual(lines[-1], "1 passed, 1 failed, 2 skipped")
        self.assertIn("failed: //:a: Engine.Stops", lines)
        self.assertIn("skipped: //:a: Engine.Rarely", lines)

    def test_a_skip_is_a_failure(self):
        xml = '<testsuites><testcase name="a"><skipped/></testcase></testsuites>'
        code, lines = self.run_main(configured("//:a"), self.result("//:a", "PASSED", xml))
        self.assertEqual((code, lines[-1]), (1, "0 passed, 0 failed, 1 skipped"))

    def test_target_that_is_not_built(self):
        code, lines = self.run_main(configured("//:a"), bazel="1")
        self.assertEqual((code, lines), (1, ["failed: //:a: not built", "0 passed, 1 failed, 0 skipped"]))

    def test_target_that_timed_out_without_xml(self):
        code, lines = self.run_main(configured("//:a"), self.result("//:a", "TIMEOUT"), bazel="3")
        self.assertEqual((code, lines), (1, ["failed: //:a: timeout", "0 passed, 1 failed, 0 skipped"]))

    def test_last_attempt_counts(self):
        attempts = self.result("//:a", "FAILED", _XML), self.result("//:a", "PASSED", _PASSED_XML, attempt=2)
        self.assertEqual(self.run_main(configured("//:a"), *attempts), (0, ["1 passed, 0 failed, 0 skipped"]))

    def test_build_that_does_not_load(self):
        code, lines = self.run_main(bazel="1", checks=["format=1"])
        self.assertEqual((code, lines[-1]), (1, "0 passed, 2 failed, 0 skipped"))


if __name__ == "__main__":
    unittest.main()
