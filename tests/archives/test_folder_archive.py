"""The folder that an archive was extracted to: its files are the items, and nothing else is."""

from __future__ import annotations

import os
import shutil
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from support.small_train import ITEMS, JPEG, TRAIN, items_of, write

from fastinet.archives.folder_archive import FolderArchive
from fastinet.errors import FastinetWarning, MissingError, ReadError
from fastinet.items.opening import open as open_archive
from fastinet.sidecars.identity import has_same_content
from fastinet.testing.archives import extract


def extracted(folder: Path) -> Path:
    """The folder that TRAIN is extracted to."""
    members = {f"{wnid}/{name}": TRAIN[wnid][name] for wnid in TRAIN for name in TRAIN[wnid]}
    return extract(members, folder)


def test_an_extracted_archive(tmp_path: Path) -> None:
    root = extracted(tmp_path / "train")
    write(root / "README", b"what this is")
    write(root / "n01440764" / "._n01440764_36.JPEG", b"\x00\x05\x16\x07")
    with pytest.warns(FastinetWarning) as caught:
        dataset = open_archive(root)
    messages = " | ".join(str(warning.message) for warning in caught)
    assert "1 members skipped as no images (neither by name nor by content): README" in messages
    assert "1 files and folders passed over that are hidden or left" in messages
    assert messages.endswith("n01440764/._n01440764_36.JPEG")
    assert items_of(dataset) == sorted(ITEMS)
    assert dataset.split == "train"
    with pytest.warns(FastinetWarning, match=r"README|hidden"):
        again = open_archive(root)  # by its index
    assert items_of(again) == sorted(ITEMS)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["train", "train.fastinet"]
    with pytest.warns(FastinetWarning, match="hidden or left by other programs"):
        part = open_archive(root / "n01440764")
    assert items_of(part) == [(key, label, data) for key, label, data in sorted(ITEMS) if not label]
    assert items_of(dataset.select([2, 0])) == [max(ITEMS), min(ITEMS)]


def test_an_extracted_archive_that_changes(tmp_path: Path) -> None:
    root = extracted(tmp_path / "train")
    dataset = open_archive(root)
    path = root / "n01440764" / "n01440764_36.JPEG"
    row = list(dataset.keys).index("n01440764/n01440764_36.JPEG")
    path.write_bytes(JPEG + b"longer than it was")
    with pytest.raises(ReadError, match="has 22 bytes, and had 5") as caught:
        dataset.read(row)
    assert (caught.value.archive, caught.value.offset) == (str(root), 0)
    path.unlink()
    with pytest.raises(MissingError, match="n01440764_36"):
        dataset.read(row)
    with pytest.warns(FastinetWarning, match="stale"):
        assert len(open_archive(root)) == 2
    (root / "n01443537" / "n01443537_1.JPEG").symlink_to(tmp_path / "elsewhere.JPEG")
    (root / "n01443537" / "n01443537_3.JPEG").symlink_to(root / "n01443537" / "n01443537_2.JPEG")
    (root / "n02085620").symlink_to(root, target_is_directory=True)
    with pytest.warns(FastinetWarning) as caught:
        assert len(open_archive(root, index=False)) == 3
    messages = " | ".join(str(warning.message) for warning in caught)
    assert "1 symbolic links skipped that lead to nothing" in messages
    assert f"n01443537/n01443537_1.JPEG -> {tmp_path / 'elsewhere.JPEG'}" in messages
    assert "1 symbolic links to folders passed over" in messages
    assert f"n02085620 -> {root}" in messages


def test_what_fastinet_keeps_in_a_tree_is_no_part_of_it(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    for split in ("train", "val"):
        write(write(tree / split / "n01440764" / "n01440764_1.JPEG", JPEG).parent / "a.jpg", JPEG)
    open_archive(tree / "val")
    for suffix in ("boxes", "seek", "label_maps", "val.duplicates", "verify.walk"):
        write(tree / f"train.fastinet.{suffix}", b"")
    assert (tree / "val.fastinet").exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert open_archive(tree, split="val").skipped == 0


# ------------------------------------------------------------------------------------- identities


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two class folders with two files each, all of them as old as one another."""
    root = tmp_path / "train"
    for folder in ("a", "b"):
        (root / folder).mkdir(parents=True)
        for file in ("1.JPEG", "2.JPEG"):
            (root / folder / file).write_bytes(b"x")
    set_times(root)
    return root


def set_times(root: Path, **of_folders: int) -> None:
    """Of all folders, in seconds; those that are not named get 1,000,000."""
    for folder in (root, *filter(Path.is_dir, root.iterdir())):
        seconds = of_folders.get(folder.name, 1_000_000)
        os.utime(folder, (seconds, seconds))


def test_what_is_the_same(tree: Path) -> None:
    identity = FolderArchive(tree).identify()
    assert identity.name == "train"
    (tree / "a" / "1.JPEG").write_bytes(b"longer")
    now = FolderArchive(tree).identify()
    assert now._replace(names=identity.names) == identity
    assert not has_same_content(identity, now)
    assert has_same_content(identity._replace(names=""), now)  # of an earlier version


def test_a_copy_is_the_same(tree: Path, tmp_path: Path) -> None:
    """Its folders have other times. Names and sizes decide, wherever it lies."""
    (tree / "b" / "link").symlink_to("nowhere")
    before = FolderArchive(tree).identify()
    copy = tmp_path / "copy" / "train"
    shutil.copytree(tree, copy, symlinks=True)
    set_times(copy, a=5, b=6)
    now = FolderArchive(copy).identify()
    assert now.probe != before.probe
    assert has_same_content(before, now)
    assert has_same_content(
        FolderArchive(tree, "a").identify(), FolderArchive(copy, "a").identify()
    )
    changes: list[Callable[[], object]] = [
        lambda: (copy / "a" / "2.JPEG").rename(copy / "a" / "3.JPEG"),
        lambda: (copy / "a" / "3.JPEG").rename(copy / "b" / "3.JPEG"),
        lambda: (copy / "b" / "1.JPEG").write_bytes(b"xy"),
        (copy / "b" / "link").unlink,
    ]
    for change in changes:
        change()
        before, now = now, FolderArchive(copy).identify()
        assert not has_same_content(before, now)


def test_few_files_of_many_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(40):
        (tmp_path / f"{number}").mkdir()
        for file in range(30):
            (tmp_path / f"{number}" / f"{file}").touch()
    looked_at: list[str] = []

    def look_at(_: FolderArchive, name: str) -> int:
        looked_at.append(name)
        return 0

    monkeypatch.setattr(FolderArchive, "_size_of", look_at)
    FolderArchive(tmp_path).identify()
    assert len(set(looked_at)) == 256
    assert len({Path(name).parent for name in looked_at}) == 40


def test_each_folders_time_counts(tree: Path) -> None:
    """Also that of one which is not the latest."""
    set_times(tree, train=2_000_000)
    before = FolderArchive(tree).identify()
    for changed in ({"a": 1_000_001}, {"b": 1_000_001}, {"a": 999_999}):
        set_times(tree, train=2_000_000, **changed)
        assert FolderArchive(tree).identify() != before


def test_each_folders_name_counts(tree: Path) -> None:
    before = FolderArchive(tree).identify()
    (tree / "b").rename(tree / "c")
    set_times(tree)
    assert FolderArchive(tree).identify() != before
    (tree / "c").rename(tree / "b")
    set_times(tree)
    assert FolderArchive(tree).identify() == before


def test_folders_that_come_count(tree: Path) -> None:
    before = FolderArchive(tree).identify()
    (tree / "c").mkdir()
    set_times(tree)
    assert FolderArchive(tree).identify() != before


# ------------------------------------------------------------------------------- links to outside


@pytest.fixture
def linked(tmp_path: Path) -> Path:
    """A folder with a file "here", beside a folder "there" with another one and a link to it."""
    for path in ("data/a/here.jpg", "there/1.jpg"):
        write(tmp_path / path, JPEG)
    (tmp_path / "there" / "2.jpg").symlink_to("1.jpg")
    return tmp_path / "data"


@pytest.mark.parametrize(
    ("link", "target", "outside"),
    [
        ("a/x.jpg", "{root}/there/1.jpg", True),
        ("a/x.jpg", "../../there/1.jpg", True),
        ("a/x.jpg", "../../there/2.jpg", True),
        ("b", "../there", True),
        ("b", "{root}/there", True),
        ("b.jpg", "{root}/data/a/here.jpg", True),  # tar does not know where it lies
        ("b.jpg", "../data/a/here.jpg", True),  # nor what the folder is called
        ("a/x.jpg", "here.jpg", False),
        ("b.jpg", "a/here.jpg", False),
        ("b.jpg", "a/../a/./here.jpg", False),
        ("b.jpg", "a/gone.jpg", False),  # which is told otherwise
        ("b.jpg", "../there/gone.jpg", False),
        ("a/.x.jpg", "../../there/1.jpg", False),  # which is passed over
    ],
)
def test_links_that_lead_out(linked: Path, link: str, target: str, outside: bool) -> None:
    told = target.format(root=linked.parent)
    (linked / link).symlink_to(told)
    number, found = FolderArchive(linked).scan().outside
    assert number == outside
    assert [(entry.name, entry.target) for entry in found] == ([(link, told)] if outside else [])


def test_links_by_way_of_others_lead_out(linked: Path) -> None:
    """What lies in a folder that is a link to outside is told with that."""
    (linked / "b").symlink_to("../there")
    (linked / "c.jpg").symlink_to("b/1.jpg")
    (linked / "d.jpg").symlink_to("c.jpg")
    (linked / "e").symlink_to("a")
    (linked / "f.jpg").symlink_to("e/here.jpg")
    found = FolderArchive(linked).scan()
    (linked / "z.jpg").symlink_to("../there/1.jpg")
    assert [entry.name for entry in found.outside[1]] == ["b", "c.jpg", "d.jpg"]
    number, first = FolderArchive(linked).scan().outside
    assert (number, len(first)) == (4, 3)
    assert found.special_entries == 1, "of e, whose files count as those of a"
    assert len(found.sizes) == 6


def test_links_out_of_a_class_folder_by_itself(linked: Path) -> None:
    """A tar of it has nothing of the class beside it."""
    write(linked / "n01440764" / "1.jpg", JPEG)
    (linked / "n01440764" / "2.jpg").symlink_to("../a/here.jpg")
    (linked / "n01440764" / "3.jpg").symlink_to("1.jpg")
    assert FolderArchive(linked).scan().outside == (0, [])
    number, (found,) = FolderArchive(linked, "n01440764").scan().outside
    assert (number, found.name) == (1, "n01440764/2.jpg")
