"""ImageNet-21K and what all whole archives share: from miniatures to labelled batches."""

from __future__ import annotations

import gzip
import resource
import tarfile
import warnings
from pathlib import Path

import numpy as np
import pytest
from support.small_wholes import check_batches, contents, write

import fastinet
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import entry, tar, train_tar
from fastinet.testing.small import small_jpeg
from fastinet.testing.whole_archives import (
    imagenet21k_classes,
    imagenet21k_p_members,
    imagenet_v2_members,
    winter21_tar,
)

INVALID = "n06470073_47249.JPEG"
GZIPPED = "n01678043_6448.JPEG"


def in_folders(classes: dict[str, dict[str, bytes]]) -> dict[str, tuple[str, bytes]]:
    """Key -> (wnid, bytes) of the items that ImageNet-21K's miniature has."""
    return {
        f"{wnid}/{name}": (wnid, data)
        for wnid, members in classes.items()
        for name, data in members.items()
        if name not in (INVALID, "urls.txt")
    }


def test_winter21_fall11_and_folders_of_class_tars_have_the_same_items(tmp_path: Path) -> None:
    classes = imagenet21k_classes()
    expected = in_folders(classes)
    winter = write(tmp_path / "winter21_whole.tar", winter21_tar(classes))
    gzipped = write(tmp_path / "winter21_whole.tar.gz", gzip.compress(winter.read_bytes()))
    fall = write(tmp_path / "fall11_whole.tar", train_tar(classes))
    for wnid, members in classes.items():
        write(tmp_path / "whole" / f"{wnid}.tar", tar(members))
    for path in (winter, gzipped, fall, tmp_path / "whole"):
        with pytest.warns(FastinetWarning) as caught:
            dataset = fastinet.open(path)
        notes = " ".join(str(warning.message) for warning in caught)
        assert "1 members skipped as files that are known to hold no image" in notes
        assert INVALID in notes
        assert "1 classes have no images: n15102894" in notes
        assert "urls.txt" in notes
        found = contents(dataset)
        if path in (winter, gzipped):
            found = {key.removeprefix("winter21_whole/"): item for key, item in found.items()}
        assert found == expected
        assert [info.wnid for info in dataset.classes] == sorted(classes)
        assert (dataset.family, dataset.split, dataset.skipped) == ("train", "train", 2)


@pytest.mark.parametrize("gzipped", [False, True])
def test_imagenet21k_in_batches(tmp_path: Path, gzipped: bool) -> None:
    classes = imagenet21k_classes()
    archive = gzip.compress(winter21_tar(classes)) if gzipped else winter21_tar(classes)
    with pytest.warns(FastinetWarning):
        dataset = fastinet.open(write(tmp_path / "whole", archive))
    wnids = sorted(classes)
    expected = {
        f"winter21_whole/{key}": (
            wnids.index(wnid),
            gzip.decompress(data) if key.endswith(GZIPPED) else data,
        )
        for key, (wnid, data) in in_folders(classes).items()
    }
    check_batches(dataset, expected)


def test_a_gzipped_member_is_an_image_by_name_or_by_content(tmp_path: Path) -> None:
    classes = imagenet21k_classes()
    wrapped = classes["n01678043"][GZIPPED]
    members = {
        GZIPPED: wrapped,
        "n01678043_6449": wrapped,
        "n01678043_1.jpg.gz": wrapped,
        "n01678043.txt.gz": wrapped,
        "list.gz": wrapped,
    }
    path = write(tmp_path / "n01678043.tar", tar(members))
    with pytest.warns(FastinetWarning, match="2 members skipped as no images"):
        dataset = fastinet.open(path)
    assert [key.partition("/")[2] for key in dataset.keys] == list(members)[:3]


def test_only_the_known_file_is_skipped(tmp_path: Path) -> None:
    members = {f"n06470073_{number}.JPEG": b"no image" for number in (47249, 4724, 147249)}
    members |= {"n06470073_47249.JPEG.JPEG": b"", "n06470074_47249.JPEG": b""}
    path = write(tmp_path / "n06470073.tar", tar(members))
    with pytest.warns(FastinetWarning, match="1 members skipped as files that are known"):
        dataset = fastinet.open(path)
    assert [key.partition("/")[2] for key in dataset.keys] == list(members)[1:]


def test_more_class_tars_than_files_can_be_open(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    wnids = [f"n{number:08d}" for number in range(3, 203, 2)]
    members = {wnid: {f"{wnid}_1.JPEG": small_jpeg(rng)} for wnid in wnids}
    for wnid in wnids:
        write(tmp_path / "whole" / f"{wnid}.tar", tar(members[wnid]))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    in_use = max(int(path.name) for path in Path("/dev/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + len(wnids) // 2, before[1]))
    try:
        dataset = fastinet.open(tmp_path / "whole")
        expected = {
            f"{wnid}/{wnid}_1.JPEG": (label, members[wnid][f"{wnid}_1.JPEG"])
            for label, wnid in enumerate(wnids)
        }
        check_batches(dataset, expected)
        assert [dataset.read(label) for label in range(len(wnids))] == [
            data for _, data in expected.values()
        ]
        (tmp_path / "whole" / f"{wnids[7]}.tar").unlink()
        with pytest.raises(fastinet.errors.MissingError) as caught:
            dataset.read(7)
        assert wnids[7] in str(caught.value)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


# -- as tar packs them ---------------------------------------------------------------------------


@pytest.mark.parametrize("members", [imagenet_v2_members(), imagenet21k_p_members()])
def test_as_tar_packs_a_folder(tmp_path: Path, members: dict[str, bytes]) -> None:
    """``tar -c .``: every name begins with ./, and every folder has an entry."""
    folders = sorted({f"./{parent}/" for name in members for parent in Path(name).parents[:-1]})
    directories = [entry(folder, type=tarfile.DIRTYPE) for folder in folders]
    dotted = tar({f"./{name}": data for name, data in members.items()}, format=tarfile.PAX_FORMAT)
    plain = write(tmp_path / "plain.tar", tar(members))
    packed = write(tmp_path / "packed.tar", b"".join(directories) + dotted)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)  # of other splits
        datasets = [fastinet.open(path) for path in (plain, packed)]
    keys = [[key.removeprefix("./") for key in dataset.keys] for dataset in datasets]
    assert keys[0] == keys[1]
    assert datasets[0].labels.tolist() == datasets[1].labels.tolist()
    assert datasets[0].classes == datasets[1].classes
    assert datasets[1].skipped == 0
