"""Counts the test cases of a Bazel run: the last line is "N passed, N failed, N skipped", and all must have passed.

usage: count_tests.py BUILD_EVENT_JSON_FILE BAZEL_EXIT_CODE [CHECK=EXIT_CODE…]

Each further check counts as a test case.
"""

import collections
import json
import sys
import urllib.parse
import xml.etree.ElementTree


def cases(path):
    """Yields the name of each test case in a test.xml, and whether it passed, failed or was skipped."""
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname', '')}.{case.get('name')}".lstrip(".")
        if case.find("failure") is not None or case.find("error") is not None:
            yield name, "failed"
        elif case.find("skipped") is not None or case.get("status") == "notrun":
            yield name, "skipped"
        else:
            yield name, "passed"


def all_cases(events):
    """Yields the same for all test targets in Bazel's build events."""
    tests = set()
    results = {}
    for event in events:
        target = event["id"].get("targetConfigured", {}).get("label")
        if target and ("aborted" in event or "testSize" in event.get("configured", {})):
            tests.add(target)
        elif "testResult" in event:
            of = event["id"]["testResult"]
            # A later attempt takes the place of an earlier one.
            results[of["label"], of.get("run"), of.get("shard")] = event["testResult"]
    for target in sorted(tests - {label for label, _, _ in results}):
        yield f"{target}: not built", "failed"
    for (target, _, _), result in sorted(results.items(), key=lambda item: item[0][0]):
        uris = [output["uri"] for output in result.get("testActionOutput", []) if output["name"] == "test.xml"]
        found = [case for uri in uris for case in cases(urllib.parse.unquote(urllib.parse.urlparse(uri).path))]
        if result["status"] != "PASSED" and "failed" not in [kind for _, kind in found]:
            found.append((result["status"].lower(), "failed"))
        for name, kind in found:
            yield f"{target}: {name}", kind


def main(events_file, bazel_exit_code, *checks):
    with open(events_file) as events:
        found = list(all_cases(json.loads(line) for line in events))
    if bazel_exit_code != "0" and "failed" not in [kind for _, kind in found]:
        found.append((f"bazel, with exit code {bazel_exit_code}", "failed"))
    for check in checks:
        name, code = check.split("=")
        found.append((name, "passed" if code == "0" else "failed"))
    for name, kind in found:
        if kind != "passed":
            print(f"{kind}: {name}")
    count = collections.Counter(kind for _, kind in found)
    print(f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped")
    return 1 if count["failed"] or count["skipped"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
