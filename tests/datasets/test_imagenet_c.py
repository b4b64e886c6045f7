"""ImageNet-C: from miniatures to labelled batches, in every packaging."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from support.small_wholes import check_batches

import fastinet
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.datasets.imagenet_c import corrupted_folder
from fastinet.datasets.published import CORRUPTIONS
from fastinet.datasets.validation import validation_labels
from fastinet.errors import CorruptError, FastinetWarning, UnsupportedError
from fastinet.testing.archives import entry, tar
from fastinet.testing.ilsvrc import write_archive
from fastinet.testing.robustness import imagenet_c_members

NUMBERS = (293, 7, 50_000, 12)
JPEG = b"\xff\xd8\xff\xe0"


def expected_of(
    members: dict[str, bytes], split: str, opened: str = ""
) -> dict[str, tuple[int, bytes]]:
    """Key -> label, content of a split's images, by tarfile's names alone."""
    found = {}
    for name, data in members.items():
        if name.startswith(f"{split}/"):
            number = int(name[-len("00000001.JPEG") :].removesuffix(".JPEG"))
            found[name.removeprefix(opened)] = (int(validation_labels()[number - 1]), data)
    return found


@pytest.mark.parametrize("form", ["tar", "tar.gz", "folder"])
def test_every_split_in_batches(tmp_path: Path, form: str) -> None:
    members = imagenet_c_members(numbers=NUMBERS)
    path = write_archive(tmp_path / "noise", members, form=form)
    splits = [f"{name}_noise/{severity}" for name in ("gaussian", "shot") for severity in (1, 3, 5)]
    for split in splits:
        dataset = fastinet.open(path, split=split)
        assert (dataset.family, dataset.split, dataset.skipped) == ("imagenet_c", split, 0)
        assert dataset.splits == tuple(splits)
        assert dataset.wnids == imagenet1k_wnids()
        # In the order of the numbers, so that item i is the same image in all splits.
        assert [int(key[-13:-5]) for key in dataset.keys] == sorted(NUMBERS)
        check_batches(dataset, expected_of(members, split))


def test_several_tars_are_one_dataset(tmp_path: Path) -> None:
    noise, blur = imagenet_c_members(), imagenet_c_members(("zoom_blur",), seed=1)
    paths = [
        write_archive(tmp_path / "noise.tar", noise),
        write_archive(tmp_path / "blur.tar", blur),
    ]
    dataset = fastinet.open(paths, split="zoom_blur/3")
    assert len(dataset.splits) == 9
    check_batches(dataset, expected_of(blur, "zoom_blur/3"))
    check_batches(fastinet.open(paths, split="shot_noise/1"), expected_of(noise, "shot_noise/1"))


def test_all_19_corruptions_fit_one_dataset(tmp_path: Path) -> None:
    corruptions = [name for names in CORRUPTIONS.values() for name in names]
    members = imagenet_c_members(corruptions, range(1, 6), numbers=(7,))
    path = write_archive(tmp_path / "c.tar", members)
    assert len(fastinet.open(path, split="saturate/5").splits) == 95
    assert fastinet.open(path, split="fog/2").keys[0].startswith("fog/2/n")


def test_the_folder_or_tar_of_one_corruption_tells_it_by_its_name(tmp_path: Path) -> None:
    members = imagenet_c_members(("snow",))
    folder = write_archive(tmp_path / "c", members, form="folder")
    inner = {name.removeprefix("snow/"): data for name, data in members.items()}
    for path in (folder / "snow", write_archive(tmp_path / "snow.tar", inner)):
        dataset = fastinet.open(path, split="snow/3")
        assert dataset.splits == ("snow/1", "snow/3", "snow/5")
        check_batches(dataset, expected_of(members, "snow/3", "snow/"))
    assert fastinet.open(folder / "snow" / "3").split == "val"  # as any validation images


def test_later_corruptions_and_other_images(tmp_path: Path) -> None:
    bar = write_archive(tmp_path / "bar.tar", imagenet_c_members(("plasma_noise",), (10,)))
    assert fastinet.open(bar).splits == ("plasma_noise/10",)
    tiny = {
        f"Tiny-ImageNet-C/fog/{s}/n0144353{w}/test_{s}{w}.JPEG": JPEG for s in "12" for w in "79"
    }
    dataset = fastinet.open(write_archive(tmp_path / "tiny.tar", tiny), split="fog/2")
    assert (dataset.wnids, dataset.labels.tolist()) == (("n01443537", "n01443539"), [0, 1])


@pytest.mark.parametrize("form", ["tar", "tar.gz", "folder"])
def test_an_empty_class_of_other_images_keeps_its_place(tmp_path: Path, form: str) -> None:
    tiny = {f"fog/1/n0144353{w}/test_{w}.JPEG": JPEG for w in "79"}
    path = write_archive(tmp_path / "tiny", tiny, form=form)
    if form == "folder":
        (path / "fog/1/n01443538").mkdir()
    else:
        empty = entry("fog/1/n01443538/", type=tarfile.DIRTYPE)
        data = empty + tar(tiny)
        path.write_bytes(gzip.compress(data) if form == "tar.gz" else data)
    dataset = fastinet.open(path)
    assert dataset.wnids == ("n01443537", "n01443538", "n01443539")
    assert dataset.labels.tolist() == [0, 2]


def test_one_corruption_in_two_folders_is_two_splits(tmp_path: Path) -> None:
    members = imagenet_c_members(("fog",), (1,))
    both = {f"{top}/{name}": data for top in ("a", "b/c") for name, data in members.items()}
    path = write_archive(tmp_path / "both.tar", both)
    assert fastinet.open(path, split="b/c/fog/1").splits == ("a/fog/1", "b/c/fog/1")


@pytest.mark.parametrize("top", ["", "data/", "more/data/"])
def test_a_folder_around_all_is_in_no_name_of_a_split(tmp_path: Path, top: str) -> None:
    members = {
        f"{top}{above}fog/1/n01440764/ILSVRC2012_val_00000293.JPEG": JPEG for above in ("", "copy/")
    }
    path = write_archive(tmp_path / "c.tar", members)
    assert fastinet.open(path, split="fog/1").splits == ("fog/1", "copy/fog/1")


def test_an_image_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    members = imagenet_c_members(("fog",), (1,), (7,))
    paths = [write_archive(tmp_path / name, members) for name in ("a.tar", "b.tar")]
    with pytest.raises(CorruptError, match=r"1 images have the number .* the first, in 'fog/1'"):
        fastinet.open(paths)


def test_images_of_other_archives_beside_it_are_refused(tmp_path: Path) -> None:
    members = imagenet_c_members() | {"train/n01440764/n01440764_1.JPEG": JPEG}
    path = write_archive(tmp_path / "all.tar", members)
    with pytest.raises(
        UnsupportedError, match=r"there are 1 that lie in no .* takes each folder by its own path"
    ) as at:
        fastinet.open(path)
    assert at.value.member == "train/n01440764/n01440764_1.JPEG"


def test_more_splits_than_an_index_holds_are_refused(tmp_path: Path) -> None:
    members = imagenet_c_members([f"kind{i}" for i in range(64)], (1, 2), (7,))
    with pytest.raises(
        UnsupportedError, match="128 corruptions and severities, and one dataset has 127"
    ):
        fastinet.open(write_archive(tmp_path / "c.tar", members))


def test_what_is_skipped_and_contradicts_is_said(tmp_path: Path) -> None:
    members = imagenet_c_members(("fog",), (1,)) | {
        "readme.md": b"",
        "cover.png": b"\x89PNG\r\n\x1a\n",
    }
    members["fog/1/n01440764/ILSVRC2012_val_00000001.JPEG"] = JPEG  # published as n01751748
    path = write_archive(tmp_path / "fog.tar", members)
    with pytest.warns(FastinetWarning) as said:
        dataset = fastinet.open(path)
    texts = [str(each.message) for each in said]
    assert any("2 entries skipped that are no images of a corruption" in text for text in texts)
    assert any("1 images are published as of another class" in text for text in texts)
    assert any("n01751748" in text for text in texts)
    assert dataset.labels[0] == 0


def test_trees_that_only_look_like_it_are_others(tmp_path: Path) -> None:
    for name in (
        "train/1/n01440764/n01440764_1.JPEG",
        "val/1/n01440764/ILSVRC2012_val_00000293.JPEG",
        "fold/2/n01440764/x.JPEG",
        "gaussian_noise/0/n01440764/x.JPEG",
    ):
        path = write_archive(tmp_path / "t.tar", {name: JPEG})
        assert fastinet.open(path, index=False).family in ("train", "val")


@pytest.mark.parametrize(
    ("folder", "archive", "told"),
    [
        ("fog/1/n01440764", "", ("", "fog", 1, 1440764)),
        ("a/b/fog/5/n01440764", "x.tar", ("a/b", "fog", 5, 1440764)),
        ("3/n01440764", "fog.tar.gz", ("", "fog", 3, 1440764)),
        ("3/n01440764", "fog.tgz", ("", "fog", 3, 1440764)),
        ("3/n01440764", "", None),
        ("fog/0/n01440764", "", None),
        ("fog/100/n01440764", "", None),
        ("fog/1/n0144076", "", None),
        ("fog/1/n01440764/more", "", None),
        ("", "fog", None),
    ],
)
def test_what_a_folder_tells(folder: str, archive: str, told) -> None:
    assert corrupted_folder(folder, archive) == told


def test_many_images_keep_their_order(tmp_path: Path) -> None:
    """Against tarfile, with members in no order at all."""
    rng = np.random.default_rng(0)
    numbers = 1 + rng.permutation(50_000)[:60]
    members = imagenet_c_members(("fog", "frost"), (2, 1), numbers.tolist())
    names = list(members)
    shuffled = {names[i]: JPEG for i in rng.permutation(len(names))}
    path = tmp_path / "c.tar"
    path.write_bytes(tar(shuffled))
    with tarfile.open(path) as archive:
        inside = archive.getnames()
    for split in ("fog/1", "fog/2", "frost/1", "frost/2"):
        wanted = sorted((n for n in inside if n.startswith(split)), key=lambda name: name[-13:])
        dataset = fastinet.open(path, split=split)
        assert list(dataset.keys) == wanted
        assert [dataset.wnids[label] for label in dataset.labels] == [
            n.split("/")[2] for n in wanted
        ]


@pytest.mark.parametrize("zipped", [False, True])
def test_a_stream_of_one_split(zipped: bool) -> None:
    members = imagenet_c_members(numbers=NUMBERS)
    data = tar(members)
    for split in ("gaussian_noise/3", "shot_noise/5"):
        sent = io.BytesIO(gzip.compress(data) if zipped else data)
        stream = fastinet.open_stream(sent, classes="imagenet1k", split=split)
        found = {
            each.key: (stream.label(each.key, each.companions), each.data)
            for each in stream.items()
        }
        assert found == expected_of(members, split)
    stream = fastinet.open_stream(io.BytesIO(data), classes="imagenet1k", split="all")
    assert [item.key for item in stream.items()] == list(members)
    stream = fastinet.open_stream(io.BytesIO(data), classes="imagenet1k")
    with pytest.raises(UnsupportedError, match=r"split=.gaussian_noise/3/. takes the one"):
        list(stream.items())


def test_without_split_it_is_not_plain_which_is_meant(tmp_path: Path) -> None:
    path = write_archive(tmp_path / "noise.tar", imagenet_c_members())
    with pytest.raises(ValueError, match=r"several splits, gaussian_noise/1, .*split= takes one"):
        fastinet.open(path)
    everything = fastinet.open(path, split="all")
    assert (len(everything), everything.wnids) == (24, imagenet1k_wnids())
