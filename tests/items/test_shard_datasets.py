"""Several shards as one dataset: its items and index, and what loaders make of them."""

from __future__ import annotations

import json
import os
import pickle
import resource
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.sharded import JPEG, items_of, labelled, members_of, shard

import fastinet
from fastinet import Loader, RandomResizedCrop
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.errors import (
    CorruptError,
    FastinetError,
    FastinetWarning,
    MissingError,
    ReadError,
    UnsupportedError,
)
from fastinet.loading.blocks import Blocks
from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg
from fastinet.testing.webdataset import shard_members, write_shards

WNIDS = imagenet1k_wnids()
SMALL = RandomResizedCrop(8)


pytestmark = pytest.mark.usefixtures("own_cache")


# ---------------------------------------------------------------------------- shards as a dataset


@pytest.mark.parametrize("kind", ["cls", "json", "both"])
@pytest.mark.parametrize("name", ["train-{shard:04d}.tar", "train-{shard:04d}.tar.gz"])
def test_shards_are_one_dataset(tmp_path: Path, kind: Any, name: str) -> None:
    pattern = write_shards(tmp_path / "shards", 4, 30, 12, name=name, kind=kind)
    paths = sorted((tmp_path / "shards").iterdir())
    dataset = fastinet.open(pattern)
    assert items_of(dataset) == labelled(paths)
    assert (dataset.family, dataset.split, dataset.skipped) == ("webdataset", "train", 0)
    assert dataset.path == pattern
    assert [info.wnid for info in dataset.classes] == [str(label) for label in range(12)]
    assert dataset.index is not None
    assert Path(dataset.index).name.startswith(f"{paths[0].name}+3-")
    stamp = Path(dataset.index).stat().st_mtime_ns
    listed = fastinet.open([str(paths[0]), *paths[1:]])
    assert (listed.index, Path(dataset.index).stat().st_mtime_ns) == (dataset.index, stamp)
    assert listed.name == f"{paths[0].name} and 3 more"
    assert items_of(pickle.loads(pickle.dumps(listed))) == items_of(dataset)  # noqa: S301
    one = fastinet.open(paths[1])  # a shard by itself, with an index of its own
    assert items_of(one) == labelled(paths[1:2])
    assert items_of(fastinet.open([paths[1]])) == items_of(one)
    assert items_of(fastinet.open(paths[::-1])) == labelled(paths[::-1])


def test_keys_may_come_again_in_another_shard(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    images = [small_jpeg(rng) for _ in range(2)]
    paths = [
        shard(tmp_path / f"{n}.tar", ("0.jpg", images[n]), ("0.cls", str(n).encode()))
        for n in range(2)
    ]
    dataset = fastinet.open(paths)
    assert items_of(dataset) == [("0.jpg", images[0], 0), ("0.jpg", images[1], 1)]


def test_a_sample_ends_with_its_shard(tmp_path: Path) -> None:
    paths = [
        shard(tmp_path / "0.tar", ("0.jpg", JPEG), ("0.cls", b"1"), ("1.jpg", JPEG)),
        shard(tmp_path / "1.tar", ("1.cls", b"1")),
    ]
    with pytest.raises(CorruptError, match="1 images have no label") as caught:
        fastinet.open(paths)
    assert (caught.value.archive, caught.value.member) == ("0.tar", "1.jpg")
    assert caught.value.offset == 4 * 512 + 512


def test_shards_change(tmp_path: Path) -> None:
    pattern = write_shards(tmp_path, 3, 9, 3)
    fastinet.open(pattern)
    members = shard_members([2, 1, 0, 1], first=3)
    (tmp_path / "train-0001.tar").write_bytes(tar(members))
    with pytest.warns(FastinetWarning, match=r"stale: archive 'train-0001\.tar' had"):
        dataset = fastinet.open(pattern)
    assert dataset.labels.tolist()[3:7] == [2, 1, 0, 1]
    assert len(dataset) == 10


@pytest.mark.parametrize(
    "url", ["https://x.org/a.tar", "s3://b/t-{000..012}.tar", "pipe:curl -s https://x.org/a.tar"]
)
def test_urls_are_no_files(url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnsupportedError, match=r"curl -L URL \| python") as caught:
        fastinet.open(url)
    assert caught.value.archive == url
    write_shards(".", 1, 1, 1, name="pipe:a.tar")
    assert len(fastinet.open("pipe:a.tar")) == 1


def test_missing_shards(tmp_path: Path) -> None:
    pattern = write_shards(tmp_path, 6, 6, 2)
    for number in (1, 2, 3, 5):
        (tmp_path / f"train-000{number}.tar").unlink()
    with pytest.raises(MissingError) as caught:
        fastinet.open(pattern)
    text = "4 of 6 shards are missing: train-0001.tar, train-0002.tar, train-0003.tar, ..."
    assert text in str(caught.value)
    assert caught.value.archive == pattern
    with pytest.raises(MissingError, match="no such file"):
        fastinet.open([tmp_path / "train-0001.tar"])
    (tmp_path / "train-0001.tar").mkdir()
    with pytest.raises(UnsupportedError, match="a folder among 2 archives"):
        fastinet.open([tmp_path / "train-0001.tar", tmp_path / "train-0000.tar"])


def test_lists_of_official_archives(tmp_path: Path) -> None:
    """They need no companions: wnids tell, as in a folder of class tars."""
    paths = []
    for wnid in (WNIDS[5], WNIDS[2]):
        paths.append(tmp_path / f"{wnid}.tar")
        paths[-1].write_bytes(tar({f"{wnid}_{number}.JPEG": JPEG for number in range(2)}))
    dataset = fastinet.open(paths)
    assert [info.wnid for info in dataset.classes] == [WNIDS[2], WNIDS[5]]
    assert dataset.labels.tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
def test_more_shards_than_files_may_be_open(tmp_path: Path, suffix: str) -> None:
    shards = 150
    name = f"{{shard:04d}}.{suffix}"
    pattern = write_shards(tmp_path, shards, shards, 5, name=name)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = len(list(Path("/proc/self/fd").iterdir())) if Path("/proc/self/fd").exists() else 32
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + shards // 2, before[1]))
    try:
        dataset = fastinet.open(pattern)
        assert [dataset.read(row)[:3] for row in range(shards)] == [JPEG[:3]] * shards
        batches = list(Loader(dataset, 32, SMALL, shuffle=True, threads=4))
        assert sorted(i for b in batches for i in b.indices.tolist()) == list(range(shards))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def test_shards_that_are_opened_briefly_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastinet.items.discovery._MOST_OPEN_FILES", 2)
    dataset = fastinet.open(write_shards(tmp_path, 3, 9, 2))
    assert dataset.read(3)[:3] == JPEG[:3]
    path = tmp_path / "train-0001.tar"
    with path.open("ab") as file:
        file.write(bytes(512))
    with pytest.raises(ReadError, match="open the dataset again") as caught:
        dataset.read(3)
    assert (caught.value.archive, caught.value.member) == (str(path), "sample000003.jpg")
    path.unlink()
    with pytest.raises(MissingError, match=r"train-0001\.tar.*sample000003\.jpg"):
        dataset.read(3)
    assert dataset.read(0)[:3] == JPEG[:3]


# ------------------------------------------------------------------------------------ in a loader


@pytest.fixture(params=["tar", "tar.gz"])
def both(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[fastinet.Dataset, ...]:
    """The same images as shards, and in one plain tar."""
    pattern = write_shards(tmp_path, 5, 41, 7, name=f"s{{shard:04d}}.{request.param}")
    shards = fastinet.open(pattern)
    members: dict[str, bytes] = {}
    for path in sorted(tmp_path.glob(f"s*.{request.param}")):
        members |= dict(members_of(path))
    plain = tmp_path / "plain.tar"
    plain.write_bytes(tar(members))
    return shards, fastinet.open(plain)


def batches_of(loader: Loader, **where: Any) -> list[tuple[list[int], list[int], bytes]]:
    epoch = loader.epoch(**where) if where else loader
    return [(b.indices.tolist(), b.labels.tolist(), b.images.tobytes()) for b in epoch]


def test_batches_are_those_of_a_plain_tar(both: tuple[fastinet.Dataset, ...]) -> None:
    shards, plain = both
    assert items_of(shards) == items_of(plain)
    for options in ({"shuffle": True}, {"shuffle": False}, {"shuffle": True, "seed": 5}):
        ours, theirs = (Loader(d, 8, SMALL, threads=3, **options) for d in both)  # type: ignore[arg-type]
        for epoch in range(2):
            assert batches_of(ours, epoch=epoch) == batches_of(theirs, epoch=epoch)


@pytest.mark.parametrize("shuffle", [True, "blocked"])
@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_ranks_share_the_shards(
    both: tuple[fastinet.Dataset, ...], world: int, shuffle: Any
) -> None:
    shards, _ = both
    options: dict[str, Any] = {"shuffle": shuffle, "seed": 3}
    if shuffle == "blocked":
        options |= {"block": 4096, "window": 1 << 14}
    for epoch in range(2):
        counts: Counter[int] = Counter()
        for rank in range(world):
            loader = Loader(shards, 4, SMALL, rank=rank, world=world, **options)
            for batch in loader.epoch(epoch):
                counts.update(batch.indices[batch.valid].tolist())
        assert counts == dict.fromkeys(range(len(shards)), 1)


def test_resume(both: tuple[fastinet.Dataset, ...]) -> None:
    shards, _ = both
    whole = batches_of(Loader(shards, 8, SMALL, shuffle=True, seed=1))
    first = Loader(shards, 8, SMALL, shuffle=True, seed=1)
    epoch = iter(first)
    for _ in range(3):
        next(epoch)
    state = json.loads(json.dumps(first.state_dict()))
    rest = Loader(shards, 8, SMALL, shuffle=True, seed=1)
    rest.load_state_dict(state)
    assert batches_of(rest) == whole[3:]


def test_checkpoints(both: tuple[fastinet.Dataset, ...]) -> None:
    shards, plain = both
    without = batches_of(Loader(shards, 8, SMALL, shuffle=True))
    made = shards.build_checkpoints()
    assert made.covered == np.count_nonzero(made.sizes) == len(shards)
    assert made.path is not None
    assert "+4-" in made.path.name
    with_them = fastinet.open(shards.path)
    assert with_them.checkpoints.covered == len(shards)
    assert fastinet.open(shards.path, labels=lambda *_: 0).checkpoints.covered == len(shards)
    assert np.array_equal(made.sizes, plain.build_checkpoints().sizes)
    assert batches_of(Loader(with_them, 8, SMALL, shuffle=True)) == without


def test_blocks_do_not_cross_shards(both: tuple[fastinet.Dataset, ...]) -> None:
    shards, _ = both
    loader = Loader(shards, 4, SMALL, shuffle="blocked", block=1 << 30, window=1 << 31)
    assert shards.columns.item_archive is not None
    seen = [i for batch in loader for i in batch.indices.tolist()]
    assert sorted(seen) == list(range(len(shards)))
    blocks = Blocks.of(
        shards.columns.offsets, shards.columns.item_archive, block=1 << 30, window=1 << 31
    )
    assert np.array_equal(blocks.of_items, shards.columns.item_archive)


# ---------------------------------------------------------------------------------- cut shards


@pytest.mark.parametrize("compressed", [False, True])
def test_a_truncated_shard(tmp_path: Path, compressed: bool) -> None:
    name = "s{shard:04d}.tar" + ".gz" * compressed
    pattern = write_shards(tmp_path, 3, 9, 2, name=name)
    path = tmp_path / name.format(shard=1)
    whole = path.read_bytes()
    for size in (
        len(whole) // 2,
        len(whole) - (600 if compressed else 1200),
        len(whole) - (1 if compressed else 1025),
    ):
        path.write_bytes(whole[:size])
        with pytest.raises(FastinetError, match=path.name) as caught:
            fastinet.open(pattern)
        assert caught.value.archive is not None
        assert caught.value.offset is not None
    assert not list(tmp_path.glob("*.fastinet"))
    path.write_bytes(whole)
    assert len(fastinet.open(pattern)) == 9


def test_a_shard_cut_after_it_was_opened(tmp_path: Path) -> None:
    pattern = write_shards(tmp_path, 2, 6, 2)
    dataset = fastinet.open(pattern)
    os.truncate(tmp_path / "train-0001.tar", 700)
    assert dataset.read(2)
    with pytest.raises(FastinetError, match=r"train-0001\.tar.*sample000003\.jpg"):
        dataset.read(3)
