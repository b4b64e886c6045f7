"""Scans of archives: an error in one of several, links that lead out, older seek indexes."""

from __future__ import annotations

import gzip
import tarfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.small_train import JPEG, TRAIN, write

from fastinet.archives import seek_log
from fastinet.errors import CorruptError, FastinetWarning, MissingError, UnsupportedError
from fastinet.items.opening import open as open_archive
from fastinet.testing.archives import END, entry, tar

if TYPE_CHECKING:
    from fastinet._native._scan import SeekPart


def test_an_error_in_one_of_several_archives_names_it(tmp_path: Path) -> None:
    write(tmp_path / "train" / "n01440764.tar", tar(TRAIN["n01440764"]))
    broken = write(tmp_path / "train" / "n01443537.tar", tar(TRAIN["n01443537"])[:700])
    with pytest.raises(CorruptError, match="truncated") as caught:
        open_archive(tmp_path / "train")
    assert caught.value.archive == str(broken)


@pytest.mark.usefixtures("own_cache")
def test_a_seek_index_without_folders_and_links_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As earlier versions made it: JSON that names the inner tars alone."""
    archive = entry("n01443537/", type=tarfile.DIRTYPE)
    archive += entry("n01440764/1.JPEG", JPEG)
    archive += entry("n01440764/2.JPEG", type=tarfile.LNKTYPE, linkname="n01440764/1.JPEG") + END
    path = write(tmp_path / "train.tar.gz", gzip.compress(archive))
    packed = seek_log._packed_chunk

    def without(part: SeekPart, *rest: Any) -> bytes:
        members = part.members._replace(passed=None, container_names=[])
        return packed(part._replace(members=members), *rest)

    with monkeypatch.context() as patched:
        patched.setattr(seek_log, "_packed_chunk", without)
        with pytest.warns(FastinetWarning) as caught:
            assert len(open_archive(path)) == 1
    messages = " | ".join(str(warning.message) for warning in caught)
    assert "1 entries skipped that are links, devices or vendor records" in messages
    assert "its seek index is of an earlier version, which kept no folders and no links" in messages
    assert f"Remove '{path}.fastinet.seek'" in messages
    for suffix in (".fastinet.seek", ".fastinet"):
        Path(f"{path}{suffix}").unlink()
    with warnings.catch_warnings(record=True) as recorded:
        warnings.simplefilter("always")
        assert len(open_archive(path)) == 2
    assert not any("earlier version" in str(warning.message) for warning in recorded)


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize("compressed", [False, True])
def test_a_tar_of_links_out_of_it_says_so(tmp_path: Path, count: int, compressed: bool) -> None:
    source = tmp_path / "images"
    source.mkdir()
    folder = tmp_path / "subset" / "n01440764"
    folder.mkdir(parents=True)
    for i in range(count):
        (source / f"{i}.JPEG").write_bytes(JPEG)
        (folder / f"n01440764_{i}.JPEG").symlink_to(source / f"{i}.JPEG")
    with pytest.warns(FastinetWarning, match=f"{count} symbolic links that lead out of the folder"):
        assert len(open_archive(folder.parent, index=False)) == count
    path = tmp_path / "subset.tar"
    with tarfile.open(path, "w:gz" if compressed else "w") as file:
        file.add(folder, "n01440764")
    links = "1 link" if count == 1 else "5 links"
    with pytest.raises(UnsupportedError, match="`tar --dereference`") as caught:
        open_archive(path, index=False)
    assert f"it has {links} to what is not in it: n01440764/n01440764_0.JPEG" in str(caught.value)
    whole = tmp_path / "whole.tar"
    with tarfile.open(whole, "w", dereference=True) as file:  # what the message says to do
        file.add(folder, "n01440764")
    assert len(open_archive(whole, index=False)) == count


def test_a_folder_of_links_that_lead_nowhere_says_so(tmp_path: Path) -> None:
    folder = tmp_path / "subset" / "n01440764"
    folder.mkdir(parents=True)
    for i in range(2):
        (folder / f"n01440764_{i}.JPEG").symlink_to(tmp_path / "gone" / f"{i}.JPEG")
    with pytest.raises(MissingError, match="2 links in it lead to files that are not there: n01"):
        open_archive(folder.parent, index=False)


def test_a_folder_of_shards_names_them_beside_links_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "latest").symlink_to("../v2")
    (tmp_path / "train-0.tar").write_bytes(END)
    with pytest.raises(MissingError, match=r"by its own path: train-0\.tar"):
        open_archive(tmp_path, index=False)


def test_class_tars_beside_images_in_a_folder_are_refused(tmp_path: Path) -> None:
    """A tar of the folder has what is in them: the folder must not be without a word."""
    write(tmp_path / "data" / "train" / "n01440764.tar", tar({"n01440764_1.JPEG": JPEG}))
    write(tmp_path / "data" / "val" / "n01440764" / "2.JPEG", JPEG)
    with pytest.raises(UnsupportedError, match=r"1 class tars.*extract them.*own path") as told:
        open_archive(tmp_path / "data", index=False)
    assert told.value.member == "train/n01440764.tar"
    assert len(open_archive(tmp_path / "data" / "train", index=False)) == 1


def test_other_tars_in_a_folder_are_named(tmp_path: Path) -> None:
    """What was downloaded, and stayed where it was extracted."""
    write(tmp_path / "data" / "train" / "n01440764" / "1.JPEG", JPEG)
    write(tmp_path / "data" / "ILSVRC2012_img_val.tar", tar({"ILSVRC2012_val_00000001.JPEG": JPEG}))
    with pytest.warns(FastinetWarning) as caught:
        assert len(open_archive(tmp_path / "data", index=False)) == 1
    (warning,) = caught
    assert "1 tars beside images are not looked into" in str(warning.message)
    assert str(warning.message).endswith("extracted: ILSVRC2012_img_val.tar")
