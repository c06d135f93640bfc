"""Takes away one guard after the other, and shows that then exactly the misuses which name it compile.

All misuses are compiled as one file, a function each; what the compiler says is told apart by `#line`.
"""

import argparse
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

_COMPILER = ["clang++-19", "-std=c++20", "-fsyntax-only", "-x", "c++", "-", "-Werror=unused-result", "-ferror-limit=0"]
_ERROR = re.compile(r": (fatal )?error: ")
_IN_MISUSE = re.compile(r"^(?:In file included from )?misuse\.(\w+):\d+", re.MULTILINE)


def source_of(misuses):
    """Returns a C++ file in which each misuse is a function."""
    lines = ['#include "tests/wiring/all_services.h"', "namespace espalier {"]
    for misuse in misuses:
        lines.append(f'#line 1 "misuse.{misuse["name"]}"')
        lines.append(f"Task<void> Wire_{misuse['name']}(Nursery& nursery) {{")
        lines += misuse.get("setup", []) + [misuse["wrong"], "co_return;", "}"]
    return "\n".join(lines + ["}  // namespace espalier", ""])


def edited(edits):
    """Returns {file: contents} with a guard's edits made; raises ValueError if one has no place or several."""
    files = {}
    for edit in edits:
        name = edit["file"]
        if name not in files:
            with open(name) as file:
                files[name] = file.read()
        places = files[name].count(edit["old"])
        if places != 1:
            raise ValueError(f"this occurs {places} times in {name}, not once:\n{edit['old']}")
        files[name] = files[name].replace(edit["old"], edit["new"])
    return files


def refused(source, edits):
    """Returns the misuses which do not compile, with the edits made, and the errors that belong to none."""
    with tempfile.TemporaryDirectory() as overlay:
        for name, contents in edited(edits).items():
            path = os.path.join(overlay, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w") as file:
                file.write(contents)
        flags = ["-I" + overlay, "-I.", "-fno-caret-diagnostics"]
        run = subprocess.run(_COMPILER + flags, input=source, capture_output=True, text=True, check=False)
    misuses, elsewhere, blocks = set(), [], []
    for line in run.stderr.splitlines():
        if _ERROR.search(line) or not blocks:
            blocks.append([])
        blocks[-1].append(line)
    for block in blocks:
        if not any(_ERROR.search(line) for line in block):
            continue
        found = _IN_MISUSE.search("\n".join(block))
        if found:
            misuses.add(found.group(1))
        else:
            elsewhere += block
    return misuses, elsewhere


def problems_of_spec(misuses, guards):
    """Returns a sentence for each misuse without a guard, guard without a misuse, and edit without its place."""
    found = [f"{m['name']}: there is no guard '{m['guard']}'" for m in misuses if m["guard"] not in guards]
    used = {misuse["guard"] for misuse in misuses}
    for name, edits in guards.items():
        if name not in used:
            found.append(f"{name}: no misuse names this guard")
        try:
            edited(edits)
        except (OSError, ValueError) as error:
            found.append(f"{name}: {error}")
    return found


def problem_without(guard, edits, source, guarded, everything):
    """Returns what is wrong when a guard is gone; nothing if exactly its misuses compile."""
    refusals, elsewhere = refused(source, edits)
    if elsewhere:
        return "the headers themselves do not compile without it:\n" + "\n".join(elsewhere)
    still = guarded[guard] & refusals
    too = everything - guarded[guard] - refusals
    if not still and not too:
        return None
    return "; ".join(
        ([f"still refused without it: {', '.join(sorted(still))}"] if still else [])
        + ([f"compiles as well without it: {', '.join(sorted(too))}"] if too else [])
    )


def remove_each(misuses, guards, names):
    """Takes away these guards in turn, and prints what compiles then. Returns how many do not do what they should."""
    source = source_of(misuses)
    everything = {misuse["name"] for misuse in misuses}
    refusals, elsewhere = refused(source, [])
    if elsewhere or refusals != everything:
        print("With all guards these compile:", *sorted(everything - refusals), *elsewhere, sep="\n  ")
        return 1
    guarded = collections.defaultdict(set)
    for misuse in misuses:
        guarded[misuse["guard"]].add(misuse["name"])
    failures = 0
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        found = pool.map(lambda guard: problem_without(guard, guards[guard], source, guarded, everything), names)
        for guard, problem in zip(names, found):
            failures += problem is not None
            print(f"without {guard}:", "exactly these compile" if problem is None else "FAILED: " + problem)
            print("".join(f"    {name}\n" for name in sorted(guarded[guard])), end="", flush=True)
    print(f"{len(names)} of {len(guards)} guards taken away, {len(misuses)} misuses, {failures} failures")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only see that guards and misuses belong together")
    parser.add_argument("spec", help="JSON file with the misuses and the guards")
    parser.add_argument("guard", nargs="*", help="only take away these")
    args = parser.parse_args()
    with open(args.spec) as file:
        spec = json.load(file)
    found = problems_of_spec(spec["misuses"], spec["guards"])
    if found:
        sys.exit("\n".join(found))
    if not args.check:
        sys.exit(1 if remove_each(spec["misuses"], spec["guards"], args.guard or sorted(spec["guards"])) else 0)


if __name__ == "__main__":
    main()
