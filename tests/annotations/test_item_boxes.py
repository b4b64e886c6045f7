"""Boxes by item: items find theirs by the names of their files, and given ones are checked."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support.validation_boxes import validation_files

import fastinet
from fastinet.annotations.annotation_files import parse_annotation
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes
from fastinet.testing.small import small_jpeg


def train_dataset(folder: Path, wnids: dict[str, int]) -> fastinet.Dataset:
    rng = np.random.default_rng(0)
    path = folder / "train.tar"
    path.write_bytes(
        train_tar(
            {
                wnid: {f"{wnid}_{number}.JPEG": small_jpeg(rng) for number in range(count)}
                for wnid, count in wnids.items()
            }
        )
    )
    return fastinet.open(path, index=False)


def test_items_find_their_boxes(tmp_path: Path) -> None:
    dataset = train_dataset(tmp_path, {"n02092002": 4, "n02123045": 9})
    files = {
        f"n02123045/n02123045_{number}.xml": annotation_xml(
            (200, 100), [("n02123045", number + i, 0, 100, 50) for i in range(number % 3)]
        )
        for number in range(0, 9, 2)
    }
    files["n02092002/n02092002_3.xml"] = annotation_xml((10, 10), [("dog", 1, 2, 3, 4)])
    files["n02092002/n02092002_77.xml"] = annotation_xml((10, 10), [("dog", 1, 2, 3, 4)])
    boxes = fastinet.read_boxes(write_boxes(tmp_path / "boxes.tar.gz", files))
    with pytest.warns(FastinetWarning, match="1 of 7 annotated images are not among the items"):
        of_items = boxes.of(dataset)
    assert len(of_items) == len(dataset)
    for item, key in enumerate(dataset.keys):
        rows = slice(of_items.starts[item], of_items.starts[item + 1])
        data = files.get(key.replace(".JPEG", ".xml"))
        expected = [] if data is None else parse_annotation(data).objects
        side = [10, 10] if key.startswith("n02092002") else [200, 100]
        np.testing.assert_allclose(
            of_items.boxes[rows] * (side * 2),
            np.array([box[1:] for box in expected]).reshape(-1, 4),
            rtol=1e-6,
        )
        assert (of_items.labels[rows] == dataset.labels[item]).all()
    chosen = dataset.select([12, 3])
    with pytest.warns(FastinetWarning, match="5 of 7"):
        of_chosen = boxes.of(chosen)
    assert np.diff(of_chosen.starts).tolist() == [2, 1]


def test_keys_of_every_shape_find_their_boxes(tmp_path: Path) -> None:
    """Flat members with the class behind the name, as the Hugging Face mirror has them."""
    rng = np.random.default_rng(0)
    path = tmp_path / "flat.tar"
    names = ["n02123045_1_n02123045.JPEG", "a.b/n02123045_12_n02123045.JPEG", "n02123045_7.JPEG"]
    path.write_bytes(tar({name: small_jpeg(rng) for name in names}))
    dataset = fastinet.open(path, split="all", index=False)
    files = {
        f"n02123045/n02123045_{number}.xml": annotation_xml((10, 10), [("x", 0, 0, number, 10)])
        for number in (1, 7)
    }
    boxes = fastinet.read_boxes(write_boxes(tmp_path / "boxes.tar.gz", files))
    by_key = dict(zip(dataset.keys, np.diff(boxes.of(dataset).starts).tolist(), strict=True))
    assert by_key == dict(zip(names, [1, 0, 1], strict=True))


def test_boxes_of_a_class_that_the_dataset_lacks(tmp_path: Path) -> None:
    dataset = train_dataset(tmp_path, {"n02092002": 2})
    files = {"n02123045/n02092002_1.xml": annotation_xml((10, 10), [("dog", 1, 2, 3, 4)])}
    boxes = fastinet.read_boxes(write_boxes(tmp_path / "boxes.tar.gz", files))
    with pytest.warns(FastinetWarning, match="1 boxes are of no class of the dataset"):
        assert boxes.of(dataset).labels.tolist() == [-1]


def test_the_wrong_archive_is_refused(tmp_path: Path) -> None:
    dataset = train_dataset(tmp_path, {"n02092002": 2})
    boxes = fastinet.read_boxes(write_boxes(tmp_path / "bbox_val.tgz", validation_files()))
    with pytest.raises(ValueError, match=r"train\.tar.*bbox_val\.tgz.*ILSVRC2012_val_00000001"):
        boxes.of(dataset)


@pytest.mark.parametrize(
    ("starts", "boxes", "labels", "cause"),
    [
        ([1, 2], [[0, 0, 1, 1]], [0], "begin with 0"),
        ([0, 2, 1], [[0, 0, 1, 1]], [0], "never fall"),
        ([0, 2], [[0, 0, 1, 1]], [0], "starts ends at 2"),
        ([0, 1], [[0, 0, 1, 1]], [0, 1], "starts ends at 1"),
        ([0, 1], [[0, 0, 1.5, 1]], [0], "from 0 to 1"),
        ([0, 1], [[0.5, 0, 0.5, 1]], [0], "xmin < xmax"),
        ([0, 1], [[np.nan, 0, 0.5, 1]], [0], "box 0 is"),
    ],
)
def test_item_boxes_are_checked(
    starts: list[int], boxes: list[list[float]], labels: list[int], cause: str
) -> None:
    with pytest.raises(ValueError, match=cause):
        fastinet.ItemBoxes(np.array(starts), np.array(boxes), np.array(labels))
