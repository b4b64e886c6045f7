"""The challenge's archives in every packaging, from the archive to labelled batches."""

from __future__ import annotations

import pickle
import re
import tarfile
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.small_challenge import JPEG, check, expected_test
from support.split_oracle import splits_of

import fastinet
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.validation import validation_labels
from fastinet.errors import CorruptError, FastinetError, FastinetWarning, UnsupportedError
from fastinet.testing.archives import tar
from fastinet.testing.ilsvrc import (
    Members,
    MiniatureChallenge,
    miniature_challenge,
    val_name,
    write_archive,
)

LABELS = validation_labels()
WNIDS = imagenet1k_wnids()


@pytest.fixture(scope="module")
def challenge() -> MiniatureChallenge:
    return miniature_challenge()


def expected_train(challenge: MiniatureChallenge, members: Members) -> list:
    """In the archive's order."""
    contents = {name: data for images in challenge.train.values() for name, data in images.items()}
    names = [PurePosixPath(name).name for name in members if "Annotations" not in name]
    plain = [name if name.count("_") == 1 else f"{name.rpartition('_')[0]}.JPEG" for name in names]
    return [
        (name, contents[original], original[:9])
        for name, original in zip(names, plain, strict=True)
        if original in contents
    ]


def expected_val(challenge: MiniatureChallenge) -> list:
    """In the order of the numbers."""
    return [
        (val_name(number), challenge.val[number], WNIDS[LABELS[number - 1]])
        for number in sorted(challenge.val)
    ]


FORMS = {
    "tar": {},
    "dots and folders": {"prefix": "./", "directories": True},
    "long names, GNU": {"prefix": "a-folder-of-some-length/" * 7, "directories": True},
    "long names, PAX": {"prefix": "ü" * 120 + "/", "format": tarfile.PAX_FORMAT},
    "tar.gz": {"form": "tar.gz", "directories": True},
    "folder": {"form": "folder"},
}
forms = pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)


# ------------------------------------------------------------------------------------- packagings


def test_the_miniature_has_the_traps(challenge: MiniatureChallenge) -> None:
    png = challenge.train["n02105855"]["n02105855_2933.JPEG"]
    assert png.startswith(b"\x89PNG")
    cmyk = challenge.train["n01739381"]["n01739381_1309.JPEG"]
    assert fastinet.read_header(cmyk).components == 4
    for numbers in (list(challenge.val), list(challenge.test)):
        assert sorted(numbers) == list(range(1, len(numbers) + 1))
        assert numbers != sorted(numbers)


@pytest.mark.parametrize("name", ["ILSVRC2012_img_train.tar", "x.tar.gz", "n.bin"])
def test_train(tmp_path: Path, challenge: MiniatureChallenge, name: str) -> None:
    members = challenge.official_train()
    dataset = fastinet.open(write_archive(tmp_path / name, members))
    wnids = sorted(challenge.train)
    assert [info.wnid for info in dataset.classes] == wnids
    expected = [
        (f"{wnid}/{file}", data, wnid)
        for wnid, images in challenge.train.items()
        for file, data in images.items()
    ]
    check(dataset, expected)
    assert (dataset.family, dataset.splits, dataset.skipped) == ("train", ("train",), 0)


def test_train_of_the_dogs(tmp_path: Path) -> None:
    """train_t3 is the same thing with 120 classes: labels number them, not the 1000."""
    dogs = [wnid for wnid in WNIDS if "n02085620" <= wnid <= "n02113978"][:120]
    members = {f"{wnid}.tar": tar({f"{wnid}_7.JPEG": JPEG}) for wnid in reversed(dogs)}
    dataset = fastinet.open(write_archive(tmp_path / "ILSVRC2012_img_train_t3.tar", members))
    assert [info.wnid for info in dataset.classes] == sorted(dogs)
    assert dataset.labels.tolist() == list(range(len(dogs)))[::-1]


def test_train_as_folders_and_parts(tmp_path: Path, challenge: MiniatureChallenge) -> None:
    tree = write_archive(
        tmp_path / "tree",
        {f"{wnid}/{n}": d for wnid, images in challenge.train.items() for n, d in images.items()},
        form="folder",
    )
    tars = write_archive(tmp_path / "tars", challenge.official_train(), form="folder")
    expected = sorted(
        (f"{wnid}/{file}", data, wnid)
        for wnid, images in challenge.train.items()
        for file, data in images.items()
    )
    check(fastinet.open(tree), expected)
    dataset = fastinet.open(tars)
    check(dataset.select(np.argsort(list(dataset.keys))), expected)
    one = [item for item in expected if item[2] == "n01440764"]
    check(fastinet.open(tree / "n01440764"), one)
    part = fastinet.open(tars / "n01440764.tar")
    check(part.select(np.argsort(list(part.keys))), one)


@forms
def test_val(tmp_path: Path, challenge: MiniatureChallenge, form: dict) -> None:
    path = write_archive(tmp_path / "images", challenge.official_val(), **form)
    dataset = fastinet.open(path)
    check(dataset, expected_val(challenge))
    assert dataset.labels.tolist() == LABELS[: len(dataset)].tolist()
    assert [info.wnid for info in dataset.classes] == list(WNIDS)
    assert (dataset.family, dataset.split, dataset.splits) == ("val", "val", ("val",))
    again = fastinet.open(path, split="val")  # by its index
    assert np.array_equal(again.labels, dataset.labels)
    assert list(again.keys) == list(dataset.keys)
    assert list(pickle.loads(pickle.dumps(again)).keys) == list(dataset.keys)  # noqa: S301


@forms
def test_val_in_class_folders(tmp_path: Path, challenge: MiniatureChallenge, form: dict) -> None:
    dataset = fastinet.open(write_archive(tmp_path / "x", challenge.val_in_classes(), **form))
    check(dataset, expected_val(challenge))
    assert [info.wnid for info in dataset.classes] == sorted(
        {challenge.val_wnid(number) for number in challenge.val}
    )


@forms
@pytest.mark.parametrize("folder", ["", "test/"])
def test_test(tmp_path: Path, challenge: MiniatureChallenge, form: dict, folder: str) -> None:
    members = challenge.official_test(folder=folder)
    dataset = fastinet.open(write_archive(tmp_path / "x", members, **form))
    check(dataset, expected_test(challenge))
    assert (dataset.family, dataset.splits, len(dataset.classes)) == ("test", ("test",), 1000)
    assert dataset.labels.tolist() == [-1] * len(dataset)


@pytest.mark.filterwarnings("ignore:.*classes have no images:fastinet.errors.FastinetWarning")
@forms
def test_cls_loc(tmp_path: Path, challenge: MiniatureChallenge, form: dict) -> None:
    members = challenge.cls_loc()
    path = write_archive(tmp_path / "kaggle", members, **form)
    with pytest.warns(FastinetWarning, match="split 'train'.*others: val, test") as caught:
        train = fastinet.open(path)
    # Not a word about annotations and lists, but about what a miniature lacks.
    _, lacking = (str(each.message) for each in caught)
    assert "classes have no images in split 'train'" in lacking
    assert train.skipped == sum(not name.endswith(".JPEG") for name in members)
    assert train.split_items == {"train": len(train), "val": 16, "test": 9}
    assert (train.family, train.splits) == ("ilsvrc", ("train", "val", "test"))
    in_order = dict(sorted(members.items())) if form.get("form") == "folder" else members
    check(train, expected_train(challenge, in_order))
    with pytest.warns(FastinetWarning, match="classes have no images"):
        val, test = (fastinet.open(path, split=split) for split in ("val", "test"))
    check(val, expected_val(challenge))
    check(test, expected_test(challenge))
    for dataset in (train, val, test):
        assert [info.wnid for info in dataset.classes] == list(WNIDS)
    with pytest.raises(ValueError, match="no split 'eval'; it has train, val, test"):
        fastinet.open(path, split="eval")


@pytest.mark.filterwarnings("ignore:.*classes have no images:fastinet.errors.FastinetWarning")
@forms
def test_trees_of_classes(tmp_path: Path, challenge: MiniatureChallenge, form: dict) -> None:
    members = challenge.class_tree()
    path = write_archive(tmp_path / "tree", members, **form)
    in_order = dict(sorted(members.items())) if form.get("form") == "folder" else members
    train = fastinet.open(path, split="train")
    check(train, expected_train(challenge, in_order))
    val = fastinet.open(path, split="val")
    check(val, expected_val(challenge))
    present = {challenge.val_wnid(number) for number in challenge.val} | set(challenge.train)
    assert [info.wnid for info in val.classes] == sorted(present)
    assert val.classes == train.classes


@pytest.mark.filterwarnings("ignore:.*classes have no images:fastinet.errors.FastinetWarning")
@pytest.mark.filterwarnings("ignore:.*beside it has 1 classes:fastinet.errors.FastinetWarning")
def test_val_folders_may_have_train_names(tmp_path: Path) -> None:
    """As in Imagenette: the folder gives split and class."""
    members = {
        "imagenette2/train/n01440764/n01440764_10026.JPEG": JPEG,
        "imagenette2/train/n02102040/n02102040_1.JPEG": JPEG,
        "imagenette2/val/n02102040/n02102040_1002.JPEG": JPEG,
    }
    path = write_archive(tmp_path / "x.tar", members)
    assert fastinet.open(path, split="val").labels.tolist() == [1]
    assert fastinet.open(path, split="train").labels.tolist() == [0, 1]
    folder = write_archive(tmp_path / "x", members, form="folder")
    part = fastinet.open(folder / "imagenette2" / "val")  # the folder is one around its files
    assert (part.split, list(part.keys)) == ("val", ["n02102040/n02102040_1002.JPEG"])


@forms
@pytest.mark.parametrize("split", ["train", "val", "test"])
def test_hugging_face(
    tmp_path: Path, challenge: MiniatureChallenge, split: str, form: dict
) -> None:
    members = challenge.hugging_face(split)  # type: ignore[arg-type]
    dataset = fastinet.open(write_archive(tmp_path / f"{split}_images", members, **form))
    if form.get("form") == "folder":
        members = dict(sorted(members.items()))
    assert dataset.split == split
    if split == "train":
        check(dataset, expected_train(challenge, members))
    elif split == "test":
        check(dataset, expected_test(challenge))
    else:
        items = [
            (key.replace(".", f"_{wnid}."), content, wnid)
            for key, content, wnid in expected_val(challenge)
        ]
        check(dataset, items)
        assert dataset.labels.tolist() == LABELS[: len(dataset)].tolist()


@pytest.mark.filterwarnings("ignore:.*classes have no images:fastinet.errors.FastinetWarning")
def test_the_three_packagings_give_the_same(tmp_path: Path, challenge: MiniatureChallenge) -> None:
    official = fastinet.open(write_archive(tmp_path / "v.tar", challenge.official_val()))
    kaggle = fastinet.open(write_archive(tmp_path / "k.tar", challenge.cls_loc()), split="val")
    face = fastinet.open(write_archive(tmp_path / "h.tar", challenge.hugging_face("val")))
    for other in (kaggle, face):
        assert np.array_equal(other.labels, official.labels)
        assert [other.read(i) for i in range(16)] == [official.read(i) for i in range(16)]


# ------------------------------------------------------------------------------ labels of the names


def test_folders_that_contradict_the_published_labels(tmp_path: Path) -> None:
    wrong, right = WNIDS[0], WNIDS[LABELS[1]]
    members = {f"{wrong}/{val_name(1)}": JPEG, f"{right}/{val_name(2)}": JPEG}
    path = write_archive(tmp_path / "x.tar", members)
    for _ in range(2):
        with pytest.warns(FastinetWarning, match="1 validation images have another class") as seen:
            dataset = fastinet.open(path)
        assert f"{wrong}/{val_name(1)} is {WNIDS[LABELS[0]]}" in str(seen[0].message)
        assert dataset.classes[dataset.labels[0]].wnid == wrong


def test_names_that_contradict_the_published_labels(tmp_path: Path) -> None:
    name = val_name(1).replace(".", f"_{WNIDS[3]}.")
    path = write_archive(tmp_path / "x.tar", {name: JPEG})
    with pytest.warns(FastinetWarning, match=f"1 validation images.*{name} is {WNIDS[65]}"):
        assert fastinet.open(path).labels.tolist() == [3]


@pytest.mark.parametrize("number", [0, 50_001])
def test_numbers_that_nobody_has(tmp_path: Path, number: int) -> None:
    members = {val_name(number): JPEG, val_name(50_000): JPEG}
    path = write_archive(tmp_path / "x.tar", members)
    with pytest.warns(FastinetWarning, match=rf"1 validation images have no label.*{number:08d}"):
        dataset = fastinet.open(path)
    assert sorted(dataset.labels.tolist()) == [-1, LABELS[-1]]
    assert len(dataset.select(dataset.labels >= 0)) == 1


@pytest.mark.parametrize(
    "names",
    [
        [val_name(3), f"n01440764/{val_name(3)}"],
        [f"val/{val_name(3)}", f"val/n01440764/{val_name(3)}", f"n01440765/val/{val_name(3)}"],
        ["ILSVRC2012_test_00000003.JPEG", "ILSVRC2012_test_00000003.jpg"],
    ],
)
def test_a_number_twice_is_an_error(tmp_path: Path, names: list[str]) -> None:
    members = {val_name(2): JPEG, **dict.fromkeys(names, JPEG)}
    path = write_archive(tmp_path / "x.tar", members)
    message = f"{len(names) - 1} images have the number of another"
    with pytest.raises(CorruptError, match=message) as caught:
        fastinet.open(path)
    assert caught.value.archive == str(path)


@pytest.mark.parametrize(
    "name",
    [
        "ILSVRC2012_val_0000001.JPEG",
        "ILSVRC2012_val_000000001.JPEG",
        "ILSVRC2012_val_0000001x.JPEG",
        "ILSVRC2010_val_00000001.JPEG",
        "val_00000001.JPEG",
    ],
)
def test_names_that_are_no_numbers(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnsupportedError, match="no wnid"):
        fastinet.open(write_archive(tmp_path / "x.tar", {name: JPEG}))


FOLDERS = st.sampled_from(
    [
        "train",
        "val",
        "Validation",
        "test",
        "n01440764",
        "n02084071",
        "data",
        "val_canny",
        "trainval",
    ]
)
BASES = st.sampled_from(
    [
        "n01440764_1.JPEG", "n01440764_1_n01443537.JPEG", "n02084071.png", "x_n01443537.jpg",
        "x.JPEG", "ILSVRC2012_val_00000007.JPEG", "ILSVRC2012_val_00000002_n01751748.JPEG",
        "ILSVRC2012_val_00000002.jpeg", "ILSVRC2012_val_00050001.JPEG", "README",
        "ILSVRC2012_test_00000004.JPEG", "ILSVRC2012_test_00000003.JPEG", "ILSVRC2012_val_1.xml",
    ]
)  # fmt: skip


def told_by(name: str) -> tuple[str, int, str | None, bool] | None:
    """(split of the number, number, wnid, in no class folder) by the rule in plain words."""
    *folders, base = name.split("/")
    if not base.lower().endswith((".jpeg", ".jpg", ".png")):
        return None
    numbered = re.match(r"ILSVRC2012_(val|test)_(\d{8})[._]", base)
    number = int(numbered[2]) if numbered else -1
    classes = [folder for folder in folders if re.fullmatch(r"n\d{8}", folder)]
    in_base = re.search(r"_(n\d{8})\.\w+$", base) or re.match(r"(n\d{8})", base)
    wnid = classes[-1] if classes else in_base[1] if in_base else None
    is_val = numbered is not None and numbered[1] == "val"
    if wnid is None and is_val and number <= 50_000:
        wnid = WNIDS[LABELS[number - 1]]
    if wnid is None and not numbered:
        return None
    return numbered[1] if numbered else "", number, wnid, is_val and not classes


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.lists(FOLDERS, max_size=3), BASES), min_size=1, max_size=14))
@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
def test_everything_follows_the_rule(tmp_path: Path, paths: list) -> None:
    names = list(dict.fromkeys("/".join([*folders, base]) for folders, base in paths))
    told = {name: fact for name in names if (fact := told_by(name)) is not None}
    path = write_archive(tmp_path / "x.tar", dict.fromkeys(names, b""))
    if not told:
        with pytest.raises(FastinetError, match=r"no image in it|carry no wnid"):
            fastinet.open(path, index=False)
        return
    splits = splits_of(list(told))
    numbered = [(splits[n], kind, number) for n, (kind, number, *_) in told.items() if kind]
    numbered = [each for each in numbered if each[0][1] != "train"]
    if len(set(numbered)) < len(numbered):
        with pytest.raises(CorruptError, match="number of another"):
            fastinet.open(path, index=False)
        return
    everything = fastinet.open(path, split="all", index=False)
    assert sorted(everything.keys) == sorted(told)
    assert everything.skipped == len(names) - len(told)
    of_keys = {}
    for split in everything.splits:
        dataset = fastinet.open(path, split=split, index=False)
        assert dataset.splits == everything.splits
        keys = list(dataset.keys)
        (part,) = {splits[key] for key in keys}
        assert keys == [key for key in splits if splits[key] == part] or part[1] != "train"
        if part[1] != "train":
            order = {"": 0, "val": 1, "test": 2}
            assert keys == sorted(
                (key for key in splits if splits[key] == part),
                key=lambda key: (order[told[key][0]], told[key][1]),
            )
        for key, label in zip(keys, dataset.labels.tolist(), strict=True):
            of_keys[key] = dataset.classes[label].wnid if label >= 0 else None
        # Of splits that are called so, all classes are in the table.
        classes = {told[key][2] for key in splits if splits[key][1] or len(everything.splits) == 1}
        wnids = {info.wnid for info in dataset.classes}
        assert {told[key][2] for key in keys} - {None} <= wnids
        if part[1]:
            assert classes - {None} <= wnids
            assert len(wnids) >= 1000 or not any(flat for *_, flat in told.values())
    assert of_keys == {name: fact[2] for name, fact in told.items()}
    wnids = [info.wnid for info in everything.classes]
    assert wnids == sorted(wnids)
    assert [wnids[label] if label >= 0 else None for label in everything.labels.tolist()] == [
        told[key][2] for key in everything.keys
    ]
