"""The rule compile_fails_test has to go red in each way in which a negative test can be worthless."""

import unittest

from tools.build_defs.check_compiler_output import Output, problems

_COMPILES = Output("exit status 0\n")
_MISUSE = Output("""\
a.cc:9:3: warning: unused variable 'x' [-Wunused-variable]
    9 |   int x;
      |       ^
In file included from a.cc:1:
./a.h:7:3: error: no matching function for call to 'StartGateway'
    7 |   StartGateway(links);
      |   ^~~~~~~~~~~~
./gateway.h:5:6: note: no known conversion from 'Links<HttpUrl>' to 'Links<Http2Url>'
    5 | void StartGateway(Links<Http2Url> links);
      |      ^            ~~~~~~~~~~~~~~~~~~~~~
a.cc:12:3: error: something else
1 warning and 2 errors generated.
exit status 1
""")


class ProblemsTest(unittest.TestCase):
    def test_the_right_error_is_no_problem(self):
        messages = [r"'Links<HttpUrl>' to 'Links<Http2Url>'", "StartGateway"]
        self.assertEqual(problems(_MISUSE, _COMPILES, messages, [], 7), [])

    def test_misuse_that_compiles(self):
        self.assertEqual(problems(_COMPILES, _COMPILES, [], [], 10), ["The misuse compiles."])

    def test_twin_that_does_not_compile(self):
        (problem,) = problems(_MISUSE, Output("a.cc:1:10: fatal error: 'a.h' file not found\nexit status 1\n"), [], [], 10)
        self.assertIn("positive twin does not compile", problem)
        self.assertIn("'a.h' file not found", problem)

    def test_another_message(self):
        found = problems(_MISUSE, _COMPILES, ["no member named"], [], 10)
        self.assertIn("The first error does not say: no member named", found)
        self.assertIn("no matching function", found[-1])

    def test_names_are_whole_and_not_only_quoted(self):
        self.assertEqual(problems(_MISUSE, _COMPILES, [], ["Links<Http2Url>", "HttpUrl", "Http2Url"], 7), [])
        for name in ["Links<Http2Url> links", "Http2", "Url", "Redis", "gateway", "h", "cc"]:
            with self.subTest(name):
                self.assertIn("The first error does not name: " + name, problems(_MISUSE, _COMPILES, [], [name], 7))

    def test_qualifiers_are_no_part_of_a_name(self):
        error = Output("a.cc:1:1: error: no 'std::optional<espalier::Redis>' for 'a'\nexit status 1\n")
        self.assertEqual(problems(error, _COMPILES, [], ["optional<Redis>"], 1), [])

    def test_only_the_first_error_counts(self):
        self.assertIn("The first error does not say: something else", problems(_MISUSE, _COMPILES, ["something else"], [], 10))

    def test_too_much_to_read(self):
        self.assertIn("The first error takes 7 lines; 6 are allowed.", problems(_MISUSE, _COMPILES, [], [], 6))

    def test_compiler_that_crashed(self):
        (problem,) = problems(Output("Killed\nexit status 137\n"), _COMPILES, [], [], 10)
        self.assertIn("without an error in the code", problem)

    def test_output_cut_short(self):
        with self.assertRaises(ValueError):
            Output("a.cc:1:1: error: x\n")


if __name__ == "__main__":
    unittest.main()
