"""A feed gives its loader's stream, and its states count what the loop has had."""

from __future__ import annotations

import gc
import weakref
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastinet
from fastinet import ItemBoxes, Loader, RandomResizedCrop
from fastinet.errors import FastinetError
from fastinet.loading.batch import SentBatch
from fastinet.loading.chosen import ChosenItems
from fastinet.loading.feeding import Feed
from fastinet.metrics.labels import label_sets
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Sent(SentBatch["NDArray[Any]"]):
    """A batch that has gone to a device of the same machine."""

    def __init__(self, batch: fastinet.Batch) -> None:
        super().__init__(batch, np.copy, np.copy)


class HostFeed(Feed[Sent]):
    """Sends to the host, and notes in which order things happen."""

    def __init__(self, loader: Loader, ahead: int = 1) -> None:
        super().__init__(loader, ahead=ahead)
        self.log: list[str] = []

    def _send(self, batch: fastinet.Batch) -> Sent:
        self.log.append(f"send {batch.indices[0]}")
        return Sent(batch)

    def _deliver(self, sent: Sent) -> Sent:
        self.log.append(f"deliver {sent.indices[0]}")
        return sent


def loader_of(dataset: fastinet.Dataset, **options: object) -> Loader:
    defaults: dict[str, object] = {"shuffle": True, "seed": 3, "threads": 2, "prefetch": 4}
    return Loader(dataset, 5, RandomResizedCrop(8), **{**defaults, **options})


def content(batch: fastinet.Batch | Sent) -> tuple[list[int], NDArray[np.uint8]]:
    return batch.indices.tolist(), np.asarray(batch.images).copy()


def assert_same_stream(
    ours: list[tuple[list[int], NDArray[np.uint8]]],
    theirs: list[tuple[list[int], NDArray[np.uint8]]],
) -> None:
    assert [items for items, _ in ours] == [items for items, _ in theirs]
    for (_, images), (_, others) in zip(ours, theirs, strict=True):
        assert np.array_equal(images, others)


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_same_stream_as_the_loader(dataset: fastinet.Dataset, ahead: int) -> None:
    feed, loader = HostFeed(loader_of(dataset), ahead), loader_of(dataset)
    for _ in range(2):
        assert_same_stream([content(b) for b in feed], [content(b) for b in loader])
    assert_same_stream(
        [content(b) for b in feed.epoch(7, start_batch=2)],
        [content(b) for b in loader.epoch(7, start_batch=2)],
    )
    assert len(feed) == len(loader)
    assert feed.dataset is dataset
    assert feed.batch_size == loader.batch_size


def test_what_the_host_knows_comes_along(dataset: fastinet.Dataset) -> None:
    for sent, batch in zip(HostFeed(loader_of(dataset)), loader_of(dataset), strict=True):
        for name in ("indices", "boxes", "flips", "image_sizes", "valid"):
            assert np.array_equal(getattr(sent, name), getattr(batch, name))
        assert sent.keys == batch.keys
        assert sent.errors == {}
        assert sent.objects is batch.objects is None
        assert len(sent) == len(batch)


def test_label_sets_come_along(dataset: fastinet.Dataset) -> None:
    several = dataset.select(range(len(dataset)))
    several.label_sets = label_sets([[label, 990] for label in dataset.labels.tolist()])
    feed, loader = (loader_of(several, pad_last="mask") for _ in range(2))
    for sent, batch in zip(HostFeed(feed), loader, strict=True):
        assert sent.label_sets is not None
        assert batch.label_sets is not None
        assert list(sent.label_sets) == list(batch.label_sets)
    sent = next(iter(HostFeed(loader_of(dataset))))
    assert sent.label_sets is None


def test_objects_come_along(dataset: fastinet.Dataset) -> None:
    halves = np.tile(np.array([0.2, 0.1, 0.7, 1.0], np.float32), (43, 1))
    boxes = ItemBoxes(np.arange(44), halves, dataset.labels)
    feed, loader = (loader_of(dataset, boxes=boxes) for _ in range(2))
    for sent, batch in zip(HostFeed(feed), loader, strict=True):
        assert sent.objects is not None
        assert batch.objects is not None
        assert np.array_equal(sent.objects.boxes, batch.objects.boxes)
        chosen = ChosenItems(loader).take(batch.indices).objects
        assert chosen is not None
        assert np.array_equal(chosen.boxes, batch.objects.boxes)


@pytest.mark.parametrize("ahead", [0, 1, 2, 4])
def test_as_many_batches_are_sent_ahead_as_were_asked_for(
    dataset: fastinet.Dataset, ahead: int
) -> None:
    """All that can be ready is, whenever the loop asks, and more of it than may be sent."""
    prefetch = ahead + 3
    feed = HostFeed(loader_of(dataset, shuffle=False, prefetch=prefetch), ahead)
    epoch, batches = iter(feed), len(feed)
    for had in range(1, batches + 1):
        sent = sum(entry.startswith("send") for entry in feed.log)
        while epoch._batches.ready_batches < min(prefetch, batches - sent):
            pass
        next(epoch)
        # The batch in hand, and `ahead` more as long as there are so many.
        sent = sum(entry.startswith("send") for entry in feed.log)
        assert sent == min(had + ahead, batches)
        assert feed.log.count(f"deliver {5 * (had - 1)}") == 1
        assert len(epoch) == batches - had
    assert list(epoch) == []


@given(ahead=st.integers(0, 3), stop=st.integers(0, 9), epochs=st.integers(0, 2))
def test_state_counts_what_the_loop_has_had(
    dataset: fastinet.Dataset, ahead: int, stop: int, epochs: int
) -> None:
    feed, loader = HostFeed(loader_of(dataset), ahead), loader_of(dataset)
    for _ in range(epochs):
        assert len(list(feed)) == len(list(loader)) == 9
        assert feed.state_dict() == loader.state_dict()
    epoch, theirs = iter(feed), iter(loader)
    assert feed.state_dict() == loader.state_dict()
    for _ in range(stop):
        next(epoch)
        next(theirs)
        assert feed.state_dict() == loader.state_dict()
    resumed, there = HostFeed(loader_of(dataset, threads=1), 3 - ahead), loader_of(dataset)
    resumed.load_state_dict(feed.state_dict())
    there.load_state_dict(loader.state_dict())
    assert resumed.state_dict() == feed.state_dict()
    for _ in range(2):  # the rest of this epoch, and all of the next
        assert_same_stream([content(b) for b in resumed], [content(b) for b in there])


def test_leaving_early_begins_the_next_epoch(dataset: fastinet.Dataset) -> None:
    feed, loader = HostFeed(loader_of(dataset), 3), loader_of(dataset)
    for _ in range(3):
        for ours, theirs in zip(feed, loader, strict=True):
            assert content(ours)[0] == content(theirs)[0]
            break
    assert feed.state_dict()["epoch"] == 2


def test_an_old_epoch_does_not_move_the_state(dataset: fastinet.Dataset) -> None:
    feed = HostFeed(loader_of(dataset), 2)
    old = iter(feed)
    next(old)
    new = iter(feed)
    next(new)
    state = feed.state_dict()
    list(old)
    assert feed.state_dict() == state
    old.close()
    assert list(old) == []
    assert len(old) == 0
    assert feed.state_dict() == state


def test_a_closed_epoch_keeps_its_place(dataset: fastinet.Dataset) -> None:
    feed = HostFeed(loader_of(dataset), 3)
    epoch = iter(feed)
    next(epoch)
    state = feed.state_dict()
    epoch.close()
    assert list(epoch) == []
    assert feed.state_dict() == state


def test_a_failure_comes_at_its_turn(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files = {f"n01440764_{number}.JPEG": small_jpeg(rng) for number in range(9)}
    files["n01440764_4.JPEG"] = b"\xff\xd8 no more"
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01440764": files}))
    loader = Loader(fastinet.open(path, index=False), 2, RandomResizedCrop(8), prefetch=4)
    epoch = iter(HostFeed(loader, ahead=4))
    assert next(epoch).indices.tolist() == [0, 1]
    assert next(epoch).indices.tolist() == [2, 3]
    gc.collect()
    gc.disable()
    try:
        with pytest.raises(FastinetError, match="n01440764_4") as caught:
            next(epoch)
        failure = weakref.ref(caught.value)
        del caught
        assert failure() is None, "it holds nothing, itself included"
    finally:
        gc.enable()
    assert list(epoch) == []


def test_what_a_log_raises_loses_no_batch(dataset: fastinet.Dataset) -> None:
    def log(stats: fastinet.LoaderStats) -> None:
        raise KeyError(stats.batches)

    feed = HostFeed(loader_of(dataset, log=log, log_every=0), 2)
    epoch, seen, failures = iter(feed), [], 0
    while True:
        try:
            seen += next(epoch).indices.tolist()
        except KeyError:
            failures += 1
        except StopIteration:
            break
    assert sorted(seen) == list(range(43))
    assert failures == 9


class InterruptedFeed(HostFeed):
    """Ctrl-C comes while a batch is sent for the first time."""

    def _send(self, batch: fastinet.Batch) -> Sent:
        sent = super()._send(batch)
        if self.log.count(f"send {sent.indices[0]}") == 1:
            raise KeyboardInterrupt
        return sent


def test_a_ctrl_c_while_sending_loses_no_batch(dataset: fastinet.Dataset) -> None:
    feed, other = InterruptedFeed(loader_of(dataset), 3), loader_of(dataset)
    epoch, seen, interruptions = iter(feed), [], 0
    while len(seen) < len(feed):
        assert len(epoch) == len(feed) - len(seen)
        try:
            seen.append(content(next(epoch)))
        except KeyboardInterrupt:
            interruptions += 1
        assert feed.state_dict()["position"] == min(5 * len(seen), 43)
    assert_same_stream(seen, [content(batch) for batch in other])
    assert interruptions == len(feed)


class FailingFeed(HostFeed):
    """A device that refuses the third batch."""

    def _send(self, batch: fastinet.Batch) -> Sent:
        if sum(entry.startswith("send") for entry in self.log) == 2:
            raise ValueError("refused")
        return super()._send(batch)


def test_a_refused_batch_ends_the_epoch_at_its_turn(dataset: fastinet.Dataset) -> None:
    feed = FailingFeed(loader_of(dataset), 4)
    epoch = iter(feed)
    next(epoch)
    next(epoch)
    with pytest.raises(ValueError, match="refused"):
        next(epoch)
    assert list(epoch) == []
    assert feed.state_dict()["position"] == 10  # the third is still to come


def test_slots_are_free_once_sent(dataset: fastinet.Dataset) -> None:
    """Other batches go into them, and what was sent stays as it was."""
    feed, loader = HostFeed(loader_of(dataset), 3), loader_of(dataset)
    kept = [*feed, *feed]
    gc.collect()
    assert len(kept) == 18
    assert feed.stats().extra_slots == 0
    for sent, batch in zip(kept, [*loader, *loader], strict=True):
        for name in ("images", "labels", "indices", "boxes", "flips", "image_sizes", "valid"):
            assert np.array_equal(getattr(sent, name), getattr(batch, name))


def test_arguments(dataset: fastinet.Dataset) -> None:
    with pytest.raises(ValueError, match="ahead must be 0 to 64, not -1"):
        HostFeed(loader_of(dataset), -1)


def test_an_iterator_that_is_never_used_is_never_begun(dataset: fastinet.Dataset) -> None:
    feed = HostFeed(loader_of(dataset))
    for _ in feed:
        break
    left = feed.state_dict()
    assert left["position"] == 5
    iter(feed)
    feed.epoch(9)
    assert feed.state_dict() == left
    held = iter(feed)
    assert (feed.state_dict()["epoch"], feed.state_dict()["position"]) == (1, 0)
    held.close()
    assert feed.state_dict() == left
    assert_same_stream(
        [content(batch) for batch in feed], [content(b) for b in loader_of(dataset).epoch(1)]
    )


def test_an_epoch_can_be_chosen(dataset: fastinet.Dataset) -> None:
    expected = {e: [content(b) for b in loader_of(dataset).epoch(e)] for e in range(6)}
    feed = HostFeed(loader_of(dataset))
    assert feed.sampler == feed.batch_sampler.sampler
    assert len(feed.sampler) == 43
    feed.sampler.set_epoch(4)
    assert feed.state_dict()["epoch"] == 4
    assert_same_stream([content(batch) for batch in feed], expected[4])
    unused = iter(feed)
    feed.set_epoch(2)
    assert (feed.state_dict()["epoch"], feed.state_dict()["position"]) == (2, 0)
    seen = [content(next(unused))]
    feed.set_epoch(1)
    assert (feed.state_dict()["epoch"], feed.state_dict()["position"]) == (2, 5)
    assert_same_stream([*seen, *[content(batch) for batch in unused]], expected[2])
    assert feed.state_dict()["epoch"] == 1
    assert_same_stream([content(batch) for batch in feed], expected[1])
