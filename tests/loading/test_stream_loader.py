"""Streams: whatever way an archive arrives, its batches are those of the plain tar."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.streamed import SMALL, WAYS, batches_of, loader_of, same_batches, streamed

import fastinet
from fastinet.errors import FastinetWarning, UnsupportedError
from fastinet.testing import reference
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.ilsvrc import miniature_challenge
from fastinet.testing.small import small_jpeg
from fastinet.testing.whole_archives import (
    V2Layout,
    imagenet21k_classes,
    imagenet_v2_members,
    winter21_tar,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ALL_WNIDS = [info.wnid for info in streamed(b"").classes]


@pytest.fixture(scope="module")
def content(archive_path: Path) -> bytes:
    return archive_path.read_bytes()


@pytest.fixture(scope="module")
def classes(dataset: fastinet.Dataset) -> list[str]:
    return [info.wnid for info in dataset.classes]


@pytest.fixture
def arriving() -> Iterator[contextlib.ExitStack]:
    with contextlib.ExitStack() as stack:
        yield stack


def images(count: int) -> list[bytes]:
    rng = np.random.default_rng(count)
    return [small_jpeg(rng) for _ in range(count)]


# -------------------------------------------------------------------------- as from the plain tar


@pytest.mark.parametrize("way", WAYS)
def test_every_way_to_arrive(
    way: str,
    content: bytes,
    classes: list[str],
    dataset: fastinet.Dataset,
    tmp_path: Path,
    arriving: contextlib.ExitStack,
) -> None:
    source = WAYS[way](arriving, content, tmp_path)
    stream = fastinet.open_stream(source, classes=classes)
    plain = fastinet.Loader(dataset, 8, SMALL, seed=3, threads=2)
    same_batches(plain, loader_of(stream))


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("batch_size", [1, 7, 43, 100])
@pytest.mark.parametrize("prefetch", [1, 3])
def test_threads_and_batch_sizes(
    threads: int,
    batch_size: int,
    prefetch: int,
    content: bytes,
    classes: list[str],
    dataset: fastinet.Dataset,
) -> None:
    plain = fastinet.Loader(dataset, batch_size, SMALL, seed=3)
    options: dict[str, Any] = {"threads": threads, "prefetch": prefetch, "classes": classes}
    same_batches(plain, batches_of(content, batch_size=batch_size, **options))


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("world", [1, 2, 3])
@pytest.mark.parametrize("batch_size", [4, 7, 30])
def test_ranks(
    drop_last: bool,
    world: int,
    batch_size: int,
    content: bytes,
    classes: list[str],
    dataset: fastinet.Dataset,
) -> None:
    options: dict[str, Any] = {"world": world, "drop_last": drop_last, "batch_size": batch_size}
    if drop_last and batch_size * world > len(dataset):
        with pytest.warns(FastinetWarning, match="leaves no batch"):
            assert batches_of(content, rank=0, **options) == []
        return
    seen: list[int] = []
    for rank in range(world):
        plain = fastinet.Loader(dataset, transform=SMALL, seed=3, rank=rank, **options)
        batches = batches_of(content, rank=rank, classes=classes, **options)
        same_batches(plain, batches)
        seen += [int(item) for batch in batches for item in batch.indices]
    kept = len(dataset) // (batch_size * world) * batch_size * world
    assert sorted(seen) == list(range(kept if drop_last else len(dataset)))


@pytest.mark.parametrize(
    "options",
    [
        {"transform": fastinet.CenterCrop(8, resize=10), "dtype": "float32", "layout": "NCHW"},
        {"transform": fastinet.Resize(9), "exact": True},
        {"transform": SMALL, "views": 2, "epoch": 5, "exif_orientation": True},
    ],
)
def test_output_options(
    options: dict[str, Any], content: bytes, classes: list[str], dataset: fastinet.Dataset
) -> None:
    epoch = options.get("epoch", 0)
    plain = fastinet.Loader(
        dataset, 8, seed=3, **{name: value for name, value in options.items() if name != "epoch"}
    )
    if epoch:
        plain.load_state_dict({**plain.state_dict(), "epoch": epoch})
    same_batches(plain, batches_of(content, classes=classes, **options))


def test_tars_in_a_folder_with_odd_members(tmp_path: Path) -> None:
    """What winter21_whole.tar.gz inflates to: PNGs, gzip-wrapped JPEGs, long names.

    The one file that is known to hold no image is an item that fails: a stream does not tell which
    archive it is.
    """
    data = winter21_tar(imagenet21k_classes())
    path = tmp_path / "winter21_whole.tar"
    path.write_bytes(data)
    with pytest.warns(FastinetWarning):
        dataset = fastinet.open(path, index=False)
    wnids = [info.wnid for info in dataset.classes]
    with pytest.warns(FastinetWarning) as told:
        batches = batches_of(data, classes=wnids, batch_size=4, on_error="mask")
    messages = [str(warning.message) for warning in told]
    assert any("1 item gave no row" in message for message in messages)
    assert any("1 entries so far were passed over" in message for message in messages)
    found = rows_by_key(batches)
    label, valid = found.pop("winter21_whole/n06470073/n06470073_47249.JPEG")
    assert (label, valid) == (-1, False)
    assert found == rows_by_key(list(fastinet.Loader(dataset, 4, SMALL)))


def rows_by_key(batches: list[fastinet.Batch]) -> dict[str, tuple[int, bool]]:
    return {
        key: (int(label), bool(valid))
        for batch in batches
        for key, label, valid in zip(batch.keys, batch.labels, batch.valid, strict=True)
    }


def test_a_class_tar() -> None:
    members = {f"n01440764_{number}.JPEG": data for number, data in enumerate(images(5))}
    batches = batches_of(tar(members))
    assert [key for batch in batches for key in batch.keys] == list(members)
    assert np.concatenate([batch.labels for batch in batches]).tolist() == [0] * 5


def test_numbered_images_come_as_they_arrive(tmp_path: Path) -> None:
    challenge = miniature_challenge()
    data = tar(challenge.official_val())
    path = tmp_path / "ILSVRC2012_img_val.tar"
    path.write_bytes(data)
    dataset = fastinet.open(path, index=False)
    labels = dict(zip(dataset.keys, dataset.labels.tolist(), strict=True))
    batches = batches_of(data, transform=fastinet.CenterCrop(8, resize=8))
    keys = [key for batch in batches for key in batch.keys]
    assert keys == list(challenge.official_val())
    found = np.concatenate([batch.labels for batch in batches]).tolist()
    assert [ALL_WNIDS[label] for label in found] == [
        dataset.classes[labels[key]].wnid for key in keys
    ]
    plain = fastinet.Loader(dataset, 1, fastinet.CenterCrop(8, resize=8))
    rows = {batch.keys[0]: batch.images[0] for batch in plain}
    for batch in batches:
        for key, image in zip(batch.keys, batch.images, strict=True):
            np.testing.assert_array_equal(image, rows[key])


def test_test_images_have_no_label() -> None:
    batches = batches_of(tar(miniature_challenge().official_test()))
    assert all((batch.labels == -1).all() for batch in batches)


@pytest.mark.parametrize("layout", ["numbers", "wnids", "hashes"])
def test_folders_that_are_labels(layout: V2Layout) -> None:
    members = imagenet_v2_members(layout, labels=(999, 0, 10), per_class=2)
    (batch,) = batches_of(tar(members))
    assert batch.labels.tolist() == [999, 999, 0, 0, 10, 10]
    (batch,) = batches_of(tar(members), classes=ALL_WNIDS[::-1])
    assert batch.labels.tolist() == [0, 0, 999, 999, 989, 989]


# -------------------------------------------------------------------------------- order, resume


def drawn_order(items: int, window: int, seed: int, epoch: int) -> list[int]:
    """The law of csrc/stream/shuffle_window.h, item by item."""
    held: list[int] = []
    order: list[int] = []

    def draw() -> None:
        bits = reference.random_bits(seed, epoch, len(order), 0, 0)[0]
        chosen = bits * len(held) >> 32
        held[chosen], held[-1] = held[-1], held[chosen]
        order.append(held.pop())

    for item in range(items):
        held.append(item)
        if len(held) == window:
            draw()
    while held:
        draw()
    return order


def order_of(batches: list[fastinet.Batch]) -> list[int]:
    return [int(item) for batch in batches for item in batch.indices]


@given(
    window=st.integers(1, 60),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 2**32 - 1),
    batch_size=st.integers(1, 50),
)
def test_the_drawn_order(
    content: bytes, window: int, seed: int, epoch: int, batch_size: int
) -> None:
    options: dict[str, Any] = {"shuffle": True, "window": window, "seed": seed, "epoch": epoch}
    batches = batches_of(content, batch_size=batch_size, **options)
    expected = drawn_order(43, window, seed, epoch)
    assert sorted(expected) == list(range(43))
    assert all(place >= item - window + 1 for place, item in enumerate(expected))
    assert order_of(batches) == expected


def test_shuffled_rows_are_those_of_the_order_kept(content: bytes) -> None:
    """A crop depends on the item, and not on when it comes."""
    rows = {
        int(item): image
        for batch in batches_of(content)
        for item, image in zip(batch.indices, batch.images, strict=True)
    }
    for batch in batches_of(content, shuffle=True, window=20, threads=3):
        for item, image in zip(batch.indices, batch.images, strict=True):
            np.testing.assert_array_equal(image, rows[int(item)])


@pytest.mark.parametrize("shuffle", [False, True])
def test_resuming_at_every_batch(content: bytes, shuffle: bool) -> None:
    options: dict[str, Any] = {"shuffle": shuffle, "batch_size": 5}
    if shuffle:
        options["window"] = 16
    loader = loader_of(streamed(content), **options)
    states, whole = [loader.state_dict()], []
    for batch in loader:
        whole.append(batch)
        states.append(loader.state_dict())
    for done, state in enumerate(states[:-1]):
        resumed = loader_of(streamed(content), **{**options, "threads": 1, "seed": 99})
        resumed.load_state_dict(json.loads(json.dumps(state)))
        same_batches(whole[done:], resumed)
    assert loader.state_dict() == {**states[0], "epoch": 1, "position": 0}


def test_resuming_on_other_ranks_and_batch_sizes(content: bytes) -> None:
    options: dict[str, Any] = {"shuffle": True, "window": 16}
    whole = order_of(batches_of(content, **options))
    loader = loader_of(streamed(content), batch_size=5, **options)
    batches = iter(loader)
    head = order_of([next(batches), next(batches), next(batches)])
    ranks = []
    for rank in range(2):
        resumed = loader_of(streamed(content), batch_size=4, rank=rank, world=2, **options)
        resumed.load_state_dict(loader.state_dict())
        ranks.append(order_of(list(resumed)))
    assert head == whole[:15]
    # Position p is rank p % 2's, and 15 is the first that is left.
    assert ranks[1] == whole[15::2]
    assert ranks[0] == whole[16::2]


def noisy(row: Any, rng: np.random.Generator) -> Any:
    return row + rng.integers(0, 100, row.shape, np.uint8)


@pytest.mark.parametrize("then", [None, fastinet.Then(noisy, random=True, threads=1)])
@pytest.mark.parametrize("shuffle", [False, True])
def test_a_pass_is_that_of_the_moment_in_which_it_begins(
    content: bytes, shuffle: bool, then: fastinet.Then | None
) -> None:
    """An iterator that was made before an epoch is chosen, or a state loaded, follows."""
    options: dict[str, Any] = {"shuffle": shuffle, "batch_size": 8, "then": then}
    window = {"window": 16} if shuffle else {}
    expected = batches_of(content, epoch=5, **options, **window)
    loader = loader_of(streamed(content), **options, **window)
    begun = iter(loader)
    loader.set_epoch(5)
    same_batches(expected, begun)
    assert (loader.state_dict()["epoch"], loader.state_dict()["position"]) == (6, 0)

    earlier = loader_of(streamed(content), seed=77, epoch=3, **options, **window)
    whole, states = [], []
    for batch in earlier:
        whole.append(batch)
        states.append(earlier.state_dict())
    loader = loader_of(streamed(content), **options, **window)
    begun = iter(loader)
    loader.load_state_dict(states[1])
    for number, batch in enumerate(begun, 2):
        same_batches([whole[number]], [batch])
        assert loader.state_dict() == states[number], "it counts what this pass delivers"
    assert number == len(whole) - 1


def test_a_state_that_is_loaded_while_a_pass_runs_stays(content: bytes) -> None:
    """The stream has been read, so the pass is not that of the state: it does not move it on."""
    loader = loader_of(streamed(content), batch_size=8)
    batches = iter(loader)
    next(batches)
    state = {**loader.state_dict(), "epoch": 9}
    loader.load_state_dict(state)  # type: ignore[arg-type]
    next(batches)
    assert loader.state_dict() == state


def test_states_of_other_loaders(content: bytes) -> None:
    loader = loader_of(streamed(content))
    with pytest.raises(ValueError, match="version 7"):
        loader.load_state_dict({**loader.state_dict(), "version": 7})
    with pytest.raises(ValueError, match="window=9, the loader 1"):
        loader.load_state_dict({**loader.state_dict(), "window": 9})
    with pytest.raises(ValueError, match="state lacks epoch, position, seed, window"):
        loader.load_state_dict({"version": 1})  # type: ignore[typeddict-item]
    with pytest.raises(TypeError, match="gives, not None"):
        loader.load_state_dict(None)  # type: ignore[arg-type]
    before = loader.state_dict()
    with pytest.raises(ValueError, match="epoch must be"):
        loader.load_state_dict({**before, "seed": 7, "epoch": -1})
    assert loader.state_dict() == before


def test_a_stream_of_less_than_a_batch_is_not_dropped_in_silence(content: bytes) -> None:
    loader = loader_of(streamed(content), batch_size=1000, drop_last=True)
    with pytest.warns(FastinetWarning, match="drop_last=True leaves no batch") as warned:
        assert list(loader) == []
    assert [warning.filename for warning in warned] == [__file__]
    resumed = loader_of(streamed(content), batch_size=1000, drop_last=True)
    resumed.load_state_dict({**resumed.state_dict(), "position": 1000})
    assert list(resumed) == []  # its batches came before: warnings are errors here
    resumed = loader_of(streamed(content), batch_size=1000, drop_last=True)
    begun = iter(resumed)
    resumed.load_state_dict({**resumed.state_dict(), "position": 1000})
    assert list(begun) == []


def test_resuming_behind_the_end(content: bytes) -> None:
    loader = loader_of(streamed(content))
    loader.load_state_dict({**loader.state_dict(), "position": 1000})
    assert list(loader) == []


# ------------------------------------------------------------------------ what streams cannot do


def test_one_pass(content: bytes) -> None:
    loader = loader_of(streamed(content))
    assert len(list(loader)) == 6
    with pytest.raises(UnsupportedError, match=r"passes once.*open it anew"):
        iter(loader)
    with pytest.raises(UnsupportedError, match="passes once"):
        iter(loader_of(loader.stream))


def test_no_length_no_pickle_no_items(content: bytes) -> None:
    stream = streamed(content)
    loader = loader_of(stream)
    for value in (stream, loader):
        with pytest.raises(TypeError, match="no length"):
            len(value)
        assert value  # which asks for the length of what has one
        with pytest.raises(TypeError, match="stays in its process"):
            pickle.dumps(value)
    with pytest.raises(TypeError, match="subscriptable"):
        stream[0]  # type: ignore[index]
    assert "batch_size=8" in repr(loader)


@pytest.mark.parametrize(
    ("options", "cause"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"window": 4}, "goes with shuffle=True"),
        ({"shuffle": True, "window": 0}, "window"),
        ({"shuffle": "blocked"}, "shuffle must be True or False for a stream"),
        ({"on_error": "skip"}, "on_error"),
        ({"rank": 2, "world": 2}, "rank"),
        ({"epoch": -1}, "epoch"),
        ({"prefetch": 0}, "prefetch"),
    ],
)
def test_arguments_that_make_no_sense(options: dict[str, Any], cause: str) -> None:
    with pytest.raises(ValueError, match=cause):
        loader_of(streamed(b""), **options)


@pytest.mark.parametrize("grouped", [False, True])
def test_crops_that_must_cover_objects_are_refused(grouped: bool) -> None:
    crop: Any = fastinet.RandomResizedCrop(8, min_object_covered=0.1)
    if grouped:
        crop = fastinet.MultiCrop(fastinet.View(SMALL), fastinet.View(crop))
    with pytest.raises(ValueError, match="a stream's items have no boxes"):
        fastinet.StreamLoader(streamed(b""), 8, crop)
    # TensorFlow's rule does without boxes.
    fastinet.StreamLoader(streamed(b""), 8, fastinet.RandomResizedCrop(8, box_rule="tensorflow"))


def test_no_stream(dataset: fastinet.Dataset, tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="StreamLoader takes"):
        fastinet.Loader(streamed(b""), 8, SMALL)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="open_stream"):
        fastinet.StreamLoader(dataset, 8, SMALL)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="file object"):
        fastinet.open_stream(3.5)  # type: ignore[arg-type]
    with pytest.raises(fastinet.errors.MissingError, match=r"nothing\.tar"):
        fastinet.open_stream(tmp_path / "nothing.tar")
    with pytest.raises(fastinet.errors.ReadError):
        fastinet.open_stream(tmp_path)


def test_descriptors_that_cannot_be_read(tmp_path: Path) -> None:
    outlet, inlet = os.pipe()
    os.close(outlet)
    with pytest.raises(ValueError, match="writing only"):
        list(loader_of(fastinet.open_stream(inlet)))
    os.close(inlet)
    with pytest.raises(fastinet.errors.ReadError, match="Bad file descriptor"):
        list(loader_of(fastinet.open_stream(inlet)))
    folder = os.open(tmp_path, os.O_RDONLY)
    with pytest.raises(fastinet.errors.ReadError, match="directory"):
        list(loader_of(fastinet.open_stream(folder)))
    os.close(folder)


# ---------------------------------------------------------------------------------- buffers, stats


@pytest.mark.parametrize("prefetch", [1, 2, 5])
def test_own_buffers(content: bytes, prefetch: int) -> None:
    """However few there are, none is taken by a later batch while an earlier one waits for it."""
    expected = batches_of(content, batch_size=2)
    buffers = [np.zeros((2, 8, 8, 3), np.uint8) for _ in range(3)]
    loader = loader_of(streamed(content), batch_size=2, out=buffers, prefetch=prefetch)
    count = 0
    for batch, wanted in zip(loader, expected, strict=True):
        np.testing.assert_array_equal(batch.images, wanted.images)
        assert any(np.shares_memory(batch.images, buffer) for buffer in buffers)
        count += 1
    assert count == 22


def test_stats(content: bytes) -> None:
    told: list[fastinet.loading.stats.LoaderStats] = []
    loader = loader_of(streamed(content), log=told.append, log_every=1e-9)
    batches = list(loader)
    stats = loader.stats()
    assert (stats.items, stats.batches) == (43, len(batches))
    assert told


def test_train_tar_with_record_padding() -> None:
    members = {f"n01440764_{number}.JPEG": data for number, data in enumerate(images(3))}
    (batch,) = batches_of(train_tar({"n01440764": members}, record_bytes=10240))
    assert batch.keys == [f"n01440764/{name}" for name in members]
