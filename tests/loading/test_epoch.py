"""An epoch while it runs: how many batches are to come, how it ends, and who hears of its end."""

from __future__ import annotations

import contextlib
import gc
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, Resize, Then
from fastinet.errors import CancelledError, CorruptError, FastinetError, FastinetWarning
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Resize(8)


@pytest.fixture
def damaged(tmp_path: Path) -> fastinet.Dataset:
    """Nine images, of which 4 and 7 are cut."""
    rng = np.random.default_rng(0)
    images = {f"n01440764_{number}.JPEG": small_jpeg(rng) for number in range(9)}
    for number in (4, 7):
        name = f"n01440764_{number}.JPEG"
        images[name] = images[name][: len(images[name]) // 2]
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01440764": images}))
    return fastinet.open(path, index=False)


def test_its_length_is_what_is_still_to_come(dataset: fastinet.Dataset) -> None:
    epoch = iter(Loader(dataset, 10, SMALL))
    assert len(epoch) == 5
    assert [len(epoch) for _ in epoch] == [4, 3, 2, 1, 0]
    assert len(epoch) == 0
    assert list(epoch) == []
    left = iter(Loader(dataset, 10, SMALL))
    next(left)
    left.close()
    assert len(left) == 0


def test_batches_become_ready_ahead_of_the_loop(dataset: fastinet.Dataset) -> None:
    epoch = iter(Loader(dataset, 10, SMALL, prefetch=2))
    while epoch.ready_batches < 2:
        pass
    assert epoch.ready_batches == 2, "no more than prefetch"
    list(epoch)
    assert epoch.ready_batches == 0


def test_an_item_that_gives_no_row_ends_it(damaged: fastinet.Dataset) -> None:
    """The batches before come first; the error names the item, and nothing comes behind it."""
    loader = Loader(damaged, 2, SMALL, threads=4)
    epoch = iter(loader)
    assert [next(epoch).indices.tolist() for _ in range(2)] == [[0, 1], [2, 3]]
    with pytest.raises(CorruptError) as raised:
        next(epoch)
    assert raised.value.member == damaged.keys[4]
    assert raised.value.archive == damaged.path
    assert list(epoch) == []
    assert len(epoch) == 0
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (0, 4)


@pytest.mark.parametrize("ending", ["to its end", "closed", "forgotten"])
def test_masked_rows_are_told_once_however_it_ends(
    damaged: fastinet.Dataset, ending: str, recwarn: pytest.WarningsRecorder
) -> None:
    epoch = iter(Loader(damaged, 3, SMALL, on_error="mask"))
    for _ in range(2):
        next(epoch)
    assert not recwarn.list
    if ending == "to its end":
        list(epoch)
    elif ending == "closed":
        epoch.close()
        epoch.close()
    del epoch
    gc.collect()
    (told,) = recwarn.list
    assert told.category is FastinetWarning
    items = 2 if ending == "to its end" else 1
    assert str(told.message).startswith(f"{items} item")
    assert damaged.keys[4] in str(told.message)


def test_a_forgotten_epoch_is_closed(dataset: fastinet.Dataset) -> None:
    epoch = iter(Loader(dataset, 4, SMALL, threads=2))
    native = epoch._native
    gone = weakref.ref(epoch)
    del epoch
    gc.collect()
    assert gone() is None
    with pytest.raises(CancelledError, match="the epoch was closed"):
        native.next()


def failing(_row: Any) -> Any:
    raise ZeroDivisionError


@pytest.mark.parametrize(
    "options",
    [{}, {"then": Then(np.copy, threads=1)}, {"then": Then(failing, threads=2)}],
)
def test_an_error_keeps_nothing_of_the_loop_alive(
    damaged: fastinet.Dataset, options: dict[str, Any]
) -> None:
    """What is handled is gone, and with it the loop's variables: tensors on a device, say."""

    class Tensor:
        pass

    seen = []

    def loop() -> None:
        tensor = Tensor()
        seen.append(weakref.ref(tensor))
        for _ in Loader(damaged, 2, SMALL, **options):
            pass

    gc.disable()  # which frees, some time or other, what an error that holds itself keeps
    try:
        with contextlib.suppress(FastinetError):
            loop()
        assert seen[0]() is None
    finally:
        gc.enable()


def test_only_the_last_batch_finishes_it(dataset: fastinet.Dataset) -> None:
    """What happens at the end happens after the last batch was asked for, and not when left."""
    loader = Loader(dataset, 43, SMALL)
    epoch = iter(loader)
    next(epoch)
    assert loader.state_dict()["position"] == 43
    assert loader.state_dict()["epoch"] == 0
    assert next(epoch, None) is None
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (1, 0)
    iter(loader).close()
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (1, 0)


def test_a_log_hears_before_each_batch_and_at_the_end(dataset: fastinet.Dataset) -> None:
    calls: list[Any] = []
    loader = Loader(dataset, 22, SMALL, log=lambda stats: calls.append(stats.batches), log_every=0)
    calls.extend(len(batch) for batch in loader)
    assert calls == [22, 1, 21, 1]
    heard: list[int] = []  # of the end alone: a minute never passes
    list(Loader(dataset, 22, SMALL, log=lambda stats: heard.append(stats.batches)))
    assert heard == [2]
