"""Equal images: found by their bytes, kept beside the index, given as label sets."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastinet
from fastinet.cli import main
from fastinet.errors import FastinetWarning, ReadError
from fastinet.items import duplicates
from fastinet.items.item_columns import ItemColumns
from fastinet.metrics.labels import label_sets
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.whole_archives import imagenet21k_classes, imagenet21k_p_members

TAIL = duplicates._TAIL_BYTES


def open_bytes(path: Path, files: list[tuple[int, bytes]], index: bool = True) -> fastinet.Dataset:
    """Files of (class, content) as a dataset; item i is file i."""
    members = {
        f"x/n{label:08d}/{number:04d}.jpg": content for number, (label, content) in enumerate(files)
    }
    path.write_bytes(tar(members))
    return fastinet.open(path, index=index)


def slow_groups(contents: list[bytes]) -> list[list[int]]:
    """The rule in plain words: items with the same bytes, where there are some."""
    rows: dict[bytes, list[int]] = {}
    for row, content in enumerate(contents):
        if content:
            rows.setdefault(content, []).append(row)
    return sorted(group for group in rows.values() if len(group) > 1)


def groups_of(found: fastinet.Duplicates) -> list[list[int]]:
    assert [group.tolist() for group in found] == [found[i].tolist() for i in range(len(found))]
    return [group.tolist() for group in found]


# Contents that are equal in size, in size and tail, in all, and in nothing.
CONTENTS = st.sampled_from(
    [
        *(b"", b"a", b"b", b"aa"),
        *(letter + bytes(TAIL) for letter in (b"a", b"b", b"c")),
        *(b"a" * TAIL, b"b" + b"a" * (TAIL - 1), b"a" * (TAIL - 1)),
    ]
)


@given(
    files=st.lists(st.tuples(st.integers(0, 3), CONTENTS), min_size=1, max_size=24),
    several=st.booleans(),
)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_slow_rule(tmp_path: Path, files: list[tuple[int, bytes]], several: bool) -> None:
    dataset = open_bytes(tmp_path / "a.tar", files, index=False)
    labels = dataset.labels.tolist()
    sets = [{label, 0} if several else {label} for label in labels]
    if several:
        dataset.label_sets = label_sets(sets)
    found = fastinet.find_duplicates(dataset, threads=2)
    contents = [content for _, content in files]
    groups = slow_groups(contents)
    assert groups_of(found) == groups
    assert found.images == len({content for content in contents if content}) + contents.count(b"")
    assert found.items == sum(map(len, groups))

    united = [set(each) for each in sets]
    for group in groups:
        together = set().union(*(sets[row] for row in group))
        for row in group:
            united[row] = together
    multi = found.multi_label()
    assert multi.label_sets is not None
    assert [set(each) for each in multi.label_sets] == united
    assert all(each == sorted(set(each)) for each in multi.label_sets)
    assert multi.labels.tolist() == labels

    once = found.without_copies()
    dropped = {row for group in groups for row in group[1:]}
    kept = [row for row in range(len(files)) if row not in dropped]
    assert list(once.keys) == [dataset.keys[row] for row in kept]
    assert once.labels.tolist() == [labels[row] for row in kept]
    assert once.label_sets is not None
    assert [set(each) for each in once.label_sets] == [united[row] for row in kept]


def test_imagenet21k_from_archive_to_multi_hot_batches(tmp_path: Path) -> None:
    path = tmp_path / "fall11_whole.tar"
    path.write_bytes(train_tar(imagenet21k_classes()))
    with pytest.warns(FastinetWarning):
        dataset = fastinet.open(path)
    found = fastinet.find_duplicates(dataset)
    shared = {"n02084071_77.JPEG", "n01440764_9.JPEG", "n02121808_4.JPEG"}
    names = [{dataset.keys[row].rpartition("/")[2] for row in group} for group in found]
    assert names == [shared]
    multi = found.multi_label()
    wnids = [info.wnid for info in multi.classes]
    expected = {wnids.index(name.partition("_")[0]) for name in shared}
    seen = 0
    for batch in fastinet.Loader(multi, 4, fastinet.Resize(16)):
        assert batch.label_sets is not None
        targets = batch.label_sets.multi_hot(len(wnids))
        assert targets.shape == (len(batch), len(wnids))
        for key, label, row in zip(batch.keys, batch.labels.tolist(), targets, strict=True):
            right = expected if key.rpartition("/")[2] in shared else {label}
            assert set(np.flatnonzero(row).tolist()) == right
            seen += 1
    assert seen == len(dataset)
    assert len(found.without_copies()) == len(dataset) - 2
    view = multi.select_classes(["n02084071", "n02121808"])
    assert view.label_sets is not None
    assert sorted(map(len, view.label_sets)) == [1] * (len(view) - 2) + [2, 2]
    assert pickle.loads(pickle.dumps(multi)).label_sets[3] == multi.label_sets[3]  # noqa: S301


# -- the record ----------------------------------------------------------------------------------


FILES = [(number % 3, bytes([number % 7]) * (TAIL + 5)) for number in range(1500)]


def reads_of(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows that are read from now on."""
    rows = []
    read = ItemColumns.read

    def counted(self, row, skip=0, size=None) -> bytes:
        rows.append(row)
        return read(self, row, skip, size)

    monkeypatch.setattr(ItemColumns, "read", counted)
    return rows


def test_the_result_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = open_bytes(tmp_path / "a.tar", FILES)
    found = fastinet.find_duplicates(dataset)
    assert found.path == tmp_path / "a.tar.fastinet.duplicates"
    assert groups_of(found) == slow_groups([content for _, content in FILES])
    assert len(found.path.read_bytes()) < 16 * len(FILES) + 4096  # the hashes are gone
    rows = reads_of(monkeypatch)
    again = fastinet.find_duplicates(fastinet.open(tmp_path / "a.tar"))
    assert groups_of(again) == groups_of(found)
    assert rows == []


def test_what_differs_at_its_end_is_not_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [(0, bytes(3 * TAIL) + bytes([number])) for number in (1, 2, 3, 4, 3)]
    files += [(0, b"of another size"), (0, b"")]
    dataset = open_bytes(tmp_path / "a.tar", files)
    rows = reads_of(monkeypatch)
    assert groups_of(fastinet.find_duplicates(dataset)) == [[2, 4]]
    assert sorted(rows) == [0, 1, 2, 2, 3, 4, 4]


class StopError(Exception):
    """What a progress function raises to stop a pass."""


@pytest.mark.parametrize("stops", [(300,), (1, 2), (1499,), (1500, 1800), (2900,)])
def test_a_pass_goes_on_where_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stops: tuple[int, ...]
) -> None:
    dataset = open_bytes(tmp_path / "a.tar", FILES)
    rows = reads_of(monkeypatch)
    for stop in stops:

        def stopping(done: int, total: int, stop: int = stop) -> None:
            assert done <= total
            if done >= stop:
                raise StopError

        with pytest.raises(StopError):
            fastinet.find_duplicates(dataset, threads=1, progress=stopping)
    calls = []
    found = fastinet.find_duplicates(dataset, progress=lambda *done: calls.append(done))
    assert groups_of(found) == slow_groups([content for _, content in FILES])
    assert calls[-1] == (3000, 3000)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    # Every item is read twice, its tail and all of it, and what was under way at a stop again.
    ahead = 4 * duplicates._CHUNK_ITEMS
    assert 3000 <= len(rows) <= 3000 + len(stops) * ahead


def test_it_is_saved_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "_SAVE_SECONDS", 0.0)
    dataset = open_bytes(tmp_path / "a.tar", FILES)
    sizes = []

    def look(*_: int) -> None:
        path = tmp_path / "a.tar.fastinet.duplicates"
        sizes.append(path.stat().st_size if path.exists() else 0)

    found = fastinet.find_duplicates(dataset, progress=look)
    assert groups_of(found) == slow_groups([content for _, content in FILES])
    assert sizes == sorted(sizes)
    assert len(set(sizes)) > 4


def test_a_record_that_does_not_fit_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    record = tmp_path / "a.tar.fastinet.duplicates"
    fastinet.find_duplicates(open_bytes(path, FILES))
    good = record.read_bytes()
    other = open_bytes(tmp_path / "b.tar", FILES[:30])
    (tmp_path / "b.tar.fastinet.duplicates").write_bytes(good)
    with pytest.warns(FastinetWarning, match="stale.*searched anew"):
        found = fastinet.find_duplicates(other)
    assert groups_of(found) == slow_groups([content for _, content in FILES[:30]])
    for damaged in (good[:-3], good[:70] + b"x" + good[71:], b""):
        record.write_bytes(damaged)
        with pytest.warns(FastinetWarning, match="damaged.*searched anew"):
            found = fastinet.find_duplicates(fastinet.open(path))
        assert groups_of(found) == slow_groups([content for _, content in FILES])
        assert record.read_bytes() == good


def test_a_record_that_cannot_be_written_is_said(tmp_path: Path, own_cache: Path) -> None:
    """It is kept in the cache, where the index is, if it cannot be beside it; then nowhere."""
    dataset = open_bytes(tmp_path / "a.tar", FILES[:30])
    (tmp_path / "a.tar.fastinet.duplicates").mkdir()
    with pytest.warns(FastinetWarning, match=r"\(it is a folder, .*\); they are searched anew"):
        found = fastinet.find_duplicates(dataset)
    assert found.path is not None
    assert found.path.parent == own_cache / "indexes"
    assert fastinet.find_duplicates(dataset).path == found.path
    own_cache.rename(tmp_path / "gone")
    own_cache.write_text("no folder")
    with pytest.warns(FastinetWarning) as caught:
        found = fastinet.find_duplicates(dataset)
    told = [str(warning.message) for warning in caught if "searched anew" not in str(warning)]
    assert len(told) == 1
    assert re.search(r"could not be kept \('.*directory\).*cannot be used .*index=PATH", told[0])
    assert found.path is None
    assert groups_of(found) == slow_groups([content for _, content in FILES[:30]])


def test_splits_have_records_of_their_own(tmp_path: Path) -> None:
    members = imagenet21k_p_members()
    first = "imagenet21k_resized/imagenet21k_val/"
    names = [name for name in members if name.startswith(first)]
    members[names[1]] = members[names[0]]
    path = tmp_path / "p.tar"
    path.write_bytes(tar(members))
    counts = {}
    for split in ("train", "val", "train", "val"):
        dataset = fastinet.open(path, split=split)
        found = fastinet.find_duplicates(dataset)
        assert found.path == tmp_path / f"p.tar.fastinet.{split}.duplicates"
        assert counts.setdefault(split, len(found)) == len(found)
        assert found.images == len(dataset) - len(found)
    assert counts == {"train": 0, "val": 1}


def test_datasets_without_an_index_keep_nothing(tmp_path: Path) -> None:
    one = open_bytes(tmp_path / "a.tar", FILES[:20], index=False)
    two = open_bytes(tmp_path / "b.tar", FILES[:1], index=False)
    found = fastinet.find_duplicates(one)
    assert found.path is None
    joined = fastinet.find_duplicates(fastinet.concatenate([one, two]))
    contents = [content for _, content in [*FILES[:20], *FILES[:1]]]
    assert groups_of(joined) == slow_groups(contents)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "b.tar"]


def test_errors(tmp_path: Path) -> None:
    dataset = open_bytes(tmp_path / "a.tar", FILES[:20])
    with pytest.raises(ValueError, match="the whole dataset"):
        fastinet.find_duplicates(dataset.select([0, 1]))
    with pytest.raises(ValueError, match="threads"):
        fastinet.find_duplicates(dataset, threads=0)
    with (tmp_path / "a.tar").open("r+b") as file:
        file.truncate(9000)
    with pytest.raises((ReadError, fastinet.errors.CorruptError)) as caught:
        fastinet.find_duplicates(dataset)
    assert caught.value.member in list(dataset.keys)


def test_the_command(tmp_path: Path) -> None:
    path = tmp_path / "fall11_whole.tar"
    path.write_bytes(train_tar(imagenet21k_classes()))
    result = CliRunner().invoke(main, ["index", "--duplicates", "--json", str(path)])
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["duplicates"] == {
        "images": facts["items"] - 2,
        "repeated_images": 1,
        "repeated_items": 3,
        "images_of_several_classes": 1,
        "path": f"{path}.fastinet.duplicates",
    }
    result = CliRunner().invoke(main, ["index", "--duplicates", str(path)])
    assert "3 items in 1 groups of equal ones, 1 groups of several classes" in result.stdout
    result = CliRunner().invoke(main, ["index", "--json", str(path)])
    assert json.loads(result.stdout)["duplicates"] is None
