"""The supervisor depends on nothing above it. Where other workspaces may use a service, visibility cannot say so."""

import sys
import unittest


class LayersTest(unittest.TestCase):

    def test_the_supervisor_depends_on_nothing_above_it(self):
        with open(_PATH) as file:
            self.assertEqual(file.read().split(), [], "the supervisor depends on these")


if __name__ == "__main__":
    _PATH = sys.argv.pop()
    unittest.main()
