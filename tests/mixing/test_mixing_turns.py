"""Which batch is mixed: told, known by the batch itself, or counted."""

from __future__ import annotations

import copy
import pickle
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet import Loader, MultiCrop, RandomResizedCrop, View
from fastinet.loading.chosen import ChosenItems
from fastinet.mixing import ColOut, CutMix, InTurn, Mixup, OneOf, TimmMixup, Unmixed

if TYPE_CHECKING:
    from pathlib import Path

    from fastinet.mixing import Way

CLASSES = 5
WAYS = [
    Mixup(CLASSES, 1.0),
    CutMix(CLASSES),
    ColOut(0.3, 0.3),
    OneOf(Mixup(CLASSES), CutMix(CLASSES)),
    InTurn(ColOut(), Mixup(CLASSES)),
    TimmMixup(mode="elem", num_classes=CLASSES),
]


def arrays() -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 3, 16, 16)).astype(np.float32), rng.integers(CLASSES, size=8)


def same(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


class Seen(fastinet.mixing.Way):
    """Mixes nothing, and says which batch it was."""

    def mixed(self, images: Any, labels: Any, epoch: int, batch: int) -> tuple[Any, Any]:  # noqa: ARG002 - as the others
        return (epoch, batch), labels


@pytest.mark.parametrize("way", WAYS, ids=lambda way: type(way).__name__)
def test_batches_are_counted(way: Way) -> None:
    """Also where one way calls another: the outer one counts."""
    way = copy.deepcopy(way)
    counted = [way(*arrays()) for _ in range(3)]
    for number, found in enumerate(counted):
        assert same(found, way(*arrays(), epoch=0, batch=number))
    assert not same(counted[0], counted[1])
    assert way.state_dict() == {"epoch": 0, "batch": 3}, "told batches are not counted"
    way.set_epoch(4)
    assert same(way(*arrays()), way(*arrays(), epoch=4, batch=0))
    state = way.state_dict()
    assert state == {"epoch": 4, "batch": 1}
    later = copy.deepcopy(way)
    later.set_epoch(0)
    later.load_state_dict(state)
    assert same(later(*arrays()), way(*arrays(), epoch=4, batch=1))
    assert same(pickle.loads(pickle.dumps(way))(*arrays()), way(*arrays(), epoch=4, batch=1))  # noqa: S301 - our own
    assert way.state_dict() == state, "copies count for themselves"


def test_counting_changes_no_way() -> None:
    counted, fresh = Mixup(CLASSES), Mixup(CLASSES)
    counted(*arrays())
    assert counted == fresh
    assert hash(counted) == hash(fresh)
    assert repr(counted) == repr(fresh)


def test_threads_count_together() -> None:
    way, seen = Seen(), []

    def work() -> None:
        seen.extend(way([], [])[0] for _ in range(200))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(seen) == [(0, number) for number in range(800)]


@pytest.mark.parametrize("kind", ["numpy", "torch", "groups"])
def test_batches_know_their_place(dataset: fastinet.Dataset, kind: str) -> None:
    options: dict[str, Any] = {"shuffle": True, "dtype": "float32", "drop_last": True}
    transform: Any = RandomResizedCrop(16)
    make: Any = Loader
    if kind == "groups":
        transform = MultiCrop(View(RandomResizedCrop(16), 2), View(RandomResizedCrop(8), 1))
    if kind == "torch":
        pytest.importorskip("torch")
        make, options["device"] = fastinet.torch.Loader, "cpu"
    else:
        options["layout"] = "NCHW"
    mix = Mixup(CLASSES, 1.0)
    loader = make(dataset, 8, transform, rank=1, world=2, **options)
    for epoch in range(2):
        for number, batch in enumerate(loader):
            assert (batch.epoch, batch.number, batch.place) == (epoch, number, number * 2 + 1)
            images, targets = mix(batch)
            given, labels = batch
            expected = mix(given, labels, epoch=epoch, batch=number * 2 + 1)
            assert np.array_equal(targets, expected[1])
            if kind == "groups":
                assert all(map(np.array_equal, images, expected[0]))
            else:
                assert np.array_equal(images, expected[0])
            told = mix(batch, epoch=7, batch=0)
            assert np.array_equal(told[1], mix(given, labels, epoch=7, batch=0)[1])
    assert mix.state_dict() == {"epoch": 0, "batch": 0}, "nothing was counted"


@pytest.mark.parametrize("then", [None, lambda row: row])
def test_places_are_exact_after_a_resume(dataset: fastinet.Dataset, then: Any) -> None:
    def loader() -> Loader:
        return Loader(dataset, 8, RandomResizedCrop(8), shuffle=True, then=then)

    whole = loader()
    places = [(batch.indices.tolist(), batch.epoch, batch.place) for _ in (0, 1) for batch in whole]
    assert [place for *_, place in places] == [*range(6), *range(6)]
    begun = loader()
    for number, _ in enumerate(begun):
        if number == 2:
            state = begun.state_dict()
            break
    later = loader()
    later.load_state_dict(state)
    rest = [(batch.indices.tolist(), batch.epoch, batch.place) for _ in (0, 1) for batch in later]
    assert rest == places[3:]
    chosen = [batch.place for batch in loader().epoch(9, start_batch=4)]
    assert chosen == [4, 5]


def test_places_are_exact_for_threads_that_share_an_epoch(dataset: fastinet.Dataset) -> None:
    def items(batch: fastinet.Batch) -> tuple[int | None, list[int]]:
        return batch.number, batch.indices.tolist()

    loader = Loader(dataset, 1, RandomResizedCrop(8), shuffle=True)
    expected = sorted(items(batch) for batch in loader.epoch(0))
    batches, found = loader.epoch(0), []

    def work() -> None:
        found.extend(items(batch) for batch in batches)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [number for number, _ in expected] == list(range(43))
    assert sorted(found) == expected


def test_a_global_array_is_one_batch_of_all_ranks(dataset: fastinet.Dataset) -> None:
    jax = pytest.importorskip("jax")
    sharding = jax.sharding.SingleDeviceSharding(jax.devices("cpu")[0])
    loader = Loader(dataset, 8, RandomResizedCrop(8), drop_last=True, dtype="float32")
    feed = fastinet.jax.feed(loader, sharding)
    assert [(batch.place, Seen()(batch)[0]) for batch in feed] == [(n, (0, n)) for n in range(5)]

    class OfTwo:
        number, _kind = 3, None

    assert fastinet.jax.Batch.place.fget(OfTwo()) == 3  # type: ignore[attr-defined]


def streamed(path: Path, state: Any = None, batch_size: int = 8, **options: Any) -> Any:
    """What a stream's batches say of their places, and the loader's state behind each."""
    with path.open("rb") as file:
        stream = fastinet.open_stream(file, classes="imagenet1k")
        loader = fastinet.StreamLoader(stream, batch_size, RandomResizedCrop(8), **options)
        if state is not None:
            loader.load_state_dict(state)
        return [
            (batch.indices.tolist(), batch.epoch, batch.number, batch.place, loader.state_dict())
            for batch in loader
        ]


@pytest.mark.parametrize("then", [None, lambda row: row])
def test_a_streams_batches_know_their_place(
    dataset: fastinet.Dataset, archive_path: Path, then: Any
) -> None:
    whole = streamed(archive_path, epoch=3, rank=1, world=2, then=then)
    loader = Loader(dataset, 8, RandomResizedCrop(8), rank=1, world=2)
    expected = [(b.indices.tolist(), 3, b.number, b.place) for b in loader.epoch(3)]
    assert [batch[:4] for batch in whole] == expected, "as of an archive that is opened"
    assert [place for *_, place, _ in whole] == [1, 3, 5]
    for number, (*_, state) in enumerate(whole[:-1]):
        rest = streamed(archive_path, state, rank=1, world=2, then=then)
        assert [batch[:4] for batch in rest] == expected[number + 1 :]
    *_, state = streamed(archive_path, batch_size=5)[0]
    assert [place for *_, place, _ in streamed(archive_path, state)] == [1, 2, 3, 4, 5]


def test_a_streams_batches_are_mixed_by_their_place(archive_path: Path) -> None:
    with archive_path.open("rb") as file:
        stream = fastinet.open_stream(file, classes="imagenet1k")
        options: Any = {"dtype": "float32", "layout": "NCHW", "epoch": 2}
        mix = Mixup(1000, 1.0)
        for number, batch in enumerate(
            fastinet.StreamLoader(stream, 8, RandomResizedCrop(8), **options)
        ):
            images, targets = mix(batch)
            expected = mix(*batch, epoch=2, batch=number)
            assert np.array_equal(images, expected[0])
            assert np.array_equal(targets, expected[1])
            counted = Seen()
            assert [counted(*batch)[0] for _ in "ab"] == [(0, 0), (0, 1)]


def test_items_that_were_chosen_have_no_place(dataset: fastinet.Dataset) -> None:
    items = ChosenItems(Loader(dataset, 8, RandomResizedCrop(8)))
    batch = items.take(np.array([3, 1]), 0, np.array([0, 0]))
    assert (batch.epoch, batch.number, batch.place) == (None, None, None)
    with pytest.raises(TypeError, match=r"of chosen items .* give epoch= and batch="):
        Unmixed(CLASSES)(batch)
    assert Unmixed(CLASSES)(batch, epoch=0, batch=0)[1].shape == (2, CLASSES)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda mix: mix(*arrays(), epoch=0), TypeError, "epoch= without batch="),
        (lambda mix: mix(*arrays(), batch=0), TypeError, "batch= without epoch="),
        (lambda mix: mix(arrays()[0]), TypeError, r"labels are missing: .* not of ndarray"),
        (lambda mix: mix(arrays()), TypeError, "not of tuple alone"),
        (lambda mix: mix.load_state_dict({"epoch": 0}), ValueError, "has epoch and batch, not"),
        (lambda mix: mix.load_state_dict({"epoch": 0, "batch": -1}), ValueError, "batch must be"),
        (lambda mix: mix.set_epoch(-1), ValueError, "epoch must be"),
    ],
)
def test_what_does_not_say_it_is_refused(call: Any, error: Any, message: str) -> None:
    with pytest.raises(error, match=message):
        call(Mixup(CLASSES))


def test_two_kinds_of_labels_are_told_apart() -> None:
    images, labels = arrays()

    class Both:
        place, epoch = 2, 1
        soft_labels = np.eye(CLASSES, dtype=np.float32)[labels[::-1]]

        def __iter__(self) -> Any:
            return iter((images, labels))

    Both.labels = labels  # type: ignore[attr-defined]
    mix = Mixup(CLASSES)
    with pytest.raises(ValueError, match=r"classes and soft labels: .* batch.soft_labels\)"):
        mix(Both())
    for own in (labels, Both.soft_labels):
        assert same(mix(Both(), own), mix(images, own, epoch=1, batch=2))
