"""Whose sidecars are believed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from support.checkpointed import small_images, write_archive
from support.forged import archives_with_sidecars, parsed_columns

import fastinet
from fastinet.sidecars.column_file import write_columns
from fastinet.sidecars.owners import OWNERS_VARIABLE, Owners, Ownership
from fastinet.testing.archives import train_tar
from fastinet.testing.bounding_boxes import odd_annotations, write_boxes
from fastinet.testing.label_maps import label_map_files, write_label_maps

STRANGER = 51234


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No cache folder, so that a sidecar lies beside its archive or nowhere."""
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "none")
    (tmp_path / "none").write_bytes(b"")


def test_several_archives_have_an_owner_if_it_is_one() -> None:
    mine, theirs = Ownership(1, everybody=False), Ownership(2, everybody=True)
    assert Owners.of([mine, mine]) == Owners(frozenset({1}))
    assert Owners.of([mine, theirs]) == Owners()
    assert Owners.of([theirs]) == Owners(frozenset({2}), everybody=True)
    assert Owners.of([]) == Owners()


OWNED = pytest.mark.skipif(os.geteuid() != 0, reason="takes the super-user, who gives files away")


def messages_of(action: Callable[[], object]) -> str:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return " | ".join(str(warning.message) for warning in caught)


def permuted(archive: Path) -> bytes:
    """The archive's index, with right checksums and the labels of all items turned round."""
    path = archive.with_name(archive.name + ".fastinet")
    header, columns = parsed_columns(path.read_bytes())
    columns["labels"] = columns["labels"].max() - columns["labels"]
    write_columns(path, header, columns)
    return path.read_bytes()


@pytest.fixture
def two_classes(tmp_path: Path) -> Path:
    image = small_images(1).popitem()[1]
    folder = tmp_path / "shared"
    folder.mkdir()
    path = folder / "train.tar"
    path.write_bytes(
        train_tar({wnid: {f"{wnid}_1.JPEG": image} for wnid in ("n01440764", "n01443537")})
    )
    fastinet.open(path)
    return path


@OWNED
def test_a_strangers_index_is_not_believed(
    two_classes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Labels that are possible and wrong show in nothing but in whose file it is."""
    labels = fastinet.open(two_classes).labels.tolist()
    forged = permuted(two_classes)
    index = two_classes.with_name("train.tar.fastinet")
    assert fastinet.open(two_classes).labels.tolist() == labels[::-1]  # one's own is believed
    os.chown(index, STRANGER, -1)
    for _ in range(2):
        said = messages_of(lambda: fastinet.open(two_classes))
        assert f"the user {STRANGER}, who is neither you nor the owner of the archive" in said
        assert f"{OWNERS_VARIABLE}={STRANGER} allows it" in said
        assert "could not be kept" in said
        assert index.read_bytes() == forged  # others may believe it: it stays
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert fastinet.open(two_classes).labels.tolist() == labels
    for value in (str(STRANGER), f"root, {STRANGER}", "*"):
        monkeypatch.setenv(OWNERS_VARIABLE, value)
        assert fastinet.open(two_classes).labels.tolist() == labels[::-1]
    monkeypatch.delenv(OWNERS_VARIABLE)
    os.chown(two_classes, STRANGER, -1)  # who could change the archive as well
    assert fastinet.open(two_classes).labels.tolist() == labels[::-1]


@OWNED
@pytest.mark.parametrize("kind", ["checkpoints", "seek", "duplicates"])
def test_no_sidecar_of_a_stranger_is_believed_or_written(tmp_path: Path, kind: str) -> None:
    archive = archives_with_sidecars(tmp_path)["gzipped"]
    sidecar = archive.with_name(f"{archive.name}.fastinet.{kind}")
    os.chown(sidecar, STRANGER, -1)
    content = sidecar.read_bytes()
    dataset = fastinet.open(archive)

    def use_it() -> None:
        dataset.read(0)
        assert dataset.checkpoints.covered == (0 if kind == "checkpoints" else len(dataset))
        fastinet.find_duplicates(dataset, threads=1)

    assert "is not believed" in messages_of(use_it)
    assert sidecar.read_bytes() == content


@OWNED
@pytest.mark.parametrize("kind", ["boxes", "label_maps"])
def test_boxes_and_label_maps_of_a_stranger_are_read_anew(tmp_path: Path, kind: str) -> None:
    """Nobody could see that a box was put elsewhere, or that a map is another image's."""
    archive = tmp_path / "annotations.tar"
    if kind == "boxes":
        write_boxes(archive, odd_annotations(), form="tar")
    else:
        write_label_maps(archive, label_map_files(["n01440764/n01440764_1.JPEG"]))

    def look() -> int:
        if kind == "boxes":
            return len(fastinet.read_boxes(archive))
        return len(fastinet.open_label_maps(archive))

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        right = look()
    sidecar = tmp_path / f"annotations.tar.fastinet.{kind}"
    header, columns = parsed_columns(sidecar.read_bytes())
    write_columns(sidecar, header, {name: column[:0] for name, column in columns.items()})
    content = sidecar.read_bytes()
    os.chown(sidecar, STRANGER, -1)
    assert f"the user {STRANGER}, who is neither you" in messages_of(look)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert look() == right
    assert sidecar.read_bytes() == content  # others may believe it: it stays


def test_what_everybody_may_write_is_believed_of_such_archives_alone(two_classes: Path) -> None:
    index = two_classes.with_name("train.tar.fastinet")
    index.chmod(0o666)
    assert "can be written by everybody" in messages_of(lambda: fastinet.open(two_classes))
    two_classes.chmod(0o666)
    index.chmod(0o666)
    assert messages_of(lambda: fastinet.open(two_classes)) == ""


def test_no_sidecar_is_for_everybody_to_write(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        archive = write_archive(tmp_path / "train.tar", small_images(2))
        fastinet.open(archive).build_checkpoints(threads=1)
    finally:
        os.umask(before)
    found = list(tmp_path.glob("train.tar.fastinet*"))
    assert len(found) == 2
    assert not any(path.stat().st_mode & 0o002 for path in found)
