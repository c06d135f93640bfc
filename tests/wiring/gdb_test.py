"""What gdb shows of handles, from the script that every program brings along."""

import os
import subprocess
import unittest

_PROGRAM = os.path.abspath("tests/wiring/gdb_example")


def gdb(setting, *commands):
    """Runs the program to the place where it can be looked at, then the commands; returns what gdb says."""
    arguments = ["gdb", "--nx", "--batch", "-iex", setting, "-iex", "set debuginfod enabled off"]
    for command in ["set width 0", "break Look", "run", *commands]:
        arguments += ["-ex", command]
    run = subprocess.run(
        arguments + [_PROGRAM], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False
    )
    return run.stdout + run.stderr


class GdbTest(unittest.TestCase):
    def test_shows_a_handle_as_it_is_printed(self):
        shown = gdb("add-auto-load-safe-path /", "print shop", "print shop.links.url", "print shop.links")
        for member in [
            "links = {url = http://127.0.0.1:4000}",
            "database = postgresql:///?host=/run/postgres",
            "cache = /run/redis/socket",
            "queue = 127.0.0.1:4001",
            "front = https://127.0.0.1:4002",
            "files = {data}/shop/files",
            "password = {secret postgres.password}",
            "$2 = http://127.0.0.1:4000\n",
            "$3 = {url = http://127.0.0.1:4000}\n",
        ]:
            self.assertIn(member, shown)

    def test_without_the_script_there_is_no_such_view(self):
        shown = gdb("set auto-load python-scripts off", "print shop")
        self.assertIn("4000", shown)
        self.assertNotIn("http://127.0.0.1:4000", shown)


if __name__ == "__main__":
    unittest.main()
