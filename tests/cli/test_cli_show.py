"""fastinet show: the images of an archive, and what is drawn on them."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from support.commands import run

import fastinet
from fastinet.cli import main
from fastinet.datasets.classes import class_table
from fastinet.pixels.contact_sheet import contact_sheet
from fastinet.testing.archives import tar
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes
from fastinet.testing.small import small_jpeg

# The command of the same name hides it in the package.
show = importlib.import_module("fastinet.cli.show")

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("transform", ["none", "train", "val"])
def test_show_writes_a_contact_sheet(archive: str, tmp_path: Path, transform: str) -> None:
    sheet = tmp_path / "sheet.png"
    text = run("show", archive, "-o", str(sheet), "-n", "5", "--transform", transform).stdout
    assert text.strip() == f"{sheet}: 5 images"
    pixels = np.asarray(Image.open(sheet))
    assert pixels.shape[1] > 5 * 160
    assert pixels.std() > 20


@pytest.mark.parametrize("transform", ["none", "train", "val"])
def test_show_draws_boxes(archive: str, tmp_path: Path, transform: str) -> None:
    dataset = fastinet.open(archive)
    files = {
        key.replace(".JPEG", ".xml"): annotation_xml((10, 10), [("dog", 0, 0, 10, 10)])
        for key in dataset.keys
    }
    boxes = str(write_boxes(tmp_path / "boxes.tar.gz", files))
    sheets = []
    for number, options in enumerate(([], ["--boxes", boxes])):
        sheet = tmp_path / f"{number}.png"
        run("show", archive, "-o", str(sheet), "-n", "6", "--transform", transform, *options)
        sheets.append(np.asarray(Image.open(sheet), np.int64))
    frame = np.array([255, 60, 60])
    without, framed = ((sheet == frame).all(axis=2).sum() for sheet in sheets)
    assert framed - without > 6 * 4 * 40
    # Frames only: nothing else has changed.
    changed = (sheets[0] != sheets[1]).any(axis=2)
    assert (sheets[1][changed] == frame).all()


def test_show_tells_what_it_cannot_show_in_one_line(archive: str, tmp_path: Path) -> None:
    files = {"val/ILSVRC2012_val_00000001.xml": annotation_xml((9, 9), [("n01440764", 1, 1, 5, 5)])}
    boxes = write_boxes(tmp_path / "boxes.tgz", files)
    result = CliRunner().invoke(main, ["show", archive, "--boxes", str(boxes)])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("fastinet: no item of")


@pytest.mark.parametrize("transform", ["none", "train", "val"])
def test_bad_images_are_crossed_tiles_and_named_on_stderr(tmp_path: Path, transform: str) -> None:
    """The others are drawn as in an archive where nothing is bad."""
    rng = np.random.default_rng(0)
    sound = {f"n01440764/n01440764_{i}.JPEG": small_jpeg(rng) for i in range(6)}
    bad = dict(sound)
    bad["n01440764/n01440764_1.JPEG"] = b"damaged"
    bad["n01440764/n01440764_4.JPEG"] = b""
    for name, members in (("sound", sound), ("bad", bad)):
        (tmp_path / f"{name}.tar").write_bytes(tar(members))
    sheets, results = [], []
    for name in ("sound", "bad"):
        sheet = tmp_path / f"{name}.png"
        path = str(tmp_path / f"{name}.tar")
        results.append(run("show", path, "-o", str(sheet), "--transform", transform))
        sheets.append(np.asarray(Image.open(sheet)))
    assert results[0].stderr.count("no picture: ") == 0
    messages = [line for line in results[1].stderr.splitlines() if "no picture: " in line]
    assert len(messages) == 2
    for message, member in zip(sorted(messages), ("_1.JPEG", "_4.JPEG"), strict=True):
        place = f"archive '{tmp_path / 'bad.tar'}', member 'n01440764/n01440764{member}', byte "
        assert place in message
    assert "gave no row" not in results[1].stderr
    assert results[1].stdout.strip().endswith("6 images, 2 of them crossed: they gave no picture")
    assert sheets[0].shape == sheets[1].shape
    changed = [
        column
        for column in range(6)
        if (sheets[0] != sheets[1])[:, 10 + column * 170 : 10 + (column + 1) * 170].any()
    ]
    assert len(changed) == 2


@pytest.mark.parametrize("transform", ["none", "val"])
def test_bad_images_have_no_frames(tmp_path: Path, transform: str) -> None:
    path = tmp_path / "train.tar"
    path.write_bytes(tar({f"n01440764/n01440764_{i}.JPEG": b"GIF89a" for i in range(2)}))
    xml = {
        f"n01440764/n01440764_{i}.xml": annotation_xml((10, 10), [("n01440764", 0, 0, 10, 10)])
        for i in range(2)
    }
    boxes = str(write_boxes(tmp_path / "boxes.tar.gz", xml))
    sheet = tmp_path / "sheet.png"
    options = ["-o", str(sheet), "--boxes", boxes, "--transform", transform]
    assert "GIF" in run("show", str(path), *options).stderr
    pixels = np.asarray(Image.open(sheet))
    assert not (pixels == np.array([255, 60, 60])).all(axis=2).any()


@pytest.mark.parametrize("transform", ["none", "train", "val"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_crossed_tile_stands_for_a_damaged_image(
    tmp_path: Path, named_pipe: Callable[[bytes], str], transform: str, streamed: bool
) -> None:
    path, rng = tmp_path / "some.tar", np.random.default_rng(0)
    images = {f"n01440764/n01440764_{number}.JPEG": small_jpeg(rng) for number in range(3)}
    damaged = {f"n01440764/n01440764_{number}.JPEG": b"GIF89a" for number in range(3, 10)}
    path.write_bytes(tar({**images, **damaged}))
    sheet = tmp_path / "sheet.png"
    result = CliRunner().invoke(
        main,
        [
            "show",
            named_pipe(path.read_bytes()) if streamed else str(path),
            "-o",
            str(sheet),
            "--transform",
            transform,
        ],
    )
    assert result.exit_code == 0
    assert result.stdout.strip() == f"{sheet}: 10 images, 7 of them crossed: they gave no picture"
    notes = [line for line in result.stderr.splitlines() if "no picture: " in line]
    assert len(notes) == 7
    assert all("member 'n01440764/n01440764_" in line and "GIF image" in line for line in notes)
    corners = (np.asarray(Image.open(sheet)) == (200, 60, 40)).all(axis=2)
    tops = corners[10 :: 160 + 2 * 14 + 10]  # the first line of pixels of each row of tiles
    assert tops.sum() == 7 * 160


def test_show_draws_the_same_images_for_the_same_seed(archive: str, tmp_path: Path) -> None:
    sheets = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("show", archive, "-o", str(tmp_path / name), "-n", "3", "--seed", str(seed))
        sheets.append((tmp_path / name).read_bytes())
    assert sheets[0] == sheets[1] != sheets[2]


def test_captions_name_class_and_file_where_they_are_known() -> None:
    classes = class_table(["n01440764", "n99999999"])
    infos = [show._info_of(label, classes) for label in (0, 1, -1, 7)]
    found = show._captions(infos, ["a/b/c.JPEG", "d.JPEG", "e/f", "g"])
    assert found == [("tench", "c.JPEG"), ("n99999999", "d.JPEG"), ("", "f"), ("", "g")]


def test_frames_lie_in_the_pixels_of_each_image() -> None:
    shares = np.array([[0, 0, 0.5, 1], [0.25, 0.5, 1, 1], [0, 0, 1, 1]], np.float32)
    boxes = fastinet.ItemBoxes(np.array([0, 2, 2, 3]), shares, np.zeros(3, np.int64))
    images = [np.zeros((h, w, 3), np.uint8) for h, w in ((10, 20), (8, 8), (30, 40))]
    frames = show._frames_of_items(boxes, np.array([2, 1, 0]), images)
    assert [frame.tolist() for frame in frames] == [
        [[0, 0, 20, 10]],
        [],
        [[0, 0, 20, 30], [10, 15, 40, 30]],
    ]


def test_originals_are_shown_as_they_are(archive: str, tmp_path: Path) -> None:
    """The sheet is the contact sheet of the decoded items that the seed draws."""
    run("show", archive, "-o", str(tmp_path / "sheet.png"), "-n", "3", "--seed", "5")
    dataset = fastinet.open(archive)
    items = np.random.default_rng(5).permutation(8)[:3].tolist()
    images = [fastinet.decode(dataset.read(item)) for item in items]
    captions = [
        (dataset.classes[dataset.labels[item]].names[0], dataset.keys[item].rpartition("/")[2])
        for item in items
    ]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert np.array_equal(np.asarray(sheet), np.asarray(contact_sheet(images, captions)))
