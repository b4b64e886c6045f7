"""Development kits: from folder, tar and tar.gz to labels, hierarchy and blacklist."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from fastinet.datasets.classes import class_table, imagenet1k_wnids
from fastinet.datasets.devkit import is_devkit, read_devkit
from fastinet.errors import CorruptError, FastinetError, MissingError
from fastinet.testing.archives import tar
from fastinet.testing.devkit import devkit_files, matlab_file, synset_records, write_devkit

LABELS = [65, 970, 230, 809, 516]
TRUTH = "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt"
META = "ILSVRC2012_devkit_t12/data/meta.mat"


def kit_of(path: Path, files: dict[str, bytes]) -> Path:
    """A tar of these files."""
    with tarfile.open(path, "w") as tar:
        for name, content in files.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    return path


# -------------------------------------------------------------------------------------- the kits


@pytest.mark.parametrize("form", ["tar.gz", "tar", "folder"])
@pytest.mark.parametrize("year", [2012, 2014, 2015])
def test_every_kit_is_read(tmp_path: Path, form, year) -> None:
    path = write_devkit(tmp_path / "kit.wrong", LABELS, form=form, year=year, blacklist=[2, 5])
    kit = read_devkit(path)
    assert kit.validation_labels.tolist() == LABELS
    assert kit.validation_labels.dtype == np.int64
    assert len(kit.synsets) == (1000 if year == 2015 else 1003)
    if year == 2012:
        assert kit.blacklist is None
    else:
        assert kit.blacklist is not None
        assert kit.blacklist.tolist() == [2, 5]
    assert (kit.synsets[0].id, kit.synsets[0].wnid) == (1, "n02119789")
    assert kit.synsets[448].wnid == "n01440764"
    assert kit.synsets[448].words.split(", ")[0] == "tench"
    assert kit.synsets[0].train_images == 1300
    assert kit.synsets[0].wordnet_height == (None if year == 2015 else 0)


def test_all_texts_arrive(tmp_path: Path) -> None:
    kit = read_devkit(write_devkit(tmp_path / "kit", LABELS))
    table = {info.wnid: info for info in class_table(imagenet1k_wnids())}
    for synset in kit.synsets[:1000]:
        assert tuple(synset.words.split(", ")) == table[synset.wnid].names
        assert synset.gloss == table[synset.wnid].gloss


def test_the_hierarchy(tmp_path: Path) -> None:
    kit = read_devkit(write_devkit(tmp_path / "kit", LABELS))
    assert kit.synsets[1000].words == "entity"
    assert kit.parents["n00001740"] == ()
    assert kit.parents["n00015388"] == ("n00001930",)
    assert kit.parents["n01440764"] == ("n00015388",)
    assert kit.parents["n15075141"] == ("n00001930",)
    assert all(len(kit.parents[wnid]) == 1 for wnid in imagenet1k_wnids())
    flat = read_devkit(write_devkit(tmp_path / "flat", LABELS, year=2015))
    assert set(flat.parents.values()) == {()}


def test_a_folder_may_hold_the_kit_or_be_its_data(tmp_path: Path) -> None:
    write_devkit(tmp_path / "ILSVRC2012_devkit_t12", LABELS, form="folder")
    for folder in (tmp_path, tmp_path / "ILSVRC2012_devkit_t12" / "data"):
        assert read_devkit(folder).validation_labels.tolist() == LABELS


def test_dot_slash_prefixes(tmp_path: Path) -> None:
    files = {f"./{name}": content for name, content in devkit_files(LABELS).items()}
    assert read_devkit(kit_of(tmp_path / "kit", files)).validation_labels.tolist() == LABELS


def test_labels_of_an_archive_with_another_number_of_images(tmp_path: Path) -> None:
    kit = read_devkit(write_devkit(tmp_path / "kit", LABELS))
    assert kit.labels_of_validation(5) is kit.validation_labels
    with pytest.raises(CorruptError, match=r"ground truth of 5 validation images.* 50000"):
        kit.labels_of_validation(50_000)


def test_labels_cannot_be_changed(tmp_path: Path) -> None:
    kit = read_devkit(write_devkit(tmp_path / "kit", LABELS))
    with pytest.raises(ValueError, match="read-only"):
        kit.validation_labels[0] = 1


# ------------------------------------------------------------------------------------- bad kits


def other_challenge() -> bytes:
    records = synset_records()
    records[3]["WNID"] = "n00007846"
    return matlab_file({"synsets": records})


def with_field(field: str, value) -> bytes:
    records = synset_records()
    records[7][field] = value
    return matlab_file({"synsets": records})


@pytest.mark.parametrize(
    ("part", "content", "message"),
    [
        (TRUTH, b"490\n1001\n", "line 2: 1001 is no ILSVRC2012_ID"),
        (TRUTH, b"490\n0\n", "line 2: 0 is no ILSVRC2012_ID"),
        (TRUTH, b"490 361\n", "line 1: one number expected"),
        (TRUTH, b"490\nn01440764\n", "line 2: 'n01440764' is no whole number"),
        (TRUTH, b"\xff\xfe4\x009\x00", "no text"),
        (META, other_challenge(), r"class 4 is n00007846.*another challenge"),
        (META, matlab_file({"synsets": synset_records()[:200]}), "200 synsets"),
        (META, matlab_file({"other": [{"a": 1}]}), "no struct array 'synsets'"),
        (META, with_field("ILSVRC2012_ID", 9), "synset 8 has the ID 9"),
        (META, with_field("children", [2000]), "synset 8 .* child beyond the 1003"),
        (META, with_field("children", "x"), "'children' are no IDs"),
        (META, with_field("words", 3), "'words' is no text"),
        (META, with_field("num_train_images", "x"), "'num_train_images' is no whole number"),
        (META, with_field("num_train_images", [1, 2]), "'num_train_images' is no whole number"),
        (META, b"", "no MATLAB 5 file"),
        (META, matlab_file({"synsets": synset_records()})[:-100], "truncated"),
    ],
)
def test_damaged_kits(tmp_path: Path, part: str, content: bytes, message: str) -> None:
    path = kit_of(tmp_path / "kit.tar", devkit_files(LABELS) | {part: content})
    with pytest.raises(CorruptError, match=message) as caught:
        read_devkit(path)
    assert caught.value.archive == str(path)


@pytest.mark.parametrize(("part", "missing"), [(TRUTH, "ground_truth.txt"), (META, "meta.mat")])
def test_incomplete_kits(tmp_path: Path, part: str, missing: str) -> None:
    files = devkit_files(LABELS)
    del files[part]
    with pytest.raises(MissingError, match=f"there is no .*{missing}"):
        read_devkit(kit_of(tmp_path / "kit", files))


def test_a_blacklist_of_other_images(tmp_path: Path) -> None:
    path = write_devkit(tmp_path / "kit", LABELS, year=2014, blacklist=[6])
    with pytest.raises(CorruptError, match="line 1: there is no image 6 among 5"):
        read_devkit(path)


def test_what_is_no_kit(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such file"):
        read_devkit(tmp_path / "missing")
    with pytest.raises(MissingError, match="no development kit"):
        read_devkit(tmp_path)
    (tmp_path / "noise").write_bytes(b"\x37" * 4096)
    with pytest.raises(CorruptError, match="no tar"):
        read_devkit(tmp_path / "noise")
    (tmp_path / "noise.gz").write_bytes(gzip.compress(b"\x37" * 4096))
    with pytest.raises(CorruptError, match="no tar"):
        read_devkit(tmp_path / "noise.gz")


@pytest.mark.parametrize("form", ["tar", "tar.gz"])
def test_truncated_kits(tmp_path: Path, form) -> None:
    whole = write_devkit(tmp_path / "whole", LABELS, form=form).read_bytes()
    path = tmp_path / "cut"
    for share in (0.2, 0.5, 0.9):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(FastinetError) as caught:
            read_devkit(path)
        assert caught.value.archive == str(path)


# ------------------------------------------------------------------------------------ what is one


@pytest.mark.parametrize("year", [2012, 2014, 2015])
@pytest.mark.parametrize("form", ["tar", "tar.gz", "folder"])
def test_what_is_a_devkit(tmp_path: Path, year: int, form: str) -> None:
    kit = write_devkit(tmp_path / "kit", [3, 4], form=form, year=year)  # type: ignore[arg-type]
    assert is_devkit(kit)


def test_what_is_none(tmp_path: Path) -> None:
    assert not is_devkit(tmp_path)
    for name, content in {
        "images.tar": tar({"x/n01440764_1.JPEG": b"", "y/meta.mat": b""}),
        "classes.tar": tar({"n01440764.tar": b"", "y/meta.mat": b""}),
        "images.tar.gz": gzip.compress(tar({"n01440764_1.JPEG": b""})),
        "others.tar": tar({"README": b""}),
        "damaged": b"\x1f\x8b" + bytes(100),
        "empty": b"",
    }.items():
        (tmp_path / name).write_bytes(content)
        assert not is_devkit(tmp_path / name), name
    assert not is_devkit(tmp_path / "nothing")
