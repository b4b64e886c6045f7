"""A pass over a stream: its items, how it ends with the stream, and what it says then."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet.errors import CancelledError, CorruptError, FastinetWarning, UnsupportedError
from fastinet.loading.batch_kind import Places
from fastinet.loading.stream_pass import BegunPass, StreamedItems, StreamRun
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Sequence

SMALL = fastinet.Resize(8)


def stream_of(data: bytes, **options: Any) -> fastinet.Stream:
    if "labels" not in options:
        options.setdefault("classes", "imagenet1k")
    return fastinet.open_stream(io.BytesIO(data), **options)


def images(count: int) -> dict[str, bytes]:
    rng = np.random.default_rng(0)
    return {f"n01440764_{number}.JPEG": small_jpeg(rng) for number in range(count)}


# Items


def test_items_have_the_keys_and_labels_of_their_rows() -> None:
    """Numbers in the stream are item ids; of two files with one extension the first counts."""
    stream = stream_of(tar({}), labels=lambda _key, files: int(files["cls"]))
    rows: Sequence[Any] = [
        ("a", [("cls", b"3"), ("cls", b"4")]),
        ("b", [("json", b"{}"), ("cls", b"0")]),
        ("c", [("cls", b"5")]),
    ]
    lease: Any = SimpleNamespace(items=np.array([7, 2, 4]), valid=np.array([True, True, False]))
    items = StreamedItems(stream, lease, rows, {})
    assert items.keys == {7: "a", 2: "b", 4: "c"}
    assert items.labels.tolist() == [3, 0, -1], "a masked row has none"
    assert items.labels.dtype == np.int64
    assert items.label_sets is None


def test_a_batch_asks_them_as_it_asks_a_dataset() -> None:
    stream = stream_of(train_tar({"n01443537": images(3), "n01440764": images(2)}))
    (batch,) = fastinet.StreamLoader(stream, 8, SMALL)
    assert batch.keys[:3] == [f"n01443537/n01440764_{number}.JPEG" for number in range(3)]
    assert batch.indices.tolist() == [0, 1, 2, 3, 4]
    classes = [stream.classes[label].wnid for label in batch.labels.tolist()]
    assert classes == ["n01443537"] * 3 + ["n01440764"] * 2
    assert batch.label_sets is None


# The end


class Native:
    """Stands in for the engine: gives what it was told to, and notes that it was closed."""

    def __init__(self, *results: Any, skipped: int = 0) -> None:
        self._results = list(results)
        self.skipped = skipped
        self.closed = 0
        self.ready_batches = 2
        self.skipped_names = ["a", "b"]
        self.notes = [(0, 1, "", 512)]

    failed_head = None
    head = b"first"

    def next(self) -> Any:
        result = self._results.pop(0)
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        self.closed += 1


class Source:
    """Stands in for the stream: notes what it was asked, and may have failed itself."""

    name = "pipe"

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.ended = 0
        self.skipped = 0
        self.said: list[Any] = []

    def check(self) -> None:
        if self.failure is not None:
            raise self.failure

    def explained(self, error: Exception, head: bytes) -> Exception:
        return CorruptError(f"explained by {head!r}: {error}")

    def end(self) -> None:
        self.ended += 1

    def say_odd(self, notes: Any) -> None:
        self.said += notes


def begun_pass(native: Native, *, may_be_too_short: bool = False) -> BegunPass:
    engine: Any = native
    return BegunPass(engine, Places(3, 0, 0, 1), (7, 3), may_be_too_short)


def run_of(native: Native, source: Source, *, may_be_too_short: bool = False) -> StreamRun:
    return StreamRun(
        lambda: begun_pass(native, may_be_too_short=may_be_too_short),
        source,  # type: ignore[arg-type]
        dtype=np.dtype(np.uint8),
        has_views=True,
    )


class Lease:
    """Stands in for a leased slot, which says what it was asked for."""

    def arrays(self, dtype: Any, with_views: bool) -> Any:
        return f"{dtype} {with_views}"


LEASE = Lease()
BATCH = (LEASE, [("key", [])], 3, {})


def test_what_the_stream_failed_of_comes_before_what_it_looks_like() -> None:
    """A file object that raised gives a stream that looks cut."""
    cut = CorruptError("truncated")
    with pytest.raises(CorruptError, match=r"^explained by b'first': .*truncated"):
        run_of(Native(cut), Source()).next()
    with pytest.raises(TimeoutError, match="the disk"):
        run_of(Native(cut), Source(TimeoutError("the disk"))).next()
    with pytest.raises(TimeoutError, match="the disk"):
        run_of(Native(None), Source(TimeoutError("the disk"))).next()
    arrived = run_of(Native(BATCH), Source(TimeoutError("later"))).next()
    assert arrived == (LEASE, "uint8 True", *BATCH[1:])


def test_engine_and_stream_end_together() -> None:
    native, source = Native(BATCH, skipped=3), Source()
    run = run_of(native, source)
    assert run.ready_batches == 0
    run.next()
    assert run.ready_batches == 2
    with pytest.warns(FastinetWarning, match="'pipe': 3 entries so far .*: a, b, ..."):
        run.close()
    assert (native.closed, source.ended, source.skipped) == (1, 1, 3)
    assert source.said == native.notes


@pytest.mark.parametrize("when", ["before", "while it begins"])
def test_a_pass_that_another_thread_closes_before_it_has_begun(when: str) -> None:
    """Nobody is left waiting for bytes that do not come."""
    native, source = Native(BATCH), Source()
    run = run_of(native, source)
    begun = []

    def begin() -> BegunPass:
        begun.append(1)
        run.close()
        return begun_pass(native)

    run._begin = begin  # type: ignore[method-assign]
    if when == "before":
        run.close()
    for _ in range(2):
        with pytest.raises(CancelledError, match="was closed"):
            run.next()
    assert (len(begun), native.closed) == ((0, 0) if when == "before" else (1, 1))


def test_nothing_passed_over_is_not_told(recwarn: pytest.WarningsRecorder) -> None:
    source = Source()
    run = run_of(Native(BATCH), source)
    run.next()
    run.close()
    assert not recwarn.list
    assert source.ended == 1


def test_what_a_pass_was_begun_with_is_known_once_it_has_begun() -> None:
    run = run_of(Native(BATCH), Source())
    with pytest.raises(CancelledError):
        _ = run.begun
    run.next()
    assert run.begun.drawn_by == (7, 3)
    assert run.begun.places.epoch == 3


def test_nothing_is_read_before_somebody_wants_it() -> None:
    native, source = Native(BATCH), Source()
    run_of(native, source).close()
    assert (native.closed, source.ended) == (0, 0)
    stream = stream_of(train_tar({"n01440764": images(4)}))
    loader = fastinet.StreamLoader(stream, 2, SMALL, drop_last=True)
    iter(loader)
    iter(loader).close()
    first, second = iter(loader), iter(loader)
    assert [len(batch) for batch in first] == [2, 2]
    with pytest.raises(UnsupportedError, match="a stream passes once"):
        next(second)
    with pytest.raises(UnsupportedError, match="a stream passes once"):
        iter(loader)


def test_a_stream_that_is_too_short_for_a_batch_is_told_of(
    recwarn: pytest.WarningsRecorder,
) -> None:
    assert run_of(Native(BATCH, None), Source(), may_be_too_short=False).next() is not None
    run = run_of(Native(BATCH, None), Source(), may_be_too_short=True)
    assert run.next() is not None
    assert run.next() is None
    assert not recwarn.list, "there was one"
    with pytest.warns(FastinetWarning, match="leaves no batch: 'pipe' ended before all ranks"):
        assert run_of(Native(None), Source(), may_be_too_short=True).next() is None


def test_a_pass_that_goes_on_from_a_state_may_have_no_batch(
    recwarn: pytest.WarningsRecorder,
) -> None:
    data = train_tar({"n01440764": images(4)})
    loader = fastinet.StreamLoader(stream_of(data), 4, SMALL, drop_last=True)
    assert len(next(iter(loader))) == 4
    again = fastinet.StreamLoader(stream_of(data), 4, SMALL, drop_last=True)
    again.load_state_dict(loader.state_dict())
    assert list(again) == []
    assert not recwarn.list


# A pass


def test_a_pass_moves_its_loaders_state_on() -> None:
    loader = fastinet.StreamLoader(stream_of(train_tar({"n01440764": images(5)})), 2, SMALL)
    seen = [(batch.indices.tolist(), loader.state_dict()["position"]) for batch in loader]
    assert seen == [([0, 1], 2), ([2, 3], 4), ([4], 5)]
    assert loader.state_dict()["position"] == 0
    assert loader.state_dict()["epoch"] == 1


def test_an_item_beyond_the_classes_is_refused_at_its_batch() -> None:
    stream = stream_of(tar({"a.jpg": images(1).popitem()[1], "a.cls": b"1"}), classes=["n01440764"])
    with pytest.raises(ValueError, match=r"a\.jpg"):
        next(iter(fastinet.StreamLoader(stream, 2, SMALL)))
