"""The splits of WebDataset shards, and of images whose labels a function gives."""

from __future__ import annotations

import gzip
import io
import warnings
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.sharded import JPEG, shard

import fastinet
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.scanned import names_around
from fastinet.errors import CorruptError, FastinetWarning, UnsupportedError
from fastinet.testing.archives import tar

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

WNIDS = imagenet1k_wnids()
A, B, C = WNIDS[:3]

pytestmark = pytest.mark.usefixtures("own_cache")

Splits = dict[str, list[tuple[str, int]]]
"""(key, label) of the items of each split."""


def splits_of(path: Any, **options: Any) -> Splits:
    """All splits, each opened by itself; none is opened in silence where there are several."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)
        whole = fastinet.open(path, split="all", index=False, **options)
        found = {}
        for split in whole.splits:
            part = fastinet.open(path, split=split, index=False, **options)
            assert part.classes == whole.classes
            found[split] = list(zip(part.keys, part.labels.tolist(), strict=True))
    together = [row for rows in found.values() for row in rows]
    assert list(zip(whole.keys, whole.labels.tolist(), strict=True)) == together
    return found


def shards(folder: Path, *names: str, labels: Sequence[int] = (0, 1)) -> list[Path]:
    """A shard of each name, whose keys tell the shard."""
    return [
        shard(
            folder / name,
            *(
                member
                for label in labels
                for member in (
                    (f"{name[:-4]}.{label}".replace(".", "_") + ".jpg", JPEG),
                    (f"{name[:-4]}.{label}".replace(".", "_") + ".cls", b"%d" % label),
                )
            ),
        )
        for name in names
    ]


def by_archive(path: Any) -> dict[str, list[str]]:
    """Which archives, without ".tar", the items of each split are of."""
    return {
        split: list(dict.fromkeys(key.rpartition("_")[0] for key, _ in rows))
        for split, rows in splits_of(path).items()
    }


# ------------------------------------------------------------------------------ by archives' names


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        ("train-0000 val-0000", {"train": "train-0000", "val": "val-0000"}),
        ("val-0 train-0 train-1", {"train": "train-0 train-1", "val": "val-0"}),
        ("imagenet1k-train-00 imagenet1k-validation-00",
         {"train": "imagenet1k-train-00", "val": "imagenet1k-validation-00"}),
        ("train-000 val_canny-000 val_canny-001",
         {"train": "train-000", "val_canny": "val_canny-000 val_canny-001"}),
        ("train-0 train_backup-0", {"train": "train-0", "train_backup": "train_backup-0"}),
        ("train-0 val-0 validation-0",
         {"train": "train-0", "val": "val-0", "validation": "validation-0"}),
        ("train-0 extra-0", {"train": "train-0", "extra": "extra-0"}),
        ("in1k-train-256-00 in1k-train-256-01 in1k-val-256-00",
         {"train": "in1k-train-256-00 in1k-train-256-01", "val": "in1k-val-256-00"}),
        ("my_shards_train-0 my_shards_val-0",
         {"train": "my_shards_train-0", "val": "my_shards_val-0"}),
        ("train-00000-of-00002-0123456789abcdef train-00001-of-00002-00aa11bb22cc33dd test-0-of-1",
         {"train": "train-00000-of-00002-0123456789abcdef train-00001-of-00002-00aa11bb22cc33dd",
          "test": "test-0-of-1"}),
        ("imagenet-val-256-000", {"val": "imagenet-val-256-000"}),
        ("val_canny-000", {"val": "val_canny-000"}),
        ("val-a-0 val-b-0", {"val": "val-a-0 val-b-0"}),
        ("part-0 other-0", {"train": "part-0 other-0"}),
        ("valid_3", {"val": "valid_3"}),
    ],
)  # fmt: skip
def test_archives_names(tmp_path: Path, names: str, splits: dict[str, str]) -> None:
    paths = shards(tmp_path, *(f"{name}.tar" for name in names.split()))
    found = by_archive(paths)
    assert found == {split: which.split() for split, which in splits.items()}
    if "train" in splits and len(splits) > 1:
        others = ", ".join(split for split in splits if split != "train")
        with pytest.warns(FastinetWarning, match=f"'train'; split= takes the others: {others}$"):
            dataset = fastinet.open(paths)
        assert [key.rpartition("_")[0] for key in dataset.keys][::2] == found["train"]
        assert dataset.split == "train"


def test_a_pattern_that_names_train_and_val(tmp_path: Path) -> None:
    shards(tmp_path, "train-00.tar", "train-01.tar", "val-00.tar", "val-01.tar")
    pattern = f"{tmp_path}/{{train,val}}-{{00..01}}.tar"
    assert by_archive(pattern) == {
        "train": ["train-00", "train-01"],
        "val": ["val-00", "val-01"],
    }
    with pytest.warns(FastinetWarning, match="takes the others: val"):
        built = fastinet.open(pattern)
    with pytest.warns(FastinetWarning, match="takes the others: val"):
        kept = fastinet.open(pattern)
    assert kept.index == built.index
    assert list(kept.keys) == list(built.keys)
    assert fastinet.open(pattern, split="validation").split == "val"


def test_archives_of_several_splits_and_no_train(tmp_path: Path) -> None:
    paths = shards(tmp_path, "val-0.tar", "test-0.tar")
    with pytest.raises(ValueError, match="several splits, val, test, and none of them is plainly"):
        fastinet.open(paths)


@pytest.mark.parametrize("plain", [False, True])
def test_names_that_speak_of_several_splits_are_refused(tmp_path: Path, plain: bool) -> None:
    names = ["my_train_a-0.tar", "val_of_b-0.tar"]
    paths = shards(tmp_path, *names)
    if plain:
        paths = [shard(path, (f"{A}/{path.stem}.JPEG", JPEG)) for path in paths]
    expected = (
        r"'my_train_a' and 'val_of_b' may be of different splits, train or val.*by themselves"
    )
    with pytest.raises(UnsupportedError, match=expected):
        fastinet.open(paths)
    assert fastinet.open(paths[:1]).split == "train"


def test_plain_tars_whose_names_have_common_words(tmp_path: Path) -> None:
    paths = [
        shard(tmp_path / f"in1k-{split}-256.tar", (f"{A}/{split}.JPEG", JPEG))
        for split in ("train", "val")
    ]
    assert splits_of(paths) == {
        "train": [(f"{A}/train.JPEG", 0)],
        "val": [(f"{A}/val.JPEG", 0)],
    }


@pytest.mark.parametrize(
    ("opened", "archives", "around"),
    [
        ("val-0003.tar", ["val-0003.tar"], ["val"]),
        ("val2.tar", ["val2.tar"], ["val2"]),
        ("x-0003.tar", ["x-0003.tar"], ["x-0003"]),
        ("", ["a-train-0.tar", "a-train-b-0.tar"], ["train", "a-train-b"]),
        ("", ["a-train-0.tar", "a-train_b-0.tar"], ["train", "a-train_b"]),
        ("", ["a.val.c.tgz", "a.c.c.tar"], ["val", "a.c.c"]),
        ("", ["0.tar", "1.tar"], ["", ""]),
        ("train", ["n01440764.tar", "n01443537.tar"], ["train", "train"]),
    ],
)
def test_names_around(opened: str, archives: list[str], around: list[str]) -> None:
    assert list(names_around(opened, archives)) == around


# ------------------------------------------------------------------------------------- by folders


def labelled(*rows: tuple[str, int]) -> dict[str, bytes]:
    """Members: images with these keys and labels."""
    return {
        name: content
        for key, label in rows
        for name, content in ((f"{key}.jpg", JPEG), (f"{key}.cls", b"%d" % label))
    }


@pytest.mark.parametrize("compressed", [False, True])
def test_folders_within_a_shard(tmp_path: Path, compressed: bool) -> None:
    rows = [("val/0", 0), ("train/a/0", 0), ("train/b/0", 7), ("val_canny/0", 0), ("top", 1)]
    data = tar(labelled(*rows))
    path = tmp_path / "shard-000.tar"
    path.write_bytes(gzip.compress(data) if compressed else data)
    expected = {
        "train": [("train/a/0.jpg", 0), ("train/b/0.jpg", 7)],
        "val": [("val/0.jpg", 0)],
        ".": [("top.jpg", 1)],
        "val_canny": [("val_canny/0.jpg", 0)],
    }
    assert splits_of(path) == expected
    # The names of archives are folders around these.
    beside = tmp_path / "test-000.tar"
    beside.write_bytes(tar(labelled(("x", 3))))
    both = splits_of([path, beside])
    assert both["test"] == [("x.jpg", 3)]
    assert both["train"] == expected["train"]
    with pytest.warns(FastinetWarning) as caught:
        fastinet.open(path, index=False)
    told = "\n".join(str(each.message) for each in caught)
    assert "split= takes the others: val, ., val_canny" in told
    assert "1 classes have no images in split 'train', and have some in another one: 1;" in told
    assert "in split 'val'" not in told
    with pytest.warns(FastinetWarning, match="2 classes have no images in split 'val'.*: 1, 7;"):
        fastinet.open(path, index=False, split="val")


def test_images_with_numbers(tmp_path: Path) -> None:
    rows = [("ILSVRC2012_val_00000001", 65), (f"{A}_10026", 0)]
    path = tmp_path / "shard-000.tar"
    path.write_bytes(tar(labelled(*rows)))
    expected = {
        "train": [(f"{A}_10026.jpg", 0)],
        "val": [("ILSVRC2012_val_00000001.jpg", 65)],
    }
    assert splits_of(path) == expected
    renamed = path.rename(tmp_path / "train-000.tar")
    assert splits_of(renamed) == {"train": [(f"{key}.jpg", label) for key, label in rows]}


def test_companions_stay_with_their_images(tmp_path: Path) -> None:
    """Though items come in another order than they lie in."""
    rows = [("val/0", 0), ("train/1", 1), ("val/2", 2), ("train/3", 3)]
    path = tmp_path / "s.tar"
    path.write_bytes(tar(labelled(*rows)))
    whole = fastinet.open(path, split="all")
    assert [whole.companions(row)["cls"] for row in range(4)] == [b"1", b"3", b"0", b"2"]
    with pytest.warns(FastinetWarning):
        val = fastinet.open(path, split="val")
    assert [val.companions(row)["cls"] for row in range(2)] == [b"0", b"2"]


@pytest.mark.parametrize(
    ("rows", "splits"),
    [
        ([("a/000", 7), ("b/000", 7)], ["train"]),  # chunks of a shard
        ([(f"a/{A}_1", 0), (f"b/{A}_2", 0)], ["train"]),
        ([(f"a/{A}_1", 0), (f"b/{A}_1", 0)], ["a", "b"]),
        ([(f"a/{A}/1", 0), (f"b/{A}/2", 0)], ["a", "b"]),
        ([(f"a/{A}/1", 0), (f"b/{B}/2", 1)], ["train"]),
        ([("a/ILSVRC2012_val_00000001", 0), ("b/ILSVRC2012_val_00000001", 0)], ["a", "b"]),
    ],
)
def test_copies(tmp_path: Path, rows: list[tuple[str, int]], splits: list[str]) -> None:
    path = tmp_path / "s.tar"
    path.write_bytes(tar(labelled(*rows)))
    assert list(splits_of(path)) == splits


# --------------------------------------------------------------------------------- label functions


def label(key: str, _files: Mapping[str, bytes]) -> int:
    """A class that is not the wnid's place among the archive's."""
    return 5 + len(key)


def streamed(data: bytes, name: str, split: str) -> list[tuple[str, int]]:
    stream = fastinet.open_stream(io.BytesIO(data), labels=label, split=split, name=name)
    return [(item.key, stream.label(item.key, item.companions)) for item in stream.items()]


def by_four_roads(folder: Path, members: dict[str, bytes], name: str = "set") -> Splits:
    """What a function's labels give of a folder, a tar and a gzipped tar, all the same."""
    for key, content in members.items():
        (folder / name / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / name / key).write_bytes(content)
    data = tar(dict(sorted(members.items())))
    plain, compressed = folder / f"{name}.tar", folder / f"{name}.tar.gz"
    plain.write_bytes(data)
    compressed.write_bytes(gzip.compress(data))
    found = splits_of(folder / name, labels=label)
    assert splits_of(plain, labels=label) == found
    assert splits_of(compressed, labels=label) == found
    for split, rows in found.items():
        assert streamed(data, f"{name}.tar", split) == rows
    return found


def test_a_function_on_a_tree_of_splits(tmp_path: Path) -> None:
    keys = [f"{split}/{wnid}/x.JPEG" for split in ("train", "val") for wnid in (A, B)]
    members = dict.fromkeys(keys, JPEG)
    found = by_four_roads(tmp_path, members, "imagenette2")
    assert found == {
        "train": [(key, 5 + len(key)) for key in keys[:2]],
        "val": [(key, 5 + len(key)) for key in keys[2:]],
    }
    for path in (tmp_path / "imagenette2", tmp_path / "imagenette2.tar"):
        with pytest.warns(FastinetWarning) as caught:
            dataset = fastinet.open(path, labels=label, index=False)
        told = "\n".join(str(each.message) for each in caught)
        assert "this is its split 'train'; split= takes the others: val" in told
        assert list(dataset.keys) == keys[:2]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FastinetWarning)
            assert fastinet.open(path, index=False).splits == dataset.splits
    stream = fastinet.open_stream(io.BytesIO(tar(members)), labels=label)
    with pytest.raises(UnsupportedError, match="several splits, and split= says which"):
        list(stream.items())


@pytest.mark.parametrize(
    ("keys", "splits"),
    [
        (["train/cats/1.jpg", "train/dogs/1.jpg", "val/cats/1.jpg"], "train val"),
        (["Training/1.jpg", "holdout/1.jpg", "train_canny/1.jpg"], "train holdout train_canny"),
        ([f"train/{A}/1.jpg", f"val_canny/{A}/1.jpg"], "train val_canny"),
        ([f"{A}/{A}_1.JPEG", f"{B}/{B}_1.JPEG"], "train"),
        (["ILSVRC2012_val_00000001.JPEG"], "val"),
    ],
)
def test_a_function_on_other_trees(tmp_path: Path, keys: list[str], splits: str) -> None:
    found = by_four_roads(tmp_path, dict.fromkeys(keys, JPEG))
    assert list(found) == splits.split()
    assert sum(map(len, found.values())) == len(keys)


def test_a_function_on_shards(tmp_path: Path) -> None:
    """With labels, or captions alone."""
    for extension, content in (("cls", b"3"), ("txt", b"a cat")):
        members = {"0.jpg": JPEG, f"0.{extension}": content}
        paths = [tmp_path / f"{split}-256-0000.tar" for split in ("train", "val")]
        for path in paths:
            path.write_bytes(tar(members))
        assert list(splits_of(paths, labels=label)) == ["train", "val"]
        assert list(splits_of(paths[1], labels=label)) == ["val"]


def test_a_function_on_sets_whose_splits_have_rules_of_their_own(tmp_path: Path) -> None:
    keys = [
        f"{corruption}/{severity}/{A}/ILSVRC2012_val_00000293.JPEG"
        for corruption in ("fog", "snow")
        for severity in (1, 5)
    ]
    path = tmp_path / "weather.tar"
    path.write_bytes(tar(dict.fromkeys(keys, JPEG)))
    assert splits_of(path, labels=label) == {
        key.partition("/n")[0]: [(key, 5 + len(key))] for key in keys
    }
    path.write_bytes(tar({keys[0]: JPEG}))
    assert list(splits_of(path, labels=label)) == list(splits_of(path)) == ["fog/1"]
    path = tmp_path / "objectnet-1.0.tar"
    path.write_bytes(tar({"objectnet-1.0/images/air_freshener/0.png": JPEG}))
    assert list(splits_of(path, labels=label)) == list(splits_of(path)) == ["test"]


FOLDERS = st.sampled_from(
    ["", "train/", "val/", "Validation/", "test/", "val_canny/", "a/", "a/val/", "train/b/"]
)


@settings(max_examples=60, deadline=None)
@given(
    images=st.sets(
        st.tuples(
            FOLDERS,
            st.sampled_from(["", f"{A}/", f"{B}/"]),
            st.sampled_from([f"{A}_1.JPEG", f"{C}_2.JPEG", "ILSVRC2012_val_00000003.JPEG"]),
        ),
        min_size=1,
        max_size=6,
    ),
    name=st.sampled_from(["set", "train", "val-0007", "val_canny"]),
)
def test_a_function_changes_no_split(
    images: set[tuple[str, str, str]], name: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("tree") / f"{name}.tar"
    path.write_bytes(tar(dict.fromkeys(sorted(map("".join, images)), JPEG)))
    found: list[dict[str, set[str]]] = []
    for options in ({}, {"labels": label}):
        splits = defaultdict(set)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FastinetWarning)
            try:
                whole = fastinet.open(path, split="all", index=False, **options)  # type: ignore[arg-type]
            except CorruptError as error:
                assert "have the number of another one" in str(error)  # noqa: PT017
                return
            for split in whole.splits:
                part = fastinet.open(path, split=split, index=False, **options)  # type: ignore[arg-type]
                splits[split] = set(part.keys)
        found.append(splits)
    assert found[0] == found[1]
