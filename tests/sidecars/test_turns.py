"""Many processes that open one archive at once: one makes the index, the others wait and use it."""

from __future__ import annotations

import errno
import fcntl
import gzip
import json
import os
import signal
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from programs.openers_at_work import NEVER, Opener, has_come, outcome
from support.checkpointed import small_images, write_archive
from support.gzipped import log_of, obtain, train_bytes, write

import fastinet
from fastinet._native import _scan
from fastinet.archives import seek_log
from fastinet.base.progress import Progress
from fastinet.errors import CorruptError, FastinetWarning, ReadError
from fastinet.sidecars import turns
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes
from fastinet.testing.label_maps import label_map_files, write_label_maps

ITEMS = 23

Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Nothing a test does reaches the user's cache folder."""
    cache = tmp_path / "cache"
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: cache)
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return cache


@pytest.fixture
def talk(tmp_path: Path) -> Path:
    """The folder in which processes tell each other where they are."""
    folder = tmp_path / "talk"
    folder.mkdir()
    return folder


def archive_for(what: str, folder: Path) -> Path:
    """An archive that nothing is kept of yet, but what has to be there before `what`."""
    folder.mkdir()
    if what == "gzip":
        return write(folder / "t.tar.gz", gzip.compress(train_bytes()))
    if what == "boxes":
        some = annotation_xml((60, 40), [("n01440764", 3, 4, 50, 30)])
        return write_boxes(folder / "boxes.tar.gz", {f"a/{i}.xml": some for i in range(9)})
    if what == "label maps":
        return write_label_maps(folder / "maps.tar", label_map_files([f"a/{i}" for i in range(9)]))
    images = small_images(ITEMS)
    path = write_archive(folder / "train.tar", {**images, "3": images["1"]})
    if what in ("checkpoints", "duplicates"):
        fastinet.open(path)
    return path


@pytest.fixture
def start(talk: Path) -> Iterator[Start]:
    """Starts a process that opens what it is told to; see openers_at_work.py."""
    started = []
    script = (
        f"import sys; sys.path.append({str(Path(__file__).parents[1])!r});"
        " from programs import openers_at_work; openers_at_work.main()"
    )

    def start_one(what: str, path: Path, others: int = 0, die_at: float = NEVER) -> Any:
        arguments = [what, str(path), str(talk), str(others), str(die_at)]
        process = subprocess.Popen(
            [sys.executable, "-c", script, *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start_one
    for process in started:  # those of a test that has failed
        with process:
            process.kill()


def end(process: subprocess.Popen[str]) -> dict[str, Any]:
    """What the process reports in the end."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    report: dict[str, Any] = json.loads(out)
    return report


def await_word(process: subprocess.Popen[str], talk: Path, what: str, count: int = 1) -> None:
    """Waits until so many have come to `what`, of whom `process` is the last."""
    while not has_come(talk, what, count):
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.005)


def locks(folder: Path) -> list[Path]:
    return list(folder.rglob("*.lock"))


# ----------------------------------------------------------------------------- real processes


@pytest.mark.parametrize(
    ("what", "passes", "world"),
    [
        ("plain", ["index"], 4),
        ("gzip", ["index", "seek index"], 4),
        ("checkpoints", ["checkpoint index"], 2),
        ("duplicates", ["index of duplicates"], 2),
        ("boxes", ["box index"], 2),
        ("label maps", ["label map index"], 2),
    ],
)
def test_all_at_once(
    what: str, passes: list[str], world: int, tmp_path: Path, start: Start
) -> None:
    """The one that makes it does not begin before all others wait."""
    path = archive_for(what, tmp_path / "archive")
    processes = [start(what, path, others=world - 1) for _ in range(world)]
    reports = [end(process) for process in processes]
    assert sorted(report["made"] for report in reports) == [[]] * (world - 1) + [passes]
    assert all(report["result"] == reports[0]["result"] for report in reports)
    assert not locks(tmp_path)


@pytest.mark.parametrize(("what", "suffix"), [("gzip", ".seek"), ("checkpoints", ".checkpoints")])
def test_a_killed_maker_is_followed_by_one_that_waits(
    what: str, suffix: str, tmp_path: Path, talk: Path, start: Start
) -> None:
    path = archive_for(what, tmp_path / "archive")
    log = Path(f"{path}.fastinet{suffix}")
    first = start(what, path, others=2, die_at=0.6)
    await_word(first, talk, "making")
    waiting = [start(what, path) for _ in range(2)]
    reports = [end(process) for process in waiting]
    first.communicate(timeout=300)
    assert first.returncode == -signal.SIGKILL
    left = (talk / f"left{suffix}").read_bytes()
    assert left.count(b"CHNK") >= 2
    assert log.read_bytes().startswith(left)
    idle, busy = sorted(reports, key=lambda report: len(report["made"]))
    assert idle["made"] == []
    assert busy["first report"][0] > 0
    assert all(report["heard"] for report in reports)
    assert busy["result"] == idle["result"]
    fresh = archive_for(what, tmp_path / "fresh")
    assert idle["result"] == outcome(what, fresh, Opener(fresh, talk, 0, NEVER))
    assert not locks(tmp_path)


def test_the_command_waits_says_so_and_can_be_interrupted(
    tmp_path: Path, talk: Path, start: Start
) -> None:
    path = archive_for("gzip", tmp_path / "archive")
    maker = start("gzip", path, others=3)
    await_word(maker, talk, "making")
    commands = []
    for number in range(2):
        commands.append(start("index", path))
        await_word(commands[-1], talk, "waiting", number + 1)
    commands[0].send_signal(signal.SIGINT)
    _, err = commands[0].communicate(timeout=300)
    told = f"process {maker.pid} on {os.uname().nodename} (since 2"
    assert commands[0].returncode in (1, -signal.SIGINT)
    assert told in err
    assert f"is making the index '{path}.fastinet'; this one waits for it" in err
    assert "Traceback" not in err
    (talk / "waiting.test").touch()  # the third that the maker waits for
    assert end(maker)["made"] == ["index", "seek index"]
    out, err = commands[1].communicate(timeout=300)
    assert told in err
    assert "12 in 2 classes" in out
    assert not locks(tmp_path)


# ------------------------------------------------------------------------------- in one process


def test_threads_take_turns_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = archive_for("gzip", tmp_path / "archive")
    passes, opened = [], []
    seek_pass = _scan.SeekPass

    def counted(*arguments: Any) -> Any:
        passes.append(arguments)
        return seek_pass(*arguments)

    monkeypatch.setattr(_scan, "SeekPass", counted)
    threads = [
        threading.Thread(target=lambda: opened.append(fastinet.open(path))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(passes) == 1
    assert [len(dataset) for dataset in opened] == [12] * 4
    assert not locks(tmp_path)


def find_or_make(
    place: Path, find: Callable[[], str | None], make: Callable[[object, object], str]
) -> str:
    return turns.find_or_make_sidecar([place], "index", find_complete=find, make_missing=make)


def test_made_between_looking_and_locking(tmp_path: Path) -> None:
    """Who has the lock looks again before it makes anything."""
    looks = []

    def find() -> str | None:
        looks.append((tmp_path / "index.lock").exists())
        return "made" if len(looks) == 2 else None

    def make(_places: object, _report: object) -> str:
        raise AssertionError("it is there")

    assert find_or_make(tmp_path / "index", find, make) == "made"
    assert looks == [False, True]
    assert not locks(tmp_path)


def test_those_who_waited_need_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand ranks find the result at once, not one after the other."""
    lock = write(tmp_path / "index.lock", b"")
    made, looks = [], []

    def done(_: float) -> None:
        lock.unlink()
        made.append("made")

    def find() -> str | None:
        looks.append(lock.exists())
        return made[0] if made else None

    def make(_places: object, _report: object) -> str:
        raise AssertionError("it is there")

    with lock.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        monkeypatch.setattr("time.sleep", done)
        assert find_or_make(tmp_path / "index", find, make) == "made"
    assert looks == [True, False]


def test_a_thread_does_not_wait_for_itself(tmp_path: Path) -> None:
    """Someone opens the archive in the progress function of its own opening."""
    for what in ("plain", "gzip"):
        path = archive_for(what, tmp_path / what)

        def progress(_done: int, _total: int, path: Path = path) -> None:
            fastinet.open(path)

        with pytest.raises(ReadError, match=r"this thread is making the index .*wait for itself"):
            fastinet.open(path, progress=progress)
        assert not locks(tmp_path)
        assert len(fastinet.open(path))


@pytest.mark.parametrize("left", [b"", b"no JSON", b"[]", b'["node3", 4711, "noon", 3, 12]'])
def test_what_a_killed_maker_left_is_taken_over(left: bytes, tmp_path: Path) -> None:
    path = archive_for("plain", tmp_path / "archive")
    write(Path(f"{path}.fastinet.lock"), left)
    assert len(fastinet.open(path)) == ITEMS
    assert not locks(tmp_path)


def test_a_maker_that_fails_leaves_no_lock(tmp_path: Path) -> None:
    path = archive_for("gzip", tmp_path / "archive")
    whole = path.read_bytes()
    path.write_bytes(whole[:-50_000])
    with pytest.raises(CorruptError, match="truncated"):
        fastinet.open(path)
    assert not locks(tmp_path)


@pytest.mark.parametrize(
    ("note", "told"),
    [
        (("node3", 4711, "noon", 0, 0), r"process 4711 on node3 \(since noon\) is making"),
        (("node3", 4711, "noon", 3, 12), r"4711 on node3 \(since noon, 25% done\) is making"),
        (("node3", 4711, "noon", "x", 12), "another process is making"),
        (("node3", 4711, "noon", 10**400, 1), "another process is making"),
        (("node3", 4711, "noon", -1, 12), "another process is making"),
        (("node3", 4711, "noon", 1e300, 1), "another process is making"),
        (("\x1b[2Jnode\n3", 4711, "noon", 0, 0), r"4711 on \\x1b\[2Jnode\\n3 \(since noon\)"),
        (("node3",), "another process is making"),
        ({"node3": 4711}, "another process is making"),
        (None, "another process is making"),
    ],
)
def test_what_is_said_of_the_maker(
    note: Any, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock is held by a file of this test, as another process would; a word ends the wait."""
    path = archive_for("plain", tmp_path / "archive")
    monkeypatch.setattr(turns, "_FIRST_WARNING_SECONDS", 0.0)
    lock = write(Path(f"{path}.fastinet.lock"), b"" if note is None else json.dumps(note).encode())
    with lock.open("r+b") as file, warnings.catch_warnings():
        fcntl.flock(file, fcntl.LOCK_EX)
        warnings.simplefilter("error", FastinetWarning)
        with pytest.raises(FastinetWarning, match=told):
            fastinet.open(path)
    assert len(fastinet.open(path)) == ITEMS


def uses(tmp_path: Path) -> dict[str, tuple[Path, Callable[[], Any]]]:
    """For everything that is kept beside archives: its lock, and a function that makes it."""
    plain = archive_for("plain", tmp_path / "plain")
    zipped = archive_for("gzip", tmp_path / "gzip")
    prepared = archive_for("checkpoints", tmp_path / "checkpoints")
    dataset = fastinet.open(prepared)
    boxes = archive_for("boxes", tmp_path / "boxes")
    maps = archive_for("label maps", tmp_path / "maps")
    return {
        f"{plain}.fastinet": lambda: fastinet.open(plain),
        f"{prepared}.fastinet.checkpoints": dataset.build_checkpoints,
        f"{prepared}.fastinet.duplicates": lambda: fastinet.find_duplicates(dataset),
        f"{boxes}.fastinet.boxes": lambda: fastinet.read_boxes(boxes),
        f"{maps}.fastinet.label_maps": lambda: fastinet.open_label_maps(maps),
        f"{zipped}.fastinet": lambda: fastinet.open(zipped),
    }


def test_the_warning_is_of_the_line_that_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "_FIRST_WARNING_SECONDS", 0.0)
    for kept, use in uses(tmp_path).items():
        with Path(f"{kept}.lock").open("w+b") as file, monkeypatch.context() as patches:
            fcntl.flock(file, fcntl.LOCK_EX)

            def release(_: float, file: Any = file) -> None:
                fcntl.flock(file, fcntl.LOCK_UN)

            patches.setattr("time.sleep", release)
            with pytest.warns(FastinetWarning, match="is making the") as caught:
                use()
        waits = [warning for warning in caught if "is making the" in str(warning.message)]
        assert [warning.filename for warning in waits] == [__file__]
        assert Path(kept).exists()
        assert not locks(tmp_path)


# ------------------------------------------------------------------------------ odd file systems


def test_without_locks_each_makes_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a file system without them answers; what is made lies where it always does."""
    made = uses(tmp_path)

    def no_locks(*_: Any) -> None:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(fcntl, "flock", no_locks)
    for kept, use in made.items():
        told = r"lock' cannot be locked \(Function not implemented\), so that each of several"
        with pytest.warns(FastinetWarning, match=told) as caught:
            use()
        assert caught[0].filename == __file__
        assert Path(kept).exists()
        assert not locks(tmp_path)


def test_without_locks_beside_the_archive(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cache folder has some: turns are taken there, and nobody is told anything."""
    path = archive_for("plain", tmp_path / "archive")
    flock = fcntl.flock
    locked = []

    def no_locks_there(file: Any, operation: int) -> None:
        if Path(file.name).parent == path.parent:
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))
        locked.append(Path(file.name).parent)
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", no_locks_there)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FastinetWarning)
        assert fastinet.open(path).index == f"{path}.fastinet"
    assert locked == [own_cache / "indexes"]
    assert not locks(tmp_path)


def refuse_writing(monkeypatch: pytest.MonkeyPatch, folders: Sequence[Path]) -> None:
    """Makes the folders refuse new files, for root too, whom permissions do not stop."""
    plain_open = Path.open

    def refusing(self: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        if self.parent in folders and mode[0] in "awx":
            raise PermissionError(13, "Permission denied", str(self))
        return plain_open(self, mode, *args, **kwargs)

    monkeypatch.setattr(Path, "open", refusing)


def test_a_read_only_folder(
    tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Turns are taken in the cache folder; where that cannot be written, each makes its own."""
    path = archive_for("gzip", tmp_path / "archive")
    plain = archive_for("plain", tmp_path / "plain")
    refuse_writing(monkeypatch, [path.parent, plain.parent])
    with warnings.catch_warnings():
        warnings.simplefilter("error", FastinetWarning)
        assert own_cache in Path(str(fastinet.open(path).index)).parents
    refuse_writing(monkeypatch, [path.parent, plain.parent, own_cache / "indexes"])
    with pytest.warns(FastinetWarning) as caught:
        assert fastinet.open(plain).index is None
    assert ["could not be kept" in str(warning.message) for warning in caught] == [True]
    assert not locks(tmp_path)


def test_a_lock_that_goes_between_opening_and_locking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who had it has removed the file, and someone may have made another: the lock is worthless."""
    path = archive_for("plain", tmp_path / "archive")
    lock = Path(f"{path}.fastinet.lock")
    flock = fcntl.flock
    events: list[Callable[[], object]] = [lock.unlink, lambda: (lock.unlink(), lock.touch())]

    def late(file: Any, operation: int) -> None:
        if events:
            events.pop()()
            if not events:  # removed on another machine, on an NFS
                raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    assert len(fastinet.open(path)) == ITEMS
    assert events == []
    assert not locks(tmp_path)


# ------------------------------------------------------------ locks that do not reach everybody


def test_two_machines_write_one_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither goes on behind what the other has written."""
    monkeypatch.setitem(seek_log.obtain_seek_index.__kwdefaults__, "chunk_bytes", 60_000)
    for what in ("gzip", "checkpoints"):
        path = archive_for(what, tmp_path / what)
        suffix = ".seek" if what == "gzip" else ".checkpoints"
        log = Path(f"{path}.fastinet{suffix}")
        opener = fastinet.open if what == "gzip" else _build_checkpoints

        def another_machine(done: int, total: int, log: Path = log) -> None:
            if 0 < done < total:
                with log.open("ab") as file:
                    file.write(b"CHNK")

        def another_one_removes_it(done: int, total: int, log: Path = log) -> None:
            if 0 < done < total:
                log.unlink(missing_ok=True)

        for other in (another_machine, another_one_removes_it):
            with pytest.raises(ReadError, match="was changed by another process"):
                opener(path, progress=other)
        opener(path)


def _build_checkpoints(path: Path, progress: Progress | None = None) -> Any:
    return fastinet.open(path).build_checkpoints(chunk_items=5, progress=progress)


def test_a_chunk_that_does_not_follow_ends_the_seek_index(tmp_path: Path) -> None:
    """Two have written the same stretch: the first counts, and the rest is made again."""
    path = archive_for("gzip", tmp_path / "archive")
    obtain(path, chunk_bytes=60_000)
    whole = log_of(path).read_bytes()
    starts = [i for i in range(len(whole)) if whole.startswith(b"CHNK", i)]
    assert len(starts) > 3
    first, second = starts[1:3]
    log_of(path).write_bytes(whole[:second] + whole[first:])
    obtain(path, chunk_bytes=60_000)
    assert log_of(path).read_bytes() == whole
