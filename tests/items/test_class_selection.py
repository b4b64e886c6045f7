"""Views by class: select_classes, ImageNet-5K, concatenations, scores of models of more classes."""

from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small_classes import archive, labelled

import fastinet
from fastinet import metrics
from fastinet.errors import CorruptError, FastinetWarning, MissingError
from fastinet.items.class_selection import class_selection
from fastinet.metrics.labels import label_sets
from fastinet.testing.archives import extract, tar
from fastinet.testing.small import small_jpeg

TEDDY = "n04399382"


def batches(dataset: fastinet.Dataset) -> list[tuple[str, int]]:
    """Key and label of each row that the loader gives."""
    loader = fastinet.Loader(dataset, 3, fastinet.Resize(16), threads=2)
    return [
        (key, label)
        for batch in loader
        for key, label in zip(batch.keys, batch.labels.tolist(), strict=True)
    ]


def sent(dataset: fastinet.Dataset) -> fastinet.Dataset:
    """The dataset as another process gets it."""
    return pickle.loads(pickle.dumps(dataset))  # noqa: S301  # our own


@pytest.fixture
def zoo(tmp_path: Path) -> fastinet.Dataset:
    """Five classes of 1 to 5 images."""
    counts = {f"n0000000{number}": number for number in (3, 1, 5, 2, 4)}
    return fastinet.open(archive(tmp_path / "zoo.tar", counts), index=False)


# -- select_classes ------------------------------------------------------------------------------


def test_select_classes(zoo: fastinet.Dataset) -> None:
    assert [info.wnid for info in zoo.classes] == [f"n0000000{i}" for i in range(1, 6)]
    view = zoo.select_classes(["n00000005", "n00000002"])
    assert [info.wnid for info in view.classes] == ["n00000002", "n00000005"]
    assert [info.index for info in view.classes] == [0, 1]
    kept = [pair for pair in labelled(zoo) if pair[1] in ("n00000002", "n00000005")]
    assert labelled(view) == kept
    assert batches(view) == list(zip(view.keys, view.labels.tolist(), strict=True))
    assert not view.labels.flags.writeable
    assert labelled(sent(view)) == kept
    assert len(zoo.classes) == 5  # untouched
    again = view.select_classes(["n00000005"])
    assert again.labels.tolist() == [0] * 5


def test_missing_classes_keep_their_labels(zoo: fastinet.Dataset) -> None:
    with pytest.warns(FastinetWarning, match="1 of the 3 classes have no items in 'zoo.tar': n00"):
        view = zoo.select_classes(["n00000003", "n00000001", "n00000000"])
    assert [info.wnid for info in view.classes] == ["n00000000", "n00000001", "n00000003"]
    assert sorted(view.labels.tolist()) == [1, 2, 2, 2]


@pytest.mark.parametrize(
    ("wnids", "complaint"),
    [
        ([], "at least one"),
        (["n00000001", "n00000002", "n00000001"], "n00000001 stands twice"),
        (["n00000001", "tench"], "'tench' is no wnid"),
        ([1], "1 is no wnid"),
    ],
)
def test_choices_that_are_none(zoo: fastinet.Dataset, wnids, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        zoo.select_classes(wnids)


def test_one_text_is_no_choice(zoo: fastinet.Dataset) -> None:
    with pytest.raises(TypeError, match="not one"):
        zoo.select_classes("n00000001")


@given(
    known=st.sets(st.integers(0, 12), min_size=1),
    wanted=st.sets(st.integers(0, 12), min_size=1),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=80)
def test_relabelling_keeps_the_wnid(known: set[int], wanted: set[int], seed: int) -> None:
    def wnids(numbers: set[int]) -> list[str]:
        return [f"n{number:08d}" for number in sorted(numbers)]

    rng = np.random.default_rng(seed)
    labels = rng.integers(-1, len(known), 20)
    shuffled = rng.permutation(wnids(wanted)).tolist()
    chosen = class_selection(wnids(known), shuffled)
    assert chosen.wnids == tuple(wnids(wanted))
    for old, new in zip(labels.tolist(), chosen.relabel(labels).tolist(), strict=True):
        wnid = wnids(known)[old] if old >= 0 else None
        assert new == (wnids(wanted).index(wnid) if wnid in wnids(wanted) else -1)


def test_label_sets_are_renumbered(zoo: fastinet.Dataset) -> None:
    sets = [[label, (label + 1) % 5] for label in zoo.labels.tolist()]
    zoo.label_sets = label_sets(sets)
    view = zoo.select_classes(["n00000002", "n00000003"])
    expected = [
        sorted(label - 1 for label in both if label in (1, 2)) for both in sets if both[0] in (1, 2)
    ]
    assert view.label_sets is not None
    assert list(view.label_sets) == expected
    rows = [
        (hot.tolist(), batch.labels.tolist())
        for batch in fastinet.Loader(view, 2, fastinet.Resize(8))
        for hot in [batch.label_sets.multi_hot(2)]
    ]
    hot = np.concatenate([row for row, _ in rows])
    assert hot.tolist() == [[float(label in each) for label in (0, 1)] for each in expected]


def test_batches_without_label_sets(zoo: fastinet.Dataset) -> None:
    assert next(iter(fastinet.Loader(zoo, 2, fastinet.Resize(8)))).label_sets is None


def test_padding_has_an_empty_label_set(zoo: fastinet.Dataset) -> None:
    zoo.label_sets = label_sets([[label, 4] for label in zoo.labels.tolist()])
    loader = fastinet.Loader(zoo, 4, fastinet.Resize(8), rank=3, world=4, pad_last="mask")
    *_, last = loader
    assert last.labels.tolist()[-1] == -1
    assert last.label_sets is not None
    expected = [sorted({label, 4}) if label >= 0 else [] for label in last.labels.tolist()]
    assert list(last.label_sets) == expected
    assert last.label_sets.multi_hot(5).sum(axis=1).tolist() == list(map(len, expected))


# -- concatenate ---------------------------------------------------------------------------------


def test_concatenate(zoo: fastinet.Dataset, tmp_path: Path) -> None:
    counts = {TEDDY: 2, "n00000003": 1, "n01440764": 3}
    more = fastinet.open(archive(tmp_path / "more.tar", counts, seed=1), index=False)
    both = fastinet.concatenate([zoo, more])
    assert labelled(both) == labelled(zoo) + labelled(more)
    assert [info.wnid for info in both.classes] == sorted(
        {info.wnid for info in (*zoo.classes, *more.classes)}
    )
    assert [both.read(row) for row in range(len(both))] == [
        part.read(row) for part in (zoo, more) for row in range(len(part))
    ]
    assert sorted(batches(both)) == sorted(zip(both.keys, both.labels.tolist(), strict=True))
    assert (both.name, both.family, both.split) == ("zoo.tar + more.tar", "train", "train")
    again = sent(both)
    assert labelled(again) == labelled(both)
    assert again.read(16) == both.read(16)
    view = both.select([16, 0]).select_classes(["n00000003", TEDDY])
    assert {wnid for _, wnid in labelled(view)} <= {"n00000003", TEDDY}


def test_selections_splits_folders_and_label_sets_concatenate(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    data = {f"n0000000{i}/{i}{j}.jpg": small_jpeg(rng) for i in (1, 2, 3) for j in range(2)}
    extract(data, tmp_path / "tree")
    (tmp_path / "a.tar").write_bytes(tar(data))
    tree = fastinet.open(tmp_path / "tree", index=False).select([5, 0])
    flat = fastinet.open(tmp_path / "a.tar", index=False).select([3, 1, 4])
    flat.label_sets = label_sets([[1, 2], [], [0]])
    both = fastinet.concatenate([tree, flat])
    names = [*tree.keys, *flat.keys]
    assert list(both.keys) == names
    assert [both.read(row) for row in range(5)] == [data[name] for name in names]
    assert both.label_sets is not None
    assert list(both.label_sets) == [[2], [0], [1, 2], [], [0]]
    assert batches(both) == list(zip(names, both.labels.tolist(), strict=True))


def test_what_does_not_concatenate(zoo: fastinet.Dataset) -> None:
    with pytest.raises(ValueError, match="at least one"):
        fastinet.concatenate([])
    with pytest.raises(TypeError, match=r"fastinet\.open"):
        fastinet.concatenate([zoo, "zoo.tar"])
    with pytest.raises(TypeError, match=r"^datasets must have an order, and a set has another"):
        fastinet.concatenate({zoo})  # type: ignore[arg-type]
    assert labelled(fastinet.concatenate([zoo])) == labelled(zoo)


# -- scores --------------------------------------------------------------------------------------


def test_class_columns_take_a_datasets_classes(zoo: fastinet.Dataset) -> None:
    view = zoo.select_classes(["n00000005", "n00000002"])
    assert metrics.class_columns(zoo.classes, view.classes).tolist() == [1, 4]


def test_a_list_of_classes_in_a_file(tmp_path: Path) -> None:
    images = {"n01440764": 2, "n01443537": 1, "n01484850": 3}
    dataset = fastinet.open(archive(tmp_path / "train.tar", images))
    wnids = [dataset.wnids[2], dataset.wnids[0]]
    path = tmp_path / "imagenet100.txt"
    path.write_text(f"# two of them\n{wnids[0]}, a name\n\n{wnids[1]}\ttench\n", encoding="utf-8")
    chosen = dataset.select_classes(path)
    assert labelled(chosen) == labelled(dataset.select_classes(wnids))
    assert labelled(dataset.select_classes(str(path))) == labelled(chosen)
    with pytest.raises(MissingError, match=r"no such list of wnids: '.*none\.txt'"):
        dataset.select_classes(tmp_path / "none.txt")
    path.write_bytes(b"\xff\xfe\x00n")
    with pytest.raises((CorruptError, ValueError)):
        dataset.select_classes(path)


def test_lists_in_one_line_and_in_json(tmp_path: Path) -> None:
    """No class of a line is passed over; Kaggle's ImageNet-100 has a mapping in JSON."""
    images = {"n01440764": 2, "n01443537": 1, "n01484850": 3}
    dataset = fastinet.open(archive(tmp_path / "train.tar", images))
    wnids = [dataset.wnids[2], dataset.wnids[0]]
    names = dict.fromkeys(wnids, "a name")
    path = tmp_path / "list"
    for text in (" ".join(wnids), ",".join(wnids), json.dumps(wnids), json.dumps(names, indent=1)):
        path.write_text(f"{text}\n", encoding="utf-8")
        assert labelled(dataset.select_classes(path)) == labelled(dataset.select_classes(wnids))
    path.write_text('["n01440764",\n', encoding="utf-8")
    with pytest.raises(CorruptError, match=r"^'list' begins as JSON and is none: "):
        dataset.select_classes(path)
    path.write_text(", n01440764", encoding="utf-8")
    assert dataset.select_classes(path).wnids == ("n01440764",)
    path.write_text(",", encoding="utf-8")
    with pytest.raises(ValueError, match="at least one wnid"):
        dataset.select_classes(path)
