"""Judges what the compiler said about a file that must not compile, and about its twin that must."""

import argparse
import re
import sys

_ERROR = re.compile(r"^\S[^\n]*?: (fatal )?error: ")
_QUOTED_CODE = re.compile(r"^ +(\d+ )?\|")
_QUALIFIER = re.compile(r"\b\w+::")
# A name in a file's path is nothing that is said.
_LOCATION = re.compile(r"^(In file included from |\s+from )?\S+?:\d+[:,](\d+:)?")
_STATUS = re.compile(r"\Aexit status (\d+)\Z")


class Output:
    """What one run of the compiler left: its exit status and its lines."""

    def __init__(self, text):
        lines = text.splitlines()
        status = _STATUS.match(lines[-1]) if lines else None
        if not status:
            raise ValueError("the compiler's exit status is missing")
        self.status = int(status.group(1))
        self.lines = lines[:-1]

    def first_error(self):
        """Returns the lines of the first error: where it was included from, the error, its notes."""
        errors = [i for i, line in enumerate(self.lines) if _ERROR.match(line)]
        if not errors:
            return []
        end = len(self.lines)
        for i in range(errors[0] + 1, len(self.lines)):
            if re.search(r": (fatal )?error: |: warning: |^\d+ (error|warning)s? ", self.lines[i]):
                end = i
                break
            if self.lines[i].startswith("In file included from "):
                end = i
                break
        start = errors[0]
        while start > 0 and re.match(r"In file included from |\s+from ", self.lines[start - 1]):
            start -= 1
        return self.lines[start:end]


def names_it(lines, name):
    """Returns whether a name stands in one of the lines by itself, not as a part of a longer one."""
    found = re.compile(r"(?<!\w)" + re.escape(name) + r"(?!\w)")
    return any(found.search(_QUALIFIER.sub("", _LOCATION.sub("", line))) for line in lines)


def problems(misuse, twin, messages, names, max_lines):
    """Returns a sentence for each thing that is wrong, with what the compiler said; none if all is well."""
    if twin.status != 0:
        return ["The positive twin does not compile, so the misuse fails for another reason:\n" + "\n".join(twin.lines)]
    if misuse.status == 0:
        return ["The misuse compiles."]
    error = misuse.first_error()
    if not error:
        return ["The compiler failed without an error in the code:\n" + "\n".join(misuse.lines)]
    found = []
    for message in messages:
        if not re.search(message, "\n".join(error)):
            found.append("The first error does not say: " + message)
    said = [line for line in error if not _QUOTED_CODE.match(line)]
    found += ["The first error does not name: " + name for name in names if not names_it(said, name)]
    if len(error) > max_lines:
        found.append(f"The first error takes {len(error)} lines; {max_lines} are allowed.")
    if found:
        found.append("It is:\n" + "\n".join(error))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misuse", required=True, help="file with the compiler's output for the misuse")
    parser.add_argument("--twin", required=True, help="file with the compiler's output for the positive twin")
    parser.add_argument("--message", action="append", default=[], help="regular expression the first error must match")
    parser.add_argument("--name", action="append", default=[], help="what the first error must name")
    parser.add_argument("--max_lines", type=int, required=True, help="how long the first error may be")
    args = parser.parse_args()
    with open(args.misuse) as misuse, open(args.twin) as twin:
        found = problems(Output(misuse.read()), Output(twin.read()), args.message, args.name, args.max_lines)
    sys.exit("\n".join(found) if found else 0)


if __name__ == "__main__":
    main()
