"""Limits: what is taken on at each of them, what is refused beyond, and how they are set."""

from __future__ import annotations

import contextvars
import gzip
import io
import pickle
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

import fastinet
from fastinet.base.limits import Limits, current_limits, limits
from fastinet.errors import TooLargeError
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from pathlib import Path

# ------------------------------------------------------------------------------- how they are set


def test_they_hold_within_the_statement_and_add_to_each_other() -> None:
    assert current_limits() == Limits()
    with limits(pixels=5) as outer:
        assert outer == Limits(pixels=5) == current_limits()
        with limits(scans=7, members=9) as inner:
            assert inner == Limits(pixels=5, scans=7, members=9)
        with pytest.raises(KeyError), limits(loader_bytes=1):
            raise KeyError
        assert current_limits() == outer
    with limits() as now:
        assert now == Limits()


def test_they_are_the_threads_own() -> None:
    seen = []
    with limits(pixels=5):
        thread = threading.Thread(target=lambda: seen.append(current_limits()))
        # Python 3.14 can be told to start threads in a copy of the context.
        contextvars.Context().run(thread.start)
        thread.join()
    assert seen == [Limits()]


@pytest.mark.parametrize("name", ["pixels", "scans", "members", "loader_bytes"])
@pytest.mark.parametrize("value", [0, -1, 1.5, "7", 2**63])
def test_what_makes_no_sense_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be"), limits(**{name: value}):
        pass
    assert current_limits() == Limits()


def test_what_was_made_keeps_its_limits(dataset: fastinet.Dataset) -> None:
    with limits(pixels=100):
        loader = fastinet.Loader(dataset, 43, fastinet.Resize(8), on_error="mask")
    for each in (loader, pickle.loads(pickle.dumps(loader))):  # noqa: S301
        with pytest.warns(fastinet.errors.FastinetWarning, match="max_pixels = 100"):
            (batch,) = each
        assert not batch.valid.any()
    # And what says it by itself has what it says.
    with limits(pixels=100):
        (batch,) = fastinet.Loader(dataset, 43, fastinet.Resize(8), max_pixels=10**6)
    assert batch.valid.all()


# ---------------------------------------------------------------------- at each, and one beyond


def test_pixels() -> None:
    file = io.BytesIO()
    Image.new("RGB", (20, 30)).save(file, "PNG")
    data = file.getvalue()
    with limits(pixels=600):
        assert fastinet.decode(data).shape == (30, 20, 3)
        assert fastinet.read_header(data).width == 20
    with limits(pixels=599):
        for call in (fastinet.decode, fastinet.read_header):
            with pytest.raises(TooLargeError, match=r"20 x 30 pixels, more than max_pixels = 599"):
                call(data)


def scans_of(jpeg: bytes) -> list[bytes]:
    """What comes before the first scan, and each scan with the tables before it."""
    starts = []
    at = jpeg.index(b"\xff\xc2")  # the frame
    at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
    begin = at
    while jpeg[at : at + 2] != b"\xff\xd9":
        marker = jpeg[at + 1]
        at += 2 + int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == 0xDA:
            while jpeg[at] != 0xFF or jpeg[at + 1] == 0:
                at += 1
            starts.append(begin)
            begin = at
    ends = [*starts[1:], begin]
    scans = [jpeg[start:end] for start, end in zip(starts, ends, strict=True)]
    return [jpeg[: starts[0]], *scans]


@pytest.fixture(scope="module")
def progressive() -> bytes:
    file = io.BytesIO()
    pixels = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    Image.fromarray(pixels).save(file, "JPEG", progressive=True)
    return file.getvalue()


def test_scans(progressive: bytes, tmp_path: Path) -> None:
    count = len(scans_of(progressive)) - 1
    assert count == 10
    expected = np.asarray(Image.open(io.BytesIO(progressive)))
    with limits(scans=count):
        assert np.array_equal(fastinet.decode(progressive, exact=True), expected)
    refusal = r"more than 9 scans, .* fastinet\.limits\(scans=N\) allows more"
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01440764": {"n01440764_1.JPEG": progressive}}))
    with limits(scans=count - 1):
        with pytest.raises(TooLargeError, match=refusal):
            fastinet.decode(progressive)
        loader = fastinet.Loader(fastinet.open(path, index=False), 1, fastinet.Resize(8))
    with pytest.raises(TooLargeError, match=refusal):
        list(loader)


def test_a_verification_has_the_limits_that_hold(progressive: bytes, tmp_path: Path) -> None:
    """What it found under others is not taken for what it finds under these."""
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01440764": {"n01440764_1.JPEG": progressive}}))
    header = fastinet.read_header(progressive)
    pixels = header.width * header.height

    def too_large(decode: bool = True, **changed: int) -> list[str]:
        with limits(**changed):
            report = fastinet.verify(path, decode=decode)
        return [each.message for each in report.findings if each.kind == "unreadable image"]

    assert too_large() == []
    assert too_large(pixels=pixels) == []
    assert len(too_large(pixels=pixels - 1)) == 1
    assert len(too_large(decode=False, pixels=pixels - 1)) == 1
    (said,) = too_large(scans=1)
    assert "more than 1 scan" in said
    assert too_large() == []


def test_a_small_file_that_asks_for_hours_is_refused(progressive: bytes) -> None:
    """Scans that say again what was said cost some bytes each, and a pass over the image."""
    head, first, *rest = scans_of(progressive)
    bomb = head + first + rest[0] * 1001 + b"\xff\xd9"
    with pytest.raises(TooLargeError, match="more than 1000 scans"):
        fastinet.decode(bomb)


@pytest.mark.parametrize("packaging", ["tar", "nested tar", "tar.gz", "folder"])
def test_members(tmp_path: Path, packaging: str) -> None:
    jpeg = small_jpeg(np.random.default_rng(0))
    files = {f"n01440764_{number}.JPEG": jpeg for number in range(6)}
    path = tmp_path / "train.tar"
    if packaging == "folder":
        path = tmp_path / "n01440764"
        path.mkdir()
        for name, data in files.items():
            (path / name).write_bytes(data)
    else:
        content = train_tar({"n01440764": files}) if "nested" in packaging else tar(files)
        path = path.with_suffix(".tar.gz") if packaging == "tar.gz" else path
        path.write_bytes(gzip.compress(content) if packaging == "tar.gz" else content)
    with (
        limits(members=5),
        pytest.raises(TooLargeError, match=r"more than 5 entries; .*limits\(members=N\)") as raised,
    ):
        fastinet.open(path)
    assert raised.value.archive == str(path)
    for index in (True, False):  # what fastinet.open has seen of a gzip file is kept
        with limits(members=5), pytest.raises(TooLargeError, match="more than 5 entries"):
            fastinet.verify(path, index=index)
    with limits(members=6):
        assert len(fastinet.open(path)) == 6
        assert fastinet.verify(path).members == 6


def test_empty_members_by_the_million_are_too_many_early(tmp_path: Path) -> None:
    """They are counted while they come: memory is taken for a step more than the limit at most."""
    empty = tar({f"{number}.txt": b"" for number in range(100)})[: 100 * 512]
    path = tmp_path / "many.tar.gz"
    path.write_bytes(gzip.compress(empty * 300 + bytes(1024), 1))
    with limits(members=1000), pytest.raises(TooLargeError, match="more than 1,000 entries"):
        fastinet.open(path)


def test_memory_of_a_loader(dataset: fastinet.Dataset) -> None:
    needed = 4 * 10 * 8 * 8 * 3  # prefetch + 2 batches
    options: dict[str, Any] = {"threads": 1, "prefetch": 2}
    with limits(loader_bytes=needed):
        loader = fastinet.Loader(dataset, 10, fastinet.Resize(8), **options)
    assert sum(map(len, loader)) == 43
    with limits(loader_bytes=needed - 1):
        loader = fastinet.Loader(dataset, 10, fastinet.Resize(8), **options)
    with pytest.raises(
        TooLargeError,
        match=r"4 batches of 10 rows of 192 bytes take 7,680 bytes, .* for a loader is 7,679: .*"
        r"fastinet\.limits\(loader_bytes=N\)",
    ):
        iter(loader)
    views = fastinet.RandomResizedCrop(8, views=2)
    with limits(loader_bytes=2 * needed - 1):
        loader = fastinet.Loader(dataset, 10, views, dtype="float32", **options)
    with pytest.raises(TooLargeError, match=r"rows of 1,536 bytes"):
        iter(loader)
