"""Checkpoints of a concatenation: those of its parts, and the same rows as without them."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from support.checkpointed import (
    OTHER_ROADS,
    assert_same_rows,
    kinds_of_image,
    rows_of,
    small_images,
    without_checkpoints,
    write_archive,
)

import fastinet
from fastinet.testing.archives import tar
from fastinet.testing.ilsvrc import miniature_challenge

if TYPE_CHECKING:
    from collections.abc import Mapping


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing a test does reaches the user's cache folder."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")


def dataset_of(images: Mapping[str, bytes], path: Path) -> fastinet.Dataset:
    return fastinet.open(write_archive(path, images))


@pytest.fixture
def parts(tmp_path: Path) -> list[fastinet.Dataset]:
    """Images of every kind, a folder of two class tars, and 9 small ones."""
    folder = tmp_path / "classes"
    folder.mkdir()
    for wnid, images in (("n01440764", small_images(7)), ("n01443537", small_images(4))):
        names = {f"{wnid}_{name}.JPEG": data for name, data in images.items()}
        (folder / f"{wnid}.tar").write_bytes(tar(names))
    return [
        dataset_of(kinds_of_image(), tmp_path / "kinds.tar"),
        fastinet.open(folder),
        dataset_of(small_images(9), tmp_path / "small.tar"),
    ]


def rows_without(parts: list[fastinet.Dataset]) -> object:
    return rows_of(fastinet.concatenate([without_checkpoints(part) for part in parts]))


def records_of(dataset: fastinet.Dataset) -> list[bytes]:
    """Each item's record, of the archive that it is in."""
    checkpoints = dataset.checkpoints
    arrays = checkpoints.records_by_archive()
    numbers = dataset.columns.item_archive
    found = []
    for row, (start, size) in enumerate(zip(checkpoints.starts.tolist(), checkpoints.sizes.tolist(),
                                            strict=True)):  # fmt: skip
        array = arrays[0 if len(arrays) == 1 or numbers is None else int(numbers[row])]
        found.append(
            array[start : start + size].tobytes()
            if isinstance(array, np.ndarray)
            else array.read(start, size)
        )
    return found


@pytest.mark.parametrize("having", [(), (0,), (1,), (0, 2), (0, 1, 2)])
def test_the_parts_checkpoints_are_used(
    parts: list[fastinet.Dataset], having: tuple[int, ...]
) -> None:
    for number in having:
        parts[number].build_checkpoints(stride=number)
    joined = fastinet.concatenate(parts)
    checkpoints = joined.checkpoints
    assert records_of(joined) == [record for part in parts for record in records_of(part)]
    assert checkpoints.covered == sum(len(parts[number]) for number in having)
    assert checkpoints.path == (parts[having[0]].checkpoints.path if having else None)
    ours = rows_of(joined)
    assert_same_rows(ours, rows_without(parts))  # type: ignore[arg-type]
    others = len(OTHER_ROADS) if 0 in having else 0
    assert ours.stats.regions["checkpoints"] == checkpoints.covered - others
    assert ours.stats.fallbacks.get("checkpoints", 0) == 0


def test_a_concatenation_makes_those_of_its_parts(parts: list[fastinet.Dataset]) -> None:
    joined = fastinet.concatenate(parts)
    assert joined.checkpoints.covered == 0
    parts[1].build_checkpoints()
    told: list[tuple[int, int]] = []
    checkpoints = joined.build_checkpoints(
        threads=1, chunk_items=2, progress=lambda done, of: told.append((done, of))
    )
    assert checkpoints.covered == len(joined)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {of for _, of in told} == {len(joined)}
    assert told[-1][0] == len(joined)
    for part in parts:
        again = fastinet.open(part.path)
        assert again.checkpoints.covered == len(part)
        assert records_of(again) == records_of(part)
    assert_same_rows(rows_of(joined), rows_without(parts))  # type: ignore[arg-type]
    before = [part.checkpoints.record_bytes for part in parts]
    assert joined.build_checkpoints(stride=2).record_bytes > sum(before)


def test_selections_of_a_concatenation(parts: list[fastinet.Dataset]) -> None:
    parts[0].build_checkpoints()
    parts[2].build_checkpoints()
    joined = fastinet.concatenate(parts)
    rows = [30, 0, 26, len(joined) - 1, 0, 3, 40]
    expected = [records_of(joined)[row] for row in rows]
    fresh = fastinet.concatenate(parts)
    for view in (joined.select(rows), fresh.select(rows), joined.select(rows).select(range(7))):
        assert records_of(view) == expected
        assert view.checkpoints.covered == 5
        assert_same_rows(rows_of(view), rows_of(without_checkpoints(view)))
        with pytest.raises(ValueError, match="selection has its dataset's"):
            view.build_checkpoints()
    copy = pickle.loads(pickle.dumps(joined))  # noqa: S301  # our own
    assert records_of(copy) == records_of(joined)
    nested = fastinet.concatenate([joined.select(rows), parts[1], joined])
    assert records_of(nested) == [*expected, *records_of(parts[1]), *records_of(joined)]
    assert_same_rows(rows_of(nested), rows_without([joined.select(rows), parts[1], joined]))  # type: ignore[arg-type]


@pytest.mark.filterwarnings("ignore:.*classes have no images:fastinet.errors.FastinetWarning")
def test_parts_that_are_selections_and_splits(tmp_path: Path) -> None:
    path = tmp_path / "tree.tar"
    path.write_bytes(tar(miniature_challenge().class_tree()))
    val = fastinet.open(path, split="val")
    small = dataset_of(small_images(5), tmp_path / "small.tar")
    joined = fastinet.concatenate([val, small.select([3, 1])])
    with pytest.raises(ValueError, match=r"part 'small\.tar' is a selection"):
        joined.build_checkpoints()
    assert val.checkpoints.path is None  # nothing was begun
    small.build_checkpoints()
    joined = fastinet.concatenate([val, small.select([3, 1])])
    assert joined.build_checkpoints().covered == len(joined)
    assert fastinet.open(path, split="train").checkpoints.covered == 17
    records = records_of(small)
    assert records_of(joined)[-2:] == [records[3], records[1]]


def test_an_interrupted_pass_goes_on(parts: list[fastinet.Dataset]) -> None:
    joined = fastinet.concatenate(parts)

    def stop(done: int, _: int) -> None:
        if done >= len(parts[0]) + 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        joined.build_checkpoints(threads=1, chunk_items=2, progress=stop)
    covered = joined.checkpoints.covered
    assert len(parts[0]) <= covered < len(joined)
    assert joined.build_checkpoints().covered == len(joined)
    assert np.count_nonzero(joined.checkpoints.sizes) == len(joined) - len(OTHER_ROADS)
