"""What each of several real processes does in tests/sidecars/test_turns.py, and what it waits for.

Processes tell each other where they are by empty files in a folder, so that nothing hangs on how
fast one of them is.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import numpy as np

import fastinet
from fastinet import cli
from fastinet.archives import seek_log
from fastinet.sidecars import turns

CHUNK_ITEMS = 5
CHUNK_BYTES, SPACING = 60_000, 32_768

NEVER = 2.0


def say(folder: Path, what: str) -> None:
    """Tells the others that this process has come to `what`."""
    (folder / f"{what}.{os.getpid()}").touch()


def has_come(folder: Path, what: str, count: int) -> bool:
    """Whether `count` processes have said that they have come to `what`."""
    return len(list(folder.glob(f"{what}.*"))) >= count


def await_others(folder: Path, what: str, count: int) -> None:
    """Waits for that."""
    while not has_come(folder, what, count):
        time.sleep(0.005)


class Opener:
    """What this process makes, and what it hears while another does.

    Attributes:
        made: what it has made itself.
        first_report: the first progress of its own.
        heard: the progress of others.
    """

    def __init__(self, path: Path, folder: Path, others: int, die_at: float) -> None:
        """Before this process makes anything, or dies, `others` have to wait for it.

        Args:
            path: what is opened.
            folder: where the processes tell each other.
            others: how many.
            die_at: the process kills itself when it has made so much, 0 to 1; or NEVER.
        """
        self.made: list[str] = []
        self.first_report: tuple[int, int] | None = None
        self.heard: list[tuple[int, int]] = []
        self._path = path
        self._folder = folder
        self._others = others
        self._die_at = die_at
        self._is_making = False

    def observe(self) -> None:
        """Looks on while the library takes turns."""
        find_or_make, pause = turns.find_or_make_sidecar, turns._Waiting.pause

        def observed(places: Any, what: str, *, make_missing: Any, **options: Any) -> Any:
            def counted(*arguments: Any) -> Any:
                self.made.append(what)
                if self._die_at == NEVER:
                    say(self._folder, "making")
                    await_others(self._folder, "waiting", self._others)
                self._is_making = True
                return make_missing(*arguments)

            return find_or_make(places, what, make_missing=counted, **options)

        def telling(waiting: Any) -> None:
            pause(waiting)
            say(self._folder, "waiting")

        turns.find_or_make_sidecar, turns._Waiting.pause = observed, telling  # type: ignore[assignment]

    def progress(self, done: int, total: int) -> None:
        if not self._is_making:
            self.heard.append((done, total))
            say(self._folder, "heard")
            return
        self.first_report = self.first_report or (done, total)
        if self._die_at != NEVER and done >= self._die_at * total:
            say(self._folder, "making")
            await_others(self._folder, "heard", self._others)
            for suffix in (".seek", ".checkpoints"):
                log = Path(f"{self._path}.fastinet{suffix}")
                if log.exists():
                    shutil.copy(log, self._folder / f"left{suffix}")
            os.kill(os.getpid(), signal.SIGKILL)


def outcome(what: str, path: Path, opener: Opener) -> Any:
    """What the process has in the end, as numbers that tell any difference."""
    if what == "boxes":
        boxes = fastinet.read_boxes(path, progress=opener.progress)
        return [boxes.keys.tolist()[0].decode(), len(boxes.keys), boxes.pixels.tolist()]
    if what == "label maps":
        maps = fastinet.open_label_maps(path, progress=opener.progress)
        return [len(maps), maps.offsets.tolist()]
    dataset = fastinet.open(path, progress=opener.progress)
    if what == "checkpoints":
        checkpoints = dataset.build_checkpoints(
            chunk_items=CHUNK_ITEMS, threads=1, progress=opener.progress
        )
        assert checkpoints.covered == len(dataset)
        records = checkpoints.records[int(checkpoints.starts[0]) :]
        return [checkpoints.sizes.tolist(), zlib.crc32(np.ascontiguousarray(records).data)]
    if what == "duplicates":
        found = fastinet.find_duplicates(dataset, threads=1, progress=opener.progress)
        return [group.tolist() for group in found]
    contents = [zlib.crc32(dataset.read(i)) for i in range(len(dataset))]
    return [list(dataset.keys), dataset.labels.tolist(), contents]


def main() -> None:
    """Arguments: what to do, path, folder to tell in, how many others, when to die."""
    what, path, folder, others, die_at = sys.argv[1:]
    opener = Opener(Path(path), Path(folder), int(others), float(die_at))
    opener.observe()
    seek_log.obtain_seek_index.__kwdefaults__.update(chunk_bytes=CHUNK_BYTES, spacing=SPACING)
    if what == "index":
        signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored
        turns._FIRST_WARNING_SECONDS = 0.0  # type: ignore[misc]
        cli.main(["index", path])
    result = outcome(what, Path(path), opener)
    report = {
        "made": opener.made,
        "first report": opener.first_report,
        "heard": opener.heard,
        "result": result,
    }
    print(json.dumps(report))
