"""Selections of items by their names, and by published lists of these."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastinet
from fastinet.datasets.keys import Keys
from fastinet.datasets.names import Names
from fastinet.errors import CorruptError, MissingError
from fastinet.items import name_selection
from fastinet.items.name_selection import rows_of_names
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.ilsvrc import MiniatureChallenge, miniature_challenge, write_archive
from fastinet.testing.robustness import imagenet_a_members
from fastinet.testing.small import small_jpeg


def keys_of(names: list[str]) -> Keys:
    offsets, text = Names.of(names).packed(np.arange(len(names)))
    return Keys(text, offsets[:-1], offsets[1:])


@pytest.fixture(scope="module")
def challenge() -> MiniatureChallenge:
    return miniature_challenge()


PACKINGS = ["tar of tars", "tar", "tar.gz", "folder", "hugging face"]


def packed(challenge: MiniatureChallenge, folder: Path, packing: str) -> fastinet.Dataset:
    if packing == "tar of tars":
        return fastinet.open(write_archive(folder / "t.tar", challenge.official_train()))
    if packing == "hugging face":
        return fastinet.open(write_archive(folder / "h.tar", challenge.hugging_face("train")))
    tree = {
        f"train/{wnid}/{name}": data
        for wnid, m in challenge.train.items()
        for name, data in m.items()
    }
    return fastinet.open(write_archive(folder / "tree", tree, form=packing))


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("form", ["file name", "key", "path", "absolute path", "bare", "ImageSets"])
def test_every_form_of_name_means_the_same_image_in_every_packaging(
    tmp_path: Path, challenge: MiniatureChallenge, packing: str, form: str
) -> None:
    dataset = packed(challenge, tmp_path, packing)
    images = [(wnid, name) for wnid, members in challenge.train.items() for name in members][::-2]
    lines = {
        "file name": "{name}",
        "key": "{wnid}/{name}",
        "path": "./train/{wnid}/{name}",
        "absolute path": "/data/ilsvrc/train/{wnid}/{name}",
        "bare": "{stem}",
        "ImageSets": "{wnid}/{stem}",
    }
    names = [
        lines[form].format(wnid=wnid, name=name, stem=PurePosixPath(name).stem)
        for wnid, name in images
    ]
    part = dataset.select(names)
    assert [part.read(i) for i in range(len(part))] == [challenge.train[w][n] for w, n in images]
    assert [part.classes[label].wnid for label in part.labels] == [wnid for wnid, _ in images]
    assert part.wnids == dataset.wnids
    assert part.is_selection


def test_a_list_in_a_file_as_simclrs(tmp_path: Path, challenge: MiniatureChallenge) -> None:
    dataset = packed(challenge, tmp_path, "tar of tars")
    names = [PurePosixPath(key).name for key in dataset.keys][::3]
    path = tmp_path / "1percent.txt"
    path.write_bytes(b"\xef\xbb\xbf# one in three\r\n\r\n" + "\r\n".join(names).encode() + b"\r\n")
    for given_path in (path, str(path)):
        assert list(dataset.select(given_path).keys) == list(dataset.keys)[::3]
    path.write_text("".join(f"{name} {number}\n" for number, name in enumerate(names)))
    assert list(dataset.select(path).keys) == list(dataset.keys)[::3]
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(CorruptError, match=r"'1percent.txt' is no text"):
        dataset.select(path)
    with pytest.raises(MissingError, match=r"no such list of names: '1.txt'; .* \['1.txt'\]"):
        dataset.select("1.txt")


def test_a_line_may_be_a_name_with_spaces_or_begin_with_one(tmp_path: Path) -> None:
    """Names of ImageNet-A have both, and lists have labels behind the names."""
    members = imagenet_a_members()
    del members["imagenet-a/README.txt"]
    dataset = fastinet.open(write_archive(tmp_path / "a.tar", members))
    path = tmp_path / "list.txt"
    path.write_text("".join(f"{key}\n" for key in list(dataset.keys)[::-1]))
    assert list(dataset.select(path).keys) == list(dataset.keys)[::-1]
    rng = np.random.default_rng(0)
    tree = {
        f"n01440764/{name}": small_jpeg(rng) for name in ("a.jpg", "a b.jpg", "b,c.jpg", "b.jpg")
    }
    spaced = fastinet.open(write_archive(tmp_path / "s.tar", tree))
    path.write_text("a.jpg 7\na b.jpg\nb.jpg,7\nb,c.jpg\nn01440764/a\t0\n")
    assert [key[10:] for key in spaced.select(path).keys] == [
        *("a.jpg", "a b.jpg", "b.jpg", "b,c.jpg", "a.jpg")
    ]
    path.write_text("a.jpg masks/a.jpg\nb.jpg masks/b.png other.jpg\n")
    assert [key[10:] for key in spaced.select(path).keys] == ["a.jpg", "b.jpg"]
    path.write_text("a.jpg 7\nb.jpg 0 a.jpg\n")
    with pytest.raises(ValueError, match=r"^'list.txt' has the names of several .*'a.jpg' is the"):
        spaced.select(path)
    path.write_text("a.jpg 7\nc.jpg 8\nd e.jpg\n")
    with pytest.raises(ValueError, match=r"^2 of the 3 names are of no item .*: 'c.jpg', 'd'$"):
        spaced.select(path)


def test_unknown_names_are_counted_and_the_first_are_named(
    tmp_path: Path, challenge: MiniatureChallenge
) -> None:
    dataset = packed(challenge, tmp_path, "tar of tars")
    good = dataset.keys[0]
    with pytest.raises(ValueError, match=r"^1 of the 2 names are of no item of 't.tar': 'x.JPEG'$"):
        dataset.select([good, "x.JPEG"])
    with pytest.raises(ValueError, match=r"4 of the 4 names .*: 'a', 'b', 'c', \.\.\.$"):
        dataset.select(["a", "b", "c", "d"])
    with pytest.raises(ValueError, match="they are classes, which select_classes takes"):
        dataset.select(["n01440764", "n02105855"])
    with pytest.raises(ValueError, match=r"; archives have / between folders, where these names"):
        dataset.select([r"n01440764\n01440764_26.JPEG"])
    with pytest.raises(TypeError, match=r"^rows must have an order, and a set has another one in"):
        dataset.select({good, "x.JPEG"})  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="must be texts, not 7"):
        dataset.select([good, 7])
    for nothing in ("", "/", "."):
        with pytest.raises(ValueError, match="no item"):
            dataset.select([nothing])


def test_names_of_several_items_are_refused(tmp_path: Path) -> None:
    jpeg = b"\xff\xd8\xff"
    tree = {"n06470073": {"n00141669_6.JPEG": jpeg}, "n00141669": {"n00141669_6.JPEG": jpeg}}
    path = tmp_path / "t.tar"
    path.write_bytes(train_tar(tree))
    dataset = fastinet.open(path)
    with pytest.raises(ValueError, match=r"1 of the 1 names are of several items of") as at:
        dataset.select(["n00141669_6.JPEG"])
    assert "may be 'n06470073/n00141669_6.JPEG', 'n00141669/n00141669_6.JPEG': give more" in str(
        at.value
    )
    with pytest.raises(ValueError, match="of several items"):
        dataset.select(["n00141669_6"])
    assert list(dataset.select(["n00141669/n00141669_6.JPEG"]).keys) == [dataset.keys[1]]
    assert list(dataset.select(["n06470073/n00141669_6"]).keys) == [dataset.keys[0]]


def test_folders_that_contradict_are_not_passed_over() -> None:
    keys = keys_of(["val/1.jpg", "val/img.v2.jpg", "a/b/2.jpg", "b/2.jpg"])
    for stranger in ("train/1.jpg", "train/1", "val/img", "c/2.jpg"):
        with pytest.raises(ValueError, match="no item"):
            rows_of_names(keys, [stranger], "x")
    # A whole key is that item, though another one ends like it.
    assert rows_of_names(keys, ["b/2.jpg", "a/b/2.jpg", "img.v2", "val/1.png"], "x").tolist() == [
        *(3, 2, 1, 0)
    ]


def test_names_may_repeat_and_come_as_arrays(tmp_path: Path) -> None:
    keys = keys_of(["a/1.jpg", "a/2.jpg", "a/\udcff.jpg"])
    assert rows_of_names(keys, ["2.jpg", "1.jpg", "2.jpg"], "x").tolist() == [1, 0, 1]
    assert rows_of_names(keys, [b"\xff.jpg", "\udcff.jpg"], "x").tolist() == [2, 2]
    path = tmp_path / "t.tar"
    path.write_bytes(tar({f"n01440764_{i}.JPEG": b"\xff\xd8\xff" for i in range(4)}))
    dataset = fastinet.open(path)
    for names in (
        np.array(["n01440764_3.JPEG"]),
        np.array(["n01440764_3.JPEG"], object),
        ("n01440764_3.JPEG",),
        dataset.keys[3:],
        {"n01440764_3.JPEG": 0}.keys(),
    ):
        assert list(dataset.select(names).keys) == ["n01440764_3.JPEG"]
    assert list(dataset.select([]).keys) == []
    assert list(dataset.select(np.array([], str)).keys) == []
    assert list(dataset.select([True, False, False, True]).labels) == [0, 0]
    assert dataset.select([-1]).keys[0] == "n01440764_3.JPEG"


FOLDERS = st.lists(st.sampled_from(["a", "b", "train", "n01440764"]), max_size=3)
PATHS = st.tuples(FOLDERS, st.sampled_from(["1.jpg", "2.jpg", "1.x", "n01440764_1.JPEG"])).map(
    lambda parts: "/".join([*parts[0], parts[1]])
)


@settings(max_examples=300, deadline=None)
@given(st.lists(PATHS, unique=True, min_size=1), PATHS)
def test_a_name_means_what_ends_like_it(paths: list[str], name: str) -> None:
    """The rule, one key at a time."""

    def fits(path: str) -> bool:
        ours, theirs = path.split("/")[::-1], name.split("/")[::-1]
        return all(one == other for one, other in zip(ours, theirs, strict=False))

    fitting = [row for row, path in enumerate(paths) if fits(path)]
    if name in paths:
        fitting = [paths.index(name)]
    if len(fitting) == 1:
        assert rows_of_names(keys_of(paths), [name], "x").tolist() == fitting
    else:
        with pytest.raises(ValueError, match="several items" if fitting else "no item"):
            rows_of_names(keys_of(paths), [name], "x")


def test_keys_are_compared_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(name_selection, "_KEYS_AT_ONCE", 3)
    names = [f"{number % 3}/{number}.jpg" for number in range(20)]
    rows = np.random.default_rng(0).permutation(20)
    found = rows_of_names(keys_of(names), [f"{row}.jpg" for row in rows], "x")
    assert found.tolist() == rows.tolist()
