"""`siamfc doctor`."""

from dataclasses import asdict
from itertools import groupby

from siamfc.cli.console import print_json
from siamfc.cli.parameters import Json
from siamfc.doctor import examine

_MARKS = {"ok": "ok", "absent": "–", "problem": "PROBLEM"}


def doctor(*, json: Json = False) -> int:
    """Check this installation and say how to fix it.

    Checks packages and extras, threads, devices, video codecs and the bundled weights. The exit
    status is 1 if something keeps siamfc from working; optional items may be absent.
    """
    findings = list(examine())
    healthy = all(finding.status != "problem" for finding in findings)
    if json:
        print_json({"ok": healthy, "findings": [asdict(finding) for finding in findings]})
        return int(not healthy)
    width = max(len(finding.name) for finding in findings)
    for area, group in groupby(findings, key=lambda finding: finding.area):
        print(area)
        for finding in group:
            print(f"  {_MARKS[finding.status]:7}  {finding.name:{width}}  {finding.detail}")
            if finding.advice:
                print(f"           {'':{width}}  → {finding.advice}")
    print("\nNo problems found." if healthy else "\nProblems found: see PROBLEM above.")
    return int(not healthy)
