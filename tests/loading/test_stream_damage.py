"""Streams that are damaged or cut, and single items that are bad."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.streamed import (
    FLAT,
    MEMBERS,
    NESTED,
    ZIPPED,
    batches_of,
    loader_of,
    same_batches,
    streamed,
    train,
)
from test_lifetime import resident_bytes

import fastinet
from fastinet.errors import (
    CorruptError,
    FastinetError,
    FastinetWarning,
    TooLargeError,
    UnsupportedError,
)
from fastinet.testing.archives import END, RECORD_BYTES, entry, tar
from fastinet.testing.gzips import gzip_members
from fastinet.testing.pngs import png

WHOLE = batches_of(FLAT, batch_size=2)


def end_of(data: bytes) -> int:
    """Where the two blocks of zeros end that a tar needs; behind them it is filled up."""
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        last = archive.getmembers()[-1]
    return last.offset_data + -(-last.size // 512) * 512 + len(END)


def until_error(data: bytes, **options: Any) -> tuple[list[fastinet.Batch], FastinetError | None]:
    """The batches that come, and what ends them."""
    batches: list[fastinet.Batch] = []
    try:
        batches.extend(loader_of(streamed(data), **{"batch_size": 2, **options}))
    except FastinetError as error:
        return batches, error
    return batches, None


# ---------------------------------------------------------------------------------------- damage


def arrived_by(cut: int) -> int:
    """How many items of FLAT are known to be complete when its first `cut` bytes have come.

    That the next member begins, whose header and first block tell, or the tar ends, completes one.
    """
    with tarfile.open(fileobj=io.BytesIO(FLAT)) as archive:
        members = archive.getmembers()
    nexts = [member.offset_data + min(member.size, 512) for member in members[1:]]
    return sum(cut >= known for known in [*nexts, end_of(FLAT)])


def ending_after(items: int, **options: Any) -> list[fastinet.Batch]:
    """The batches of a sound stream of the first `items` items of FLAT; none is refused."""
    if not items:
        return []
    return batches_of(tar(dict(list(MEMBERS.items())[:items])), **{"batch_size": 2, **options})


def row_keys(batches: list[fastinet.Batch]) -> list[str]:
    return [Path(key).name for batch in batches for key in batch.keys]


@pytest.mark.parametrize("on_error", ["raise", "mask"])
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_stream_cut_anywhere(on_error: str, share: float) -> None:
    """What has come is delivered, bit for bit, and then comes an error and not an end."""
    for data in (FLAT, NESTED, ZIPPED):
        needed = len(data) if data is ZIPPED else end_of(data) - len(END) + 1
        cut = int(share * needed)
        batches, error = until_error(data[:cut], on_error=on_error)
        assert isinstance(error, CorruptError), cut
        assert "BytesIO" in str(error) or "file object" in str(error)
        delivered = row_keys(batches)
        assert delivered == list(MEMBERS)[: len(delivered)]
        if data is FLAT:
            assert len(delivered) == arrived_by(cut)
        for batch, wanted in zip(batches, ending_after(len(delivered)), strict=True):
            np.testing.assert_array_equal(batch.images, wanted.images)
            np.testing.assert_array_equal(batch.labels, wanted.labels)


@pytest.mark.parametrize("data", [FLAT, NESTED, gzip.compress(FLAT, mtime=0)])
def test_a_stream_cut_within_its_marker(data: bytes) -> None:
    """Zeros show that no member goes on; a stream that has some, but not all of them, is whole."""
    content = gzip.decompress(data) if data[:1] == b"\x1f" else data
    for size in (1, 100, 512, 700, len(END) - 1):
        cut = content[: end_of(content) - len(END) + size]
        with pytest.warns(
            FastinetWarning, match="within the two blocks of zeros that mark its end"
        ):
            batches, error = until_error(cut if content is data else gzip.compress(cut))
        assert error is None
        same_batches(batches, batches_of(data, batch_size=2))


def test_every_cut_around_a_header() -> None:
    """The items that have arrived are not held back by what is wrong behind them."""
    header = FLAT.index(b"n01440764_4.JPEG")
    for cut in range(header - 3, header + 1100, 97):
        batches, error = until_error(FLAT[:cut])
        assert isinstance(error, CorruptError)
        # Only the header behind an item tells that its sample has no further member.
        same_batches(batches, ending_after(4 if cut >= header + 1024 else 3))


@pytest.mark.filterwarnings("ignore:drop_last=True leaves no batch")
@given(
    share=st.floats(0, 1, exclude_max=True),
    window=st.integers(1, 14),
    batch_size=st.integers(1, 4),
    world=st.integers(1, 3),
    drop_last=st.booleans(),
)
def test_what_the_window_holds_when_the_stream_is_cut(
    share: float, window: int, batch_size: int, world: int, drop_last: bool
) -> None:
    """The batches are those of a stream that ends behind what has come.

    A state taken then takes up the order of the whole stream where the failure left it.
    """
    cut = int(share * (end_of(FLAT) - len(END) + 1))
    arrived = arrived_by(cut)
    settled = max(0, arrived - window + 1)
    options: dict[str, Any] = {"shuffle": True, "window": window, "seed": cut}
    whole_order = order_of(batches_of(FLAT, **options))
    for rank in range(world):
        mine = {"batch_size": batch_size, "drop_last": drop_last, "rank": rank, "world": world}
        loader = loader_of(streamed(FLAT[:cut]), **options, **mine)
        batches: list[fastinet.Batch] = []
        with pytest.raises(CorruptError, match="file object"):
            batches.extend(loader)
        same_batches(batches, ending_after(arrived, **options, **mine))
        as_undamaged = whole_order[:settled][rank::world]
        same = min(len(as_undamaged), len(order_of(batches)))
        assert order_of(batches)[:same] == as_undamaged[:same]
        # Of a batch, the positions of all ranks have come.
        position = loader.state_dict()["position"]
        came = min(len(batches) * batch_size * world, arrived)
        assert position == min(came, settled)
        resumed = loader_of(streamed(FLAT), **options)
        resumed.load_state_dict(loader.state_dict())
        assert order_of(list(resumed)) == whole_order[position:]


def test_a_resumed_pass_that_fails_does_not_go_back() -> None:
    """What had been delivered before the pass began does not come again."""
    cut = FLAT.index(b"n01440764_4.JPEG")
    options: dict[str, Any] = {"shuffle": True, "window": 8, "batch_size": 1}
    whole_order = order_of(batches_of(FLAT, **options))
    loader = loader_of(streamed(FLAT[: cut + 1024]), **options)
    start = arrived_by(cut + 1024) - 1
    loader.load_state_dict({**loader.state_dict(), "position": start})
    batches: list[fastinet.Batch] = []
    with pytest.raises(CorruptError):
        batches.extend(loader)
    assert len(batches) == 1
    assert loader.state_dict()["position"] == start
    resumed = loader_of(streamed(FLAT), **options)
    resumed.load_state_dict(loader.state_dict())
    assert order_of(list(resumed)) == whole_order[start:]


def order_of(batches: list[fastinet.Batch]) -> list[int]:
    return [int(item) for batch in batches for item in batch.indices]


def test_damage_tells_its_place_after_all_that_came() -> None:
    """Archive, member, byte and cause, however large the window is."""
    cut = FLAT.index(b"n01440764_7.JPEG") + 1100  # within its content
    loader = loader_of(
        fastinet.open_stream(io.BytesIO(FLAT[:cut]), classes="imagenet1k", name="train.tar"),
        shuffle=True,
        batch_size=4,
    )
    batches = iter(loader)
    assert sorted(order_of([next(batches), next(batches)])) == list(range(7))
    with pytest.raises(CorruptError, match=r"truncated") as told:
        next(batches)
    assert (told.value.archive, told.value.offset) == ("train.tar", cut)
    assert told.value.member == "n01440764_7.JPEG"
    assert list(batches) == []


def test_a_sample_that_may_lack_its_label_is_left_out() -> None:
    """The folder says tench, and its .cls, which is cut off, would say something else."""
    image = MEMBERS["n01440764_1.JPEG"]
    names = ("n01440764/0.jpg", "n01440764/0.cls", "n01440764/1.jpg", "n01440764/1.cls")
    data = tar({name: image if name.endswith("jpg") else b"7" for name in names})
    second = data.index(b"n01440764/1.jpg")  # its header and its first block end the first sample
    for cut in range(0, end_of(data) - len(END), 256):
        batches, error = until_error(data[:cut])
        assert isinstance(error, CorruptError)
        labels = [label for batch in batches for label in batch.labels.tolist()]
        assert labels == ([7] if cut >= second + 1024 else [])


def test_an_empty_stream() -> None:
    for data, cause in (
        (b"", "the stream is empty"),
        (b"\x1f", "not a tar: shorter than one header"),
        (gzip.compress(b"", mtime=0), "the file is empty"),
        (b"<html>", "not a tar: shorter than one header"),
        (b"<html>" * 1000, "not a tar"),
    ):
        batches, error = until_error(data)
        assert isinstance(error, CorruptError)
        assert cause in str(error)
        assert not batches


def test_no_items_are_refused_as_of_a_file() -> None:
    for data in (END, bytes(10_240), tar({"d/": b""})):
        batches, error = until_error(data)
        assert isinstance(error, CorruptError)
        assert "there is no image in it" in str(error)
        assert not batches


def test_a_wrong_checksum_of_gzip() -> None:
    """It shows when the last byte has come; the batches are there by then, and come first."""
    for place in (-8, -4):  # CRC-32, length
        damaged = bytearray(ZIPPED)
        damaged[place] ^= 1
        batches, error = until_error(bytes(damaged))
        assert isinstance(error, CorruptError)
        assert "checksum" in str(error) or "length" in str(error)
        same_batches(batches, WHOLE)


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")  # of masked rows
def test_damaged_deflate_data() -> None:
    rng = np.random.default_rng(1)
    for place in rng.integers(0, len(ZIPPED), 60).tolist():
        damaged = bytearray(ZIPPED)
        damaged[place] ^= 0xFF
        batches, error = until_error(bytes(damaged), on_error="mask")
        # Time, flags and system in the header mean nothing to anybody.
        assert error is not None or place < 10
        assert len(batches) <= len(WHOLE)


@pytest.mark.parametrize(
    "data",
    [
        FLAT + bytes(RECORD_BYTES),
        ZIPPED + bytes(5000),
        gzip_members(FLAT, cuts=range(100, len(FLAT), 9999)),
        gzip.compress(FLAT + bytes(RECORD_BYTES)),
    ],
)
def test_zeros_and_members_behind(data: bytes) -> None:
    batches, error = until_error(data)
    assert error is None
    same_batches(batches, WHOLE)


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (ZIPPED + b"garbage" * 9, "neither a gzip member nor a padding"),
        (ZIPPED + b"x", "neither a gzip member nor a padding"),
        (ZIPPED + bytes(512) + ZIPPED, "zeros, and then something else"),
    ],
)
def test_garbage_behind(data: bytes, cause: str) -> None:
    batches, error = until_error(data)
    assert isinstance(error, CorruptError)
    assert cause in str(error)
    same_batches(batches, WHOLE)  # the tar's end has come


def test_a_damaged_header() -> None:
    place = FLAT.index(b"n01440764_5.JPEG")
    damaged = bytearray(FLAT)
    damaged[place + 3] ^= 1
    batches, error = until_error(bytes(damaged))
    assert isinstance(error, CorruptError)
    assert f"byte {place}" in str(error)
    same_batches(batches, WHOLE[:2])  # and not item 4, whose sample may go on


def test_a_false_size_takes_no_memory() -> None:
    """A header says 300 MB of an image, and the stream ends; max_pixels would allow it."""
    data = entry("n01440764_1.JPEG", MEMBERS["n01440764_1.JPEG"], size=300_000_000)
    before = resident_bytes()
    batches, error = until_error(data)
    assert isinstance(error, CorruptError)
    assert not batches
    assert resident_bytes() < before + 100_000_000


@pytest.mark.parametrize(
    ("data", "what"),
    [(b"xz", "xz"), (b"zip", "zip")],
)
def test_other_formats(data: bytes, what: str) -> None:
    heads = {b"xz": b"\xfd7zXZ\0", b"zip": b"PK\x03\x04"}
    _, error = until_error(heads[data] + bytes(1000))
    assert isinstance(error, UnsupportedError)
    assert what in str(error)


@pytest.mark.parametrize("packed", [False, True])
def test_archives_one_behind_the_other(packed: bool) -> None:
    """As ``cat a.tar b.tar`` sends them, or ``cat a.tar.gz b.tar.gz``."""
    parts = [FLAT, NESTED, FLAT]
    data = b"".join(gzip.compress(part, 1, mtime=0) if packed else part for part in parts)
    batches, error = until_error(data, batch_size=10)
    assert len(batches) == 1
    assert 'split="all" takes all as one' in str(error)  # they might be train.tar and val.tar
    batches = list(loader_of(streamed(data, split="all"), batch_size=10))
    assert [batch.indices.tolist() for batch in batches] == [
        list(range(start, start + 10)) for start in (0, 10, 20)
    ]
    assert [batch.keys for batch in batches] == [
        [*MEMBERS],
        [f"n01440764/{name}" for name in MEMBERS],
        [*MEMBERS],
    ]
    cut = data[: -3 * len(FLAT) // 4] if not packed else data[:-20]
    with pytest.raises(CorruptError):
        list(loader_of(streamed(cut, split="all"), batch_size=2))


# ----------------------------------------------------------------------------------- single items


def bad_items() -> dict[str, tuple[bytes, type[Exception]]]:
    pixels = np.zeros((300, 400, 3), np.uint8)
    return {
        "no image": (b"nothing of the kind", FastinetError),
        "empty": (b"", FastinetError),
        "cut": (MEMBERS["n01440764_1.JPEG"][:300], FastinetError),
        "too many pixels": (png(pixels, 2), TooLargeError),
        "too many bytes": (bytes(67_200_000), TooLargeError),
    }


@pytest.mark.parametrize("kind", bad_items())
@pytest.mark.parametrize("shuffle", [False, True])
def test_bad_items(kind: str, shuffle: bool) -> None:
    content, error_type = bad_items()[kind]
    data = tar({**train(3), "n01440764_77.JPEG": content, **train(7)})
    options: dict[str, Any] = {"batch_size": 2, "max_pixels": 20_000, "shuffle": shuffle}
    if shuffle:
        options["window"] = 3
    with pytest.raises(error_type, match=r"n01440764_77\.JPEG.*byte"):
        batches_of(data, **options)
    with pytest.warns(FastinetWarning, match="1 item gave no row"):
        batches = batches_of(data, on_error="mask", **options)
    masked = [(batch.keys[row], error) for batch in batches for row, error in batch.errors.items()]
    assert [key for key, _ in masked] == ["n01440764_77.JPEG"]
    assert isinstance(masked[0][1], error_type)
    assert sum(len(batch) for batch in batches) == 8
    for batch in batches:
        assert np.array_equal(batch.labels == -1, ~batch.valid)
