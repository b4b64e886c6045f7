"""Every fault in every scenario, in processes of their own: `make faults`.

    python tests/faults/every_fault.py [--only calls] [--most N] [--processes N] [WORD...]

Prints a line for each, and at the end a table of what was tried and what came out. WORDs choose the
scenarios and faults whose names have one of them. The tests run the same with few tries each.
"""

from __future__ import annotations

import argparse
import collections
import concurrent.futures
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from faults.injection import KINDS, build_library, environment_of
from faults.machine_faults import FAULTS, missing_rights
from faults.scenarios import SCENARIOS

HERE = Path(__file__).parent
_HANGS_SECONDS = 3600

# Who reads and writes what: other scenarios meet the same code.
OF_DISKS = ("open", "open a folder", "open a gzip file", "checkpoints", "verify", "duplicates")
OF_MACHINES = {
    "full disk": (*(name for name in OF_DISKS if name != "open a folder"), "boxes", "label maps"),
    "read-only disk": (*OF_DISKS, "boxes", "label maps"),
    "bad bytes": ("open", "epoch that masks", "open a gzip file", "checkpoints", "verify", "boxes"),
    **dict.fromkeys(
        ("archive shrinks", "archive vanishes", "archive comes back", "archive is replaced"),
        ("epoch that masks", "open", "open a gzip file", "checkpoints", "verify", "duplicates"),
    ),
    "file server": ("open", "open a gzip file", "epoch that masks", "checkpoints", "verify"),
    "clock": (*OF_DISKS, "open again", "epoch that masks"),
    "files of the future": (*OF_DISKS, "open again", "epoch that masks", "boxes", "label maps"),
    "killed": (*OF_DISKS, "boxes", "label maps"),
    "killed shared": OF_DISKS,
    "descriptors": (*OF_DISKS, "epoch that masks", "stream", "stream of a file object"),
    "memory": ("open", "open a gzip file", "epoch that masks", "stream", "verify", "duplicates"),
    "control group": ("open", "open a gzip file", "epoch that masks", "checkpoints", "verify"),
}


class Outcome(NamedTuple):
    """What came of one fault in one scenario."""

    scenario: str
    fault: str
    outcomes: dict[str, int]
    wrong: str
    """What must not come out; "": nothing did."""


def fail_calls(
    library: Path, folder: Path, scenario: str, kinds: list[str], most: int
) -> list[Outcome]:
    """Makes calls of these kinds fail in a scenario, `most` of each at most."""
    found = []
    left = list(kinds)
    while left:
        arguments = [scenario, str(most), *left]
        reports, complaint = _run(library, folder, "each_call.py", arguments)
        found += [_outcome(scenario, report.pop("kind"), report) for report in reports]
        left = left[len(reports) :]
        if complaint:  # it died within the next kind
            kind = left.pop(0) if left else "at the end"
            found.append(Outcome(scenario, kind, {}, complaint))
    return found


def fail_machine(library: Path, folder: Path, scenario: str, fault: str, most: int) -> Outcome:
    """Makes the machine fail in a scenario, in `most` places at most."""
    reports, complaint = _run(library, folder, "machine_faults.py", [fault, scenario, str(most)])
    report = reports[0] if reports else {"outcomes": {}}
    return _outcome(scenario, fault, {"wrong": complaint, **report} if complaint else report)


def _run(
    library: Path, folder: Path, program: str, arguments: list[str]
) -> tuple[list[dict[str, Any]], str]:
    """The lines of JSON that a program prints, and how it died, if it did."""
    with tempfile.TemporaryDirectory(dir=folder) as own:
        files = Path(own) / "files"
        done = subprocess.run(
            [sys.executable, "-X", "faulthandler", HERE / program, files, *arguments],
            env=environment_of(library, files / "cache"),
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_HANGS_SECONDS,
            check=False,
        )
    reports = [json.loads(line) for line in done.stdout.splitlines()]
    if done.returncode == 0:
        return reports, ""
    how = "hangs" if done.returncode == -14 else f"ended with {done.returncode}"
    tail = "\n".join(done.stderr.splitlines()[-40:])
    return reports, f"it {how}:\n{tail}"


def _outcome(scenario: str, fault: str, report: dict[str, Any]) -> Outcome:
    outcomes = {name: count for name, count in report["outcomes"].items() if count}
    return Outcome(scenario, fault, outcomes, report.get("wrong", ""))


def table(found: list[Outcome]) -> str:
    """A line for each fault: in how many tries what came out."""
    lines = ["| fault | tried | what came out |", "|---|---|---|"]
    for fault in dict.fromkeys(each.fault for each in found):
        total: collections.Counter[str] = collections.Counter()
        for each in found:
            if each.fault == fault:
                total.update(each.outcomes)
        told = ", ".join(f"{count:,} {name}" for name, count in total.most_common())
        lines.append(f"| {fault} | {total.total():,} | {told} |")
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--most", type=int, default=1 << 30, help="tries of each fault [all]")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--only", choices=("calls", "machines"), help="these [both]")
    parser.add_argument("words", nargs="*", help="of scenarios' and faults' names")
    given = parser.parse_args()

    def is_chosen(scenario: str, fault: str) -> bool:
        return not given.words or any(word in f"{scenario}: {fault}" for word in given.words)

    with (
        tempfile.TemporaryDirectory() as folder,
        concurrent.futures.ThreadPoolExecutor(given.processes) as pool,
    ):
        library = build_library(Path(folder))
        work: list[concurrent.futures.Future[list[Outcome]]] = []
        for scenario in SCENARIOS if given.only != "machines" else ():
            if kinds := [kind for kind in KINDS if is_chosen(scenario, kind)]:
                arguments = (library, Path(folder), scenario, kinds, given.most)
                work.append(pool.submit(fail_calls, *arguments))
        for fault, why in missing_rights().items():
            print(f"{fault}: not tried, since this process has not the right: {why}")
        faults = [each for each in FAULTS if each not in missing_rights()]
        for fault in faults if given.only != "calls" else ():
            for scenario in OF_MACHINES[fault]:
                if is_chosen(scenario, fault):
                    some = (library, Path(folder), scenario, fault, given.most)
                    work.append(pool.submit(lambda *some: [fail_machine(*some)], *some))
        found = []
        for each in concurrent.futures.as_completed(work):
            for outcome in each.result():
                found.append(outcome)
                told = re.sub(r"[{}']", "", str(outcome.outcomes)) or "no such call"
                print(f"{outcome.scenario}: {outcome.fault}: {told}", flush=True)
                if outcome.wrong:
                    print(f"  WRONG: {outcome.wrong}", flush=True)
    print(table(found))
    sys.exit(any(outcome.wrong for outcome in found))


if __name__ == "__main__":
    main()
