"""Every patch still applies, says what it breaks, and no state of a service is left out."""

import glob
import os
import re
import shutil
import subprocess
import tempfile
import unittest

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.normpath(os.path.join(_HERE, "../../.."))
_STATES_HEADER = os.path.join(_ROOT, "supervisor/engine/service_state.h")


def patches():
    return sorted(glob.glob(os.path.join(_HERE, "*.patch")))


class PatchesTest(unittest.TestCase):

    def test_every_patch_applies(self):
        for patch in patches():
            with self.subTest(os.path.basename(patch)), tempfile.TemporaryDirectory() as copy:
                engine = os.path.join(copy, "supervisor/engine")
                os.makedirs(engine)
                for source in glob.glob(os.path.join(_ROOT, "supervisor/engine/*.cc")):
                    shutil.copy(source, engine)
                applied = subprocess.run(["patch", "--strip=1", "--fuzz=0", "--directory=" + copy, "--input=" + patch],
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
                self.assertEqual(applied.returncode, 0, applied.stdout)

    def test_every_patch_says_in_a_sentence_what_it_breaks(self):
        for patch in patches():
            with self.subTest(os.path.basename(patch)), open(patch) as file:
                self.assertRegex(file.readline(), r"^[A-Z].*\.$")

    def test_every_state_has_a_broken_engine(self):
        with open(_STATES_HEADER) as file:
            states = set(re.findall(r"ServiceState::k(\w+),", file.read()))
        self.assertEqual(len(states), 13)
        broken = {os.path.basename(patch).split("_")[0] for patch in patches()}
        self.assertLessEqual({state.lower() for state in states}, broken)


if __name__ == "__main__":
    unittest.main()
