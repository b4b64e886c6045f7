"""All items that gave no row are listed, each with its cause, and a warning names the first."""

from __future__ import annotations

import io
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
from support.bad_items import BAD, ITEMS, MAX_PIXELS, write_bad_archive

import fastinet
from fastinet import Loader, Resize, StreamLoader
from fastinet.errors import CorruptError, FastinetWarning, ReadError, TooLargeError
from fastinet.loading.failures import Failures

SOME: list[tuple[int, int, int, int, str, str, str, int]] = [
    (0, 5, 0, -1, "corrupt", "no such code", "a.tar", 512),
    (3, 2, 0, -1, "io", "refused", "", -1),
]


@pytest.fixture
def bad(tmp_path: Path) -> fastinet.Dataset:
    return write_bad_archive(tmp_path / "bad.tar")


def loader_of(dataset: fastinet.Dataset, **options: Any) -> Loader:
    return Loader(
        dataset, 8, Resize(8), **{"max_pixels": MAX_PIXELS, "on_error": "mask", **options}
    )


def warned(epoch: Any) -> list[str]:
    """What a loop over `epoch` warns of."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        for _ in epoch:
            pass
    return [str(each.message) for each in told]


def test_a_list_of_them() -> None:
    failures = Failures({2: "c.JPEG", 5: "f.JPEG", 7: "h.JPEG"})
    assert len(failures) == 0
    assert list(failures) == []
    failures.add(SOME)
    first, second = failures
    assert (first.item, first.key, first.archive) == (5, "f.JPEG", "a.tar")
    assert str(first) == "archive 'a.tar', member 'f.JPEG', byte 512: no such code"
    assert isinstance(first.error, CorruptError)
    assert (first.action, first.replacement, first.replacement_key) == ("masked", None, None)
    assert (second.item, second.archive) == (2, None)
    assert isinstance(second.error, ReadError)
    failures.add([(1, 2, 3, 7, "corrupt", "no such code", "a.tar", 9)])
    third = failures[2]
    assert (third.action, third.replacement, third.replacement_key) == ("replaced", 7, "h.JPEG")
    assert [each.copy for each in failures] == [0, 0, 3]
    assert str(third).endswith("no such code (replaced by 'h.JPEG')")
    assert failures[-1].item == third.item
    assert [each.item for each in failures[1:]] == [2, 2]
    assert repr(failures) == "<Failures: 3 items that gave no row>"
    with pytest.raises(IndexError):
        failures[3]


def test_an_epoch_of_nothing_else_fits_in_memory() -> None:
    failures = Failures(range(1_281_167))  # type: ignore[arg-type]
    for item in range(0, 1_281_167, 997):
        failures.add([(row, item, 0, -1, "io", "gone", "a.tar", 0) for row in range(997)])
    assert len(failures) > 1_281_167
    assert sys.getsizeof(failures._records) < 40 * len(failures)
    assert failures[1_000_000].error.cause == "gone"  # type: ignore[attr-defined]


def test_several_threads_take_batches() -> None:
    failures = Failures(range(100))  # type: ignore[arg-type]

    def add(number: int) -> None:
        for _ in range(200):
            failures.add([(0, number, 0, -1, "io", f"cause {number}", "a.tar", number)] * 3)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(failures) == 8 * 200 * 3
    assert all(str(each.error).endswith(f"cause {each.item}") for each in failures)


@pytest.mark.parametrize("threads", [1, 4])
def test_all_masked_items_are_listed(bad: fastinet.Dataset, threads: int) -> None:
    loader = loader_of(bad, threads=threads)
    assert list(loader.failures) == []
    epoch = iter(loader)
    told = warned(epoch)
    for failures in (loader.failures, epoch.failures):
        assert [failure.item for failure in failures] == list(BAD)
        for failure in failures:
            assert failure.key == bad.keys[failure.item]
            assert failure.archive == bad.path
            assert failure.action == "masked"
            assert failure.replacement is failure.replacement_key is None
            for part in (bad.path, failure.key, "byte "):
                assert part in str(failure)
    errors = {BAD[failure.item]: failure.error for failure in loader.failures}
    assert isinstance(errors["too large"], TooLargeError)
    assert isinstance(errors["damaged"], CorruptError)
    assert isinstance(errors["unreadable"], fastinet.errors.FastinetError)
    assert loader.failures[0].error.__class__ is CorruptError
    (message,) = told
    assert message.startswith("6 items gave no row in this epoch and were masked (label -1): ")
    for failure in loader.failures[:3]:
        assert str(failure) in message
    assert message.endswith("; and 3 more, which `failures` of the loader lists")


def test_the_errors_are_those_of_the_batches(bad: fastinet.Dataset) -> None:
    for on_error in ("mask", "replace"):
        loader = loader_of(bad, on_error=on_error, shuffle=True)
        with pytest.warns(FastinetWarning, match="6 items gave no row"):
            batches = list(loader)
        said = [str(error) for batch in batches for error in batch.errors.values()]
        assert said == [str(failure.error) for failure in loader.failures]


def test_a_warning_names_what_came_instead(bad: fastinet.Dataset) -> None:
    loader = loader_of(bad, on_error="replace")
    (message,) = warned(loader)
    assert message.startswith("6 items gave no row in this epoch and were replaced: ")
    for failure in loader.failures[:3]:
        assert failure.action == "replaced"
        assert failure.replacement is not None
        assert failure.replacement_key == bad.keys[failure.replacement]
        assert f"{failure.error} (replaced by '{failure.replacement_key}')" in message


def test_each_epoch_has_a_list_of_its_own(bad: fastinet.Dataset) -> None:
    loader = Loader(bad.select([0, 3, 1, 4, 2]), 2, Resize(8), on_error="mask")
    first = iter(loader)
    next(first)
    assert [failure.item for failure in first.failures] == [1]  # as far as its batches have come
    second = iter(loader)
    assert loader.failures is second.failures
    assert len(loader.failures) == 0
    with pytest.warns(FastinetWarning, match=r"^2 items gave no row"):
        assert len(list(second)) == 3
    assert [failure.item for failure in loader.failures] == [1, 3]
    with pytest.warns(FastinetWarning, match=r"^1 item gave no row in this epoch and was masked"):
        first.close()
    assert [failure.item for failure in first.failures] == [1]


def test_an_item_that_comes_twice_is_one_item(bad: fastinet.Dataset) -> None:
    loader = Loader(bad.select([3, 0, 1]), 2, Resize(8), on_error="mask", pad_last="wrap")
    (message,) = warned(loader)
    assert message.startswith("1 item gave no row in this epoch and was masked")
    assert [failure.item for failure in loader.failures] == [0, 0]


def test_nothing_is_listed_where_the_epoch_fails(bad: fastinet.Dataset) -> None:
    loader = loader_of(bad, on_error="raise")
    with pytest.raises(CorruptError):
        list(loader)
    assert list(loader.failures) == []


def test_what_is_no_image_is_named_as_what_it_is(bad: fastinet.Dataset) -> None:
    loader = loader_of(bad)
    warned(loader)
    empty = next(failure for failure in loader.failures if failure.item == 4)
    assert str(empty.error) == str(empty.error)
    assert "empty" in str(empty.error) or "0 bytes" in str(empty.error)


@pytest.mark.parametrize("window", [None, 5])
def test_those_of_a_stream(bad: fastinet.Dataset, window: int | None) -> None:
    data = Path(bad.path).with_name("whole.tar").read_bytes()
    wnids = [info.wnid for info in bad.classes]
    stream = fastinet.open_stream(io.BytesIO(data), classes=wnids, name="arriving.tar")
    loader = StreamLoader(
        stream,
        4,
        Resize(8),
        on_error="mask",
        max_pixels=MAX_PIXELS,
        shuffle=window is not None,
        window=window,
    )
    assert len(loader.failures) == 0
    labels: dict[str, int] = {}
    epoch = iter(loader)
    told = warned(
        labels.update(zip(batch.keys, batch.labels.tolist(), strict=True)) for batch in epoch
    )
    failed = [bad.keys[item] for item in BAD if item != ITEMS - 1]
    found = loader.failures
    assert sorted(failure.key for failure in found) == sorted(failed)
    assert found is epoch.failures  # type: ignore[attr-defined]
    assert all(failure.archive == "arriving.tar" for failure in found)
    assert all("byte" in str(failure) for failure in found)
    assert {key for key, label in labels.items() if label == -1} == set(failed)
    assert sum("5 items gave no row" in message for message in told) == 1
