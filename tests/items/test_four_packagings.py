"""The law: the same files give the same items, labels, classes, splits and order everywhere.

Trees of files are drawn, and each is read as a folder, as a tar, as a gzipped tar, and as both
arrive in a stream. What these make of it is the same, or one refuses and says what to do. Where the
slow oracle has an opinion, it is what all of them give, and none refuses.
"""

from __future__ import annotations

import itertools
import re
import shutil
import tarfile
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from support import tree_oracle
from support.drawn_trees import (
    CLASS_TREES,
    class_tars,
    corrupted_images,
    flat_images,
    numbered_folders,
    numbered_images,
    objects,
    samples,
    tiny_images,
    with_junk,
    with_links,
    with_tars,
    with_unread,
)
from support.readings import (
    Part,
    Reading,
    Refusal,
    attempt,
    part_of,
    read_opened,
    read_streamed,
)
from support.reported_trees import REPORTED
from support.streamed import SMALL, same_batches
from support.trees import (
    JPEG,
    ORDERS,
    EmptyFolder,
    Entry,
    HardLink,
    InnerTar,
    SymbolicLink,
    Tree,
    folders_of,
    gzipped,
    tar_of,
    with_tars_as_folders,
    write_tree,
)

import fastinet
from fastinet.errors import printable
from fastinet.testing.archives import Format
from fastinet.testing.small import small_jpeg


class Form(NamedTuple):
    """How a tree is packed."""

    name: str = "data"
    """Of the folder, and of the tars."""
    top: str = "./"
    """What names in the tar begin with."""
    order: str = "by_path"
    """Of the tar's entries."""
    format: Format = tarfile.GNU_FORMAT
    """Of its headers."""


FORMS = st.builds(
    Form,
    name=st.sampled_from(("data", "data", "imagenet", "val", "Train")),
    top=st.sampled_from(("", "./", "{name}/")),
    order=st.sampled_from(sorted(ORDERS)),
    format=st.sampled_from((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)),
)


class Packed:
    """A tree in all packagings, and what is made of each."""

    def __init__(
        self, tree: Tree, form: Form, place: Path, *, replaced: Collection[str] = ()
    ) -> None:
        self.tree = tree
        self.form = form
        self.top = form.top.format(name=form.name)
        self.tar = tar_of(
            tree, order=form.order, top=self.top, format=form.format, replaced=replaced
        )
        self.gzip = gzipped(self.tar)
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        self.folder_path = place / form.name
        self.tar_path = place / f"{form.name}.tar"
        self.gzip_path = place / f"{form.name}.tar.gz"
        write_tree(tree, self.folder_path)
        self.tar_path.write_bytes(self.tar)
        self.gzip_path.write_bytes(self.gzip)
        asked = {
            "train",
            "val",
            "test",
            ".",
            *(PurePosixPath(each).name for each in folders_of(tree)),
        }
        asked |= {"/".join(each.split("/")[-2:]) for each in folders_of(tree) if each[-1].isdigit()}
        self.folder_reading = read_opened(self.folder_path, asked)
        self.tar_reading = self.without_top(read_opened(self.tar_path, asked))
        self.gzip_reading = self.without_top(read_opened(self.gzip_path, default_alone=True))

    def without_top(self, reading: Reading) -> Reading:
        """The reading of a tar, with the keys that a folder gives."""
        return replace(
            reading,
            parts={split: self.part_without_top(part) for split, part in reading.parts.items()},
        )

    def part_without_top(self, part: Part | Refusal) -> Part | Refusal:
        """What a tar holds, with the keys that a folder gives."""
        if isinstance(part, Refusal) or not self.top.strip("./"):
            return part
        items = [(key.removeprefix(self.top), *rest) for key, *rest in part.items]
        return Part(tuple(items), part.classes)

    def streamed(self, data: bytes, notes: set[str], **options: object) -> Part | Refusal:
        """What the archive gives while it arrives, with the keys that a folder gives."""
        return self.part_without_top(read_streamed(data, notes, **options))


def is_refused(part: Part | Refusal, where: str) -> bool:
    """Whether it is a refusal; one must say what to do."""
    if isinstance(part, Refusal):
        assert part.says_what_to_do, (where, part.message)
        return True
    return False


# ----------------------------------------------------------------------------- opened archives


def check_opened(packed: Packed) -> None:
    """Folder, tar and gzipped tar have the same splits, and in each the same items and classes."""
    readings = {
        "folder": packed.folder_reading,
        "tar": packed.tar_reading,
        "tar.gz": packed.gzip_reading,
    }
    for where, reading in readings.items():
        for split, part in reading.parts.items():
            is_refused(part, f"{where}, {split=}")
            check_merged(part, packed.form.name)
    same_readings(readings["folder"], readings["tar"], packed.form.order == "by_path")
    check_gzip(packed)


def check_gzip(packed: Packed) -> None:
    """A gzipped tar gives what the tar gives."""
    tar, gzip = packed.tar_reading, packed.gzip_reading
    assert gzip.default == tar.default
    if tar.default:
        assert gzip.parts[None] == tar.parts[None]
        assert gzip.default_notes == tar.default_notes


def same_readings(one: Reading, other: Reading, same_order: bool) -> None:
    """Fails where two readings have other splits or items, and neither refuses."""
    for split in {*one.parts, *other.parts}:
        ours, theirs = one.parts.get(split), other.parts.get(split)
        if isinstance(ours, Refusal) or isinstance(theirs, Refusal):
            continue
        assert ours is not None, split
        assert theirs is not None, split
        same_parts(ours, theirs, same_order=same_order)
    if one.default and other.default:
        assert one.default == other.default


def same_parts(one: Part, other: Part, *, same_order: bool, same_classes: bool = True) -> None:
    """Fails unless they have the same items, in the same order if that is asked for."""
    assert one.classes == other.classes or not same_classes
    assert one.sorted() == other.sorted()
    if same_order:
        assert one.items == other.items


def check_merged(part: Part | Refusal, name: str) -> None:
    """A split does not have a class from two folders: one may be a copy of the other.

    Images with numbers are told apart by these.
    """
    roots: dict[str, str] = {}
    for key, _, _ in part.items if isinstance(part, Part) else ():
        root, wnid = tree_oracle.root_and_class(key)
        if wnid and "ILSVRC2012_" not in key:
            assert roots.setdefault(wnid, root) == root, (name, key)


# -------------------------------------------------------------------------------------- streams


def check_streamed(packed: Packed) -> None:
    """What arrives is what was opened, with the classes of that; without, they are asked for."""
    opened = packed.tar_reading
    own = [split for split in opened.parts if split is not None]
    for split, part in opened.parts.items():
        if isinstance(part, Refusal):
            continue
        for data in (packed.tar, packed.gzip) if split == opened.default else (packed.tar,):
            arrived = packed.streamed(data, set(), split=split, classes=part.classes)
            if is_refused(arrived, f"stream, {split=}"):
                continue
            assert split is not None or len(own) == 1, "items of several splits"
            same_parts(arrived, part, same_order=arrives_as_opened(part))
    part = opened.parts.get(opened.default)
    if isinstance(part, Part):
        arrived = packed.streamed(packed.tar, set(), split=opened.default)
        if not is_refused(arrived, "stream without classes"):
            # A .cls or a number is a label, whatever it is of.
            same_parts(arrived, part, same_order=arrives_as_opened(part), same_classes=False)


def arrives_as_opened(part: Part) -> bool:
    """Whether the order of a stream is that of the opened archive, which sorts by numbers."""
    numbered = r"ILSVRC2012_|(^|/)[0-9]{1,3}/|/[0-9a-f]{15}\.png"  # ObjectNet's come by class
    return not any(re.search(numbered, key) for key, _, _ in part.items)


# --------------------------------------------------------------------------------------- oracle


def check_oracle(packed: Packed) -> bool:
    """Whether the oracle has an opinion; all packagings share it."""
    form = packed.form
    for reading, order in (
        (packed.folder_reading, "by_path"),
        (packed.tar_reading, form.order),
    ):
        right = expected_of(packed, order)
        if right is None:
            return False
        for split, expected in right.items():
            part = reading.parts.get(split)
            assert isinstance(part, Part), (split, part)
            assert part.items == expected.items
            assert part.classes == expected.classes
        if reading.default:
            assert set(reading.parts) == {None, *right}
        check_default(reading, list(right))
    check_oracle_of_stream(packed)
    return True


def expected_of(packed: Packed, order: str) -> dict[str, tree_oracle.Expected] | None:
    """What the oracle says of the tree in this order; None: nothing.

    A folder with class tars in its folders is refused, and says which folder to open. So is one
    with images beside class tars, and one that has other tars alone.
    """
    tree = tree_oracle.without_closed_tars(packed.tree)
    tars = [path for path, what in tree.items() if isinstance(what, InnerTar)]
    if any("/" in path or not tree_oracle.is_class_tar(path) for path in tars):
        return None
    if tars and tree_oracle.has_items(tree):
        return None
    in_order = {path: tree.get(path, EmptyFolder()) for path in ORDERS[order](tree)}
    return tree_oracle.expected(with_tars_as_folders(in_order), packed.form.name)


def check_default(reading: Reading, splits: list[str]) -> None:
    """Without ``split=`` the training images come, or the only split; else it is asked for."""
    if "train" in splits or len(splits) == 1:
        assert reading.default == ("train" if "train" in splits else splits[0])
        if len(splits) > 1:
            named = " ".join(reading.notes)
            assert all(split in named for split in splits)
        return
    refused = reading.parts[None]
    assert isinstance(refused, Refusal)
    assert "split=" in refused.message
    assert all(split in refused.message for split in splits)


def check_oracle_of_stream(packed: Packed) -> None:
    """A stream refuses no split whose name is plain if all it needs is in it."""
    has_links = any(isinstance(what, SymbolicLink | HardLink) for what in packed.tree.values())
    has_closed_tars = len(tree_oracle.without_closed_tars(packed.tree)) < len(packed.tree)
    if has_links or has_closed_tars or packed.form.name in ("val", "Train"):
        return
    right = expected_of(packed, packed.form.order)
    assert right is not None
    spellings = [tree_oracle.known_split(split) for split in right]
    if len(set(spellings)) < len(spellings):
        return  # it may refuse what has two spellings
    for split, expected in right.items():
        options = {"split": split, "classes": expected.classes}
        arrived = packed.streamed(packed.tar, set(), **options)
        assert isinstance(arrived, Part), (split, arrived)
        assert arrived.items == expected.items
        unnumbered = packed.streamed(packed.tar, set(), split=split)
        assert isinstance(unnumbered, Refusal)
        assert "classes=" in unnumbered.message
    if len(right) > 1:
        arrived = packed.streamed(packed.tar, set(), classes=next(iter(right.values())).classes)
        assert isinstance(arrived, Refusal)
        assert "split=" in arrived.message


# ------------------------------------------------------------------------------------- warnings


def check_notes(packed: Packed) -> None:
    """Each warning names something of the tree, and what was passed over is among them."""
    counted = tree_oracle.without_closed_tars(packed.tree)
    tree = with_tars_as_folders(counted)
    paths = (*packed.tree, *tree, *folders_of(tree))
    names = {printable(part) for path in paths for part in path.split("/")}
    over = tree_oracle.passed_over(tree)
    over += [path for path in packed.tree if path not in counted]
    class_tars = [path for path in packed.tree if re.fullmatch(r"n[0-9]{8}\.tar", path)]
    if over and class_tars:  # images beside them are passed over, too, and three of all are named
        over += [path for path in packed.tree if path not in class_tars]
    for reading in (packed.folder_reading, packed.tar_reading, packed.gzip_reading):
        splits = {split for split in reading.parts if split}
        splits |= {split for split in packed.tar_reading.parts if split}
        for note in reading.notes:
            named = any(name in note for name in names | splits)
            assert named or re.search("n[0-9]{8}", note), note
        if over and reading.default:
            said = " ".join(reading.notes)
            parts = {printable(part) for path in over for part in path.split("/")}
            assert any(part in said for part in parts), over


# ----------------------------------------------------------------------------------------- tests


def check_law(tree: Tree, form: Form, place: Path) -> None:
    packed = Packed(tree, form, place)
    check_opened(packed)
    check_streamed(packed)
    check_oracle(packed)
    check_notes(packed)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trees") / "tree"


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("what", REPORTED)
def test_reported_trees(what: str, order: str, tmp_path: Path) -> None:
    check_law(REPORTED[what], Form(order=order), tmp_path / "tree")


@hypothesis.settings(max_examples=150)  # junk and links below are put into such trees, too
@hypothesis.given(CLASS_TREES, FORMS)
def test_class_trees(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


@hypothesis.settings(max_examples=200)
@hypothesis.given(with_junk(CLASS_TREES), FORMS)
def test_junk(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


@hypothesis.settings(max_examples=200)
@hypothesis.given(with_links(CLASS_TREES), FORMS)
def test_links(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


@hypothesis.settings(max_examples=200)
@hypothesis.given(numbered_images(), FORMS)
def test_numbers(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


@hypothesis.settings(max_examples=60)
@hypothesis.given(class_tars(), FORMS)
def test_class_tars(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


@hypothesis.settings(max_examples=60)
@hypothesis.given(with_tars(st.one_of(CLASS_TREES, CLASS_TREES, class_tars(), samples())), FORMS)
def test_tars_beside_images(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


@hypothesis.settings(max_examples=60)
@hypothesis.given(flat_images(), FORMS)
def test_flat_images(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


@hypothesis.settings(max_examples=30)
@hypothesis.given(numbered_folders(), FORMS)
def test_numbered_folders(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


@hypothesis.settings(max_examples=30)
@hypothesis.given(with_junk(corrupted_images()), FORMS)
def test_corrupted_images(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


@hypothesis.settings(max_examples=20)
@hypothesis.given(with_junk(objects()), FORMS)
def test_objects(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


@hypothesis.settings(max_examples=15)
@hypothesis.given(with_junk(tiny_images()), FORMS)
def test_tiny_images(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


VERIFIED = st.one_of(
    *(with_junk(CLASS_TREES), with_links(CLASS_TREES), corrupted_images(), objects()),
    *(flat_images(), numbered_images(), samples(), tiny_images()),
)


@hypothesis.settings(max_examples=40)
@hypothesis.given(with_unread(VERIFIED), FORMS, st.data())
def test_verify_fails_where_images_are_not_read(
    place: Path, tree: Tree, form: Form, data: st.DataObject
) -> None:
    """In every packaging: what looks like an image is read, or it is an error that names it."""
    packed = Packed(tree, form, place)
    unread = tree_oracle.unread(tree)
    paths = (packed.folder_path, packed.tar_path, packed.gzip_path)
    path = data.draw(st.sampled_from(paths))
    report = fastinet.verify(path, digest=False, again=True)
    found = [finding for finding in report.errors if finding.kind == "unread images"]
    assert bool(found) == bool(unread)
    said = " ".join(f"{finding.message} {finding.place}" for finding in found)
    named = [name for name in unread if printable(name.rpartition("/")[2]) in said]
    assert len(named) >= min(len(unread), 3), said  # of more, the first three of a kind


@hypothesis.settings(max_examples=200)
@hypothesis.given(samples(), FORMS)
def test_samples(place: Path, tree: Tree, form: Form) -> None:
    check_law(tree, form, place)


def test_links_to_outside_are_named_everywhere(tmp_path: Path) -> None:
    """A folder has what they lead to, as for every other program, and says so; a tar has it not."""
    write_tree({"1.jpg": JPEG + b"1", "n02123045/2.jpg": JPEG + b"2"}, tmp_path / "elsewhere")
    own: Tree = {f"train/n01440764/{number}.jpg": JPEG + b"own" for number in range(2)}
    links: Tree = {
        "train/n01440764/link.jpg": SymbolicLink("../../../../elsewhere/1.jpg"),
        "train/n02123045": SymbolicLink(str(tmp_path / "elsewhere/n02123045")),
    }
    packed = Packed({**own, **links}, Form(), tmp_path / "tree")
    for reading in (packed.folder_reading, packed.tar_reading, packed.gzip_reading):
        part = reading.parts[None]
        assert isinstance(part, Part)
        followed = {"train/n01440764/link.jpg", "train/n02123045/2.jpg"}
        more = followed if reading is packed.folder_reading else set()
        assert {key for key, _, _ in part.items} == {*own} | more
        (note,) = reading.notes
        for link, what in links.items():
            assert isinstance(what, SymbolicLink)
            assert f"{link} -> {what.to}" in note
    stream = fastinet.open_stream(packed.tar_path, classes=["n01440764"])
    assert [item.key for item in stream.items()] == [*own]
    assert [name.split(" (")[0] for name in stream.skipped_names] == [*links]


@hypothesis.settings(max_examples=80)
@hypothesis.given(CLASS_TREES, FORMS, st.sets(st.integers(0, 3), min_size=1, max_size=2))
def test_a_name_that_occurs_twice(place: Path, tree: Tree, form: Form, numbers: set[int]) -> None:
    """What is appended to a tar under the name of a member is what counts, as `tar x` has it."""
    images = [path for path, what in tree.items() if isinstance(what, bytes)]
    replaced = {images[number % len(images)] for number in numbers}
    packed = Packed(tree, form, place, replaced=replaced)
    same_readings(packed.folder_reading, packed.tar_reading, same_order=False)
    check_gzip(packed)
    check_streamed(packed)
    if packed.tar_reading.default:
        said = " ".join(packed.tar_reading.notes)
        assert any(printable(path) in said for path in replaced), said


@hypothesis.settings(max_examples=50)
@hypothesis.given(with_links(with_junk(CLASS_TREES)), FORMS)
def test_an_index_says_the_same(place: Path, tree: Tree, form: Form) -> None:
    """What was kept of an archive gives what the archive gives, and the same warnings."""
    packed = Packed(tree, form, place)
    for path in (packed.folder_path, packed.tar_path, packed.gzip_path):
        index = place / f"{path.name}.index"
        found = [read_default(path, keep) for keep in (False, index, index)]
        assert found[0] == found[1] == found[2]
        assert index.exists() or isinstance(found[0][0], Refusal)


def read_default(path: Path, index: bool | Path) -> tuple[Part | Refusal, set[str]]:
    """What is at the path without ``split=``, and the warnings."""
    notes: set[str] = set()
    return attempt(lambda: part_of(fastinet.open(path, index=index)), notes), notes


NAMES = st.sampled_from((("part-0", "part-1"), ("train", "val"), ("val", "train")))


@hypothesis.settings(max_examples=120)
@hypothesis.given(
    st.tuples(CLASS_TREES, NAMES)
    | st.tuples(samples() | numbered_images(), st.just(("part-0", "part-1"))),
    st.lists(st.booleans(), min_size=2, max_size=6),
)
def test_several_archives(
    place: Path, named: tuple[Tree, tuple[str, str]], second: list[bool]
) -> None:
    """Several tars, opened as one dataset or one behind the other in a stream."""
    tree, names = named
    parts: list[dict[str, Entry]] = [{}, {}]
    for path, is_in_second in zip(tree, itertools.cycle(second)):
        parts[is_in_second][path] = tree[path]
    hypothesis.assume(all(tree_oracle.has_items(part) for part in parts))
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    tars = [tar_of(part) for part in parts]
    paths = [place / f"{name}.tar" for name in names]
    for path, tar in zip(paths, tars, strict=True):
        path.write_bytes(tar)
    opened = read_opened(paths)
    for split, part in opened.parts.items():
        if is_refused(part, f"tars, {split=}"):
            continue
        check_merged(part, "tars")
        arrived = read_streamed(b"".join(tars), set(), split=split, classes=part.classes)
        if not is_refused(arrived, f"stream, {split=}"):
            same_parts(arrived, part, same_order=arrives_as_opened(part))


# --------------------------------------------------------------------------------------- batches

PHOTOGRAPHS = [small_jpeg(np.random.default_rng(number)) for number in range(12)]


def with_photographs(tree: Tree) -> Tree:
    """The tree with images that can be decoded."""
    images = [path for path, what in tree.items() if isinstance(what, bytes)]
    return {**tree, **dict(zip(images, itertools.cycle(PHOTOGRAPHS)))}


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@hypothesis.settings(max_examples=30)
@hypothesis.given(
    with_links(CLASS_TREES).map(with_photographs),
    st.sampled_from(sorted(ORDERS)),
    st.integers(0, 2**64 - 1),
)
def test_batches(place: Path, tree: Tree, order: str, seed: int) -> None:
    """Pixels, boxes, flips and the order of a shuffle are the same, too."""
    packed = Packed(tree, Form(order=order), place)
    split = packed.tar_reading.default
    if split is None or split not in packed.folder_reading.parts:
        return
    tar = fastinet.open(packed.tar_path, split=split, index=False)
    if order == "by_path":
        folder = fastinet.open(packed.folder_path, split=split, index=False)
        for shuffle in (False, True):
            options = {"shuffle": shuffle, "seed": seed}
            same_batches(
                fastinet.Loader(folder, 4, SMALL, **options),
                fastinet.Loader(tar, 4, SMALL, **options),
            )
    arrived = read_streamed(packed.gzip, set(), split=split, classes=tar.classes)
    if not is_refused(arrived, "stream"):
        stream = fastinet.open_stream(packed.gzip_path, split=split, classes=tar.classes)
        same_batches(
            fastinet.Loader(tar, 4, SMALL, seed=seed),
            fastinet.StreamLoader(stream, 4, SMALL, seed=seed),
        )
