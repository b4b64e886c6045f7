"""Do sidecars serve copies of their archive? Copied, moved or linked, nothing is made anew."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import tarfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from support.checkpointed import small_images
from support.extracting import extract_all

import fastinet
from fastinet._native import _scan
from fastinet.archives.folder_archive import FolderArchive
from fastinet.errors import FastinetWarning
from fastinet.items import duplicates
from fastinet.sidecars.identity import has_same_content, identify_file
from fastinet.testing.archives import extract, tar, train_tar

pytestmark = pytest.mark.usefixtures("own_cache")

IMAGES = list(small_images(8).values())
CLASSES = {
    "n01440764": {f"n01440764_{i}.JPEG": IMAGES[i] for i in range(5)},
    # One image in both classes, so that there are duplicates.
    "n01443537": {f"n01443537_{i}.JPEG": IMAGES[i] for i in range(4, 8)},
}
KINDS = ["train.tar", "train.tar.gz", "tree", "class_tars", "shards"]


def make(kind: str, folder: Path) -> str:
    """Makes an archive of that kind in `folder`, and gives what to open below it."""
    folder.mkdir(parents=True)
    if kind.startswith("train"):
        data = train_tar(CLASSES)
        (folder / kind).write_bytes(gzip.compress(data) if kind.endswith("gz") else data)
    elif kind == "tree":
        extract(
            {f"{w}/{name}": data for w, c in CLASSES.items() for name, data in c.items()},
            folder / kind,
        )
    elif kind == "class_tars":
        (folder / kind).mkdir()
        for wnid, members in CLASSES.items():
            (folder / kind / f"{wnid}.tar").write_bytes(tar(members))
    else:
        for number, members in enumerate(CLASSES.values()):
            (folder / f"{number}.tar.gz").write_bytes(gzip.compress(tar(members)))
        return "{0..1}.tar.gz"
    return kind


def use_all(path: Path, **options: object) -> list[Path]:
    """Uses every sidecar of an archive, and gives where they lie; checks what they give."""
    dataset = fastinet.open(path, **options)  # type: ignore[call-overload]
    expected = sorted(data for members in CLASSES.values() for data in members.values())
    assert sorted(dataset.read(row) for row in range(len(dataset))) == expected
    checkpoints = dataset.build_checkpoints()
    assert checkpoints.covered == len(dataset)
    found = fastinet.find_duplicates(dataset)
    assert [len(group) for group in found] == [2]
    assert dataset.index is not None
    assert checkpoints.path is not None
    assert found.path is not None
    return [Path(dataset.index), checkpoints.path, found.path]


def make_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets every pass over an archive fail, and every warning."""

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("it is made anew")

    monkeypatch.setattr(_scan, "scan", refuse)
    monkeypatch.setattr(_scan, "SeekPass", refuse)
    monkeypatch.setattr(FolderArchive, "scan", refuse)
    monkeypatch.setattr(duplicates, "_Pass", refuse)
    monkeypatch.setattr("fastinet.items.checkpoint_pass._engine.make_checkpoints", refuse)
    warnings.simplefilter("error", FastinetWarning)


def copied_anew(source: Path, target: Path) -> None:
    """As `cp -r`, or `rsync` without -t: every time is another."""
    shutil.copytree(source, target, copy_function=shutil.copyfile)
    for number, path in enumerate(sorted(target.rglob("*"))):
        os.utime(path, ns=(0, 10**18 + number))


def copied_with_seconds(source: Path, target: Path) -> None:
    """As some file systems, and tars without PAX headers, keep times."""
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        seconds = path.stat().st_mtime_ns // 10**9
        os.utime(path, (seconds, seconds))


def by_tar(source: Path, target: Path) -> None:
    packed = target.with_suffix(".packed")
    with tarfile.open(packed, "w", format=tarfile.USTAR_FORMAT) as archive:
        archive.add(source, target.name)
    extract_all(packed, target.parent)


def by_rsync(source: Path, target: Path) -> None:
    if shutil.which("rsync") is None:
        pytest.skip("rsync is not there")
    subprocess.run(["rsync", "-r", f"{source}/", target], check=True)


def linked(source: Path, target: Path) -> None:
    target.symlink_to(source)


def linked_one_by_one(source: Path, target: Path) -> None:
    """Only the archives; the sidecars stay beside what the links lead to."""
    target.mkdir()
    for path in source.iterdir():
        if ".fastinet" not in path.name:
            (target / path.name).symlink_to(path)


def renamed(source: Path, target: Path) -> None:
    source.rename(target)


WAYS = [
    copied_anew,
    copied_with_seconds,
    by_tar,
    by_rsync,
    linked,
    linked_one_by_one,
    renamed,
]


@pytest.mark.parametrize("stage", WAYS, ids=lambda stage: stage.__name__)
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_made_anew(
    kind: str, stage: Callable[[Path, Path], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = make(kind, tmp_path / "store")
    use_all(tmp_path / "store" / name)
    stage(tmp_path / "store", tmp_path / "staged")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.fastinet*")}
    with warnings.catch_warnings():
        make_nothing(monkeypatch)
        places = use_all(tmp_path / "staged" / name)
    assert {path.resolve() for path in places} <= before.keys()
    beside = "store" if stage is linked_one_by_one else "staged"
    assert {path.parent for path in places} == {tmp_path / beside}
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.fastinet*")} == before


@pytest.mark.parametrize("kind", KINDS)
def test_staged_alone_it_is_known_by_its_content(
    kind: str, tmp_path: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sidecars are in the cache folder, or in one that index= names: not beside the copy."""
    name = make(kind, tmp_path / "store")
    nowhere = tmp_path / "store" / "no folder"

    def refuse(folder: Path) -> None:
        if folder == tmp_path / "store":
            raise PermissionError(13, "Permission denied", str(nowhere))
        folder.mkdir(parents=True, exist_ok=True)

    for module in ("replacing", "log", "turns"):
        monkeypatch.setattr(f"fastinet.sidecars.{module}.make_folder", refuse)
    for options in ({}, {"index": f"{tmp_path}/mine/"}, {"index": tmp_path / "my.index"}):
        with monkeypatch.context() as patches, warnings.catch_warnings():
            use_all(tmp_path / "store" / name, **options)
            copied_anew(tmp_path / "store", tmp_path / "staged")
            make_nothing(patches)
            places = use_all(tmp_path / "staged" / name, **options)
        expected = {"/": tmp_path / "mine", "x": tmp_path}.get(str(options.get("index", ""))[-1:])
        assert {path.parent for path in places} == {expected or own_cache / "indexes"}
        shutil.rmtree(tmp_path / "staged")
    assert not list((tmp_path / "store").glob("*.fastinet*"))


def test_a_touched_archive_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = make("train.tar.gz", tmp_path / "store")
    use_all(tmp_path / "store" / name)
    for when in (5, 4 * 10**18):
        os.utime(tmp_path / "store" / name, ns=(when, when))
        with warnings.catch_warnings():
            make_nothing(monkeypatch)
            use_all(tmp_path / "store" / name)


def test_sidecars_of_other_content_are_not_taken(tmp_path: Path) -> None:
    """They were copied with another archive of the same name and size."""
    name = make("train.tar", tmp_path / "store")
    use_all(tmp_path / "store" / name)
    shutil.copytree(tmp_path / "store", tmp_path / "other")
    data = bytearray((tmp_path / "other" / name).read_bytes())
    start = bytes(data).index(IMAGES[6])
    data[start + 30] ^= 1
    (tmp_path / "other" / name).write_bytes(data)
    os.utime(tmp_path / "other" / name, ns=(0, (tmp_path / "store" / name).stat().st_mtime_ns))
    with pytest.warns(FastinetWarning, match="has other content than when it was made"):
        dataset = fastinet.open(tmp_path / "other" / name)
    assert dataset.read(7) == bytes(data[start : start + len(IMAGES[6])])


def test_a_copy_is_verified_anew(tmp_path: Path) -> None:
    """What was found of one file says nothing of another: copying may have failed."""
    name = make("train.tar", tmp_path / "store")
    fastinet.verify(tmp_path / "store" / name)
    assert fastinet.verify(tmp_path / "store" / name).remembered
    copied_anew(tmp_path / "store", tmp_path / "staged")
    assert not fastinet.verify(tmp_path / "staged" / name).remembered


def test_a_renamed_archive_keeps_its_seek_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pass of an hour. The index is made of it: names of archives may tell splits."""
    name = make("train.tar.gz", tmp_path / "store")
    fastinet.open(tmp_path / "store" / name)
    for path in list((tmp_path / "store").iterdir()):
        path.rename(path.with_name(path.name.replace("train", "imagenet")))

    def refuse(*_: object, **__: object) -> NoReturn:
        raise AssertionError("it is inflated again")

    monkeypatch.setattr(_scan, "SeekPass", refuse)
    with pytest.warns(
        FastinetWarning, match=r"made when 'imagenet\.tar\.gz'.* was called 'train\."
    ):
        dataset = fastinet.open(tmp_path / "store" / "imagenet.tar.gz")
    assert len(dataset) == 9


# ---------------------------------------------------------------------- how much the samples see


def test_the_share_of_changes_that_is_seen(tmp_path: Path) -> None:
    """Of a file of many blocks: 24 of 4 KiB, which are where they should be."""
    size, block = 1_000_003, 4096
    path = tmp_path / "x.tar"
    content = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    path.write_bytes(content.tobytes())
    before = identify_file(path)
    seen = []
    for start in range(0, size, block):
        content[start : start + block] ^= 1
        path.write_bytes(content.tobytes())
        now = identify_file(path)
        seen.append(not has_same_content(before, now))
        content[start : start + block] ^= 1
    assert 24 <= sum(seen) <= 48  # a sample may lie across two blocks
    assert seen[0]
    assert seen[-1]
