"""True boxes from the validation images' annotations."""

from __future__ import annotations

from pathlib import Path

import pytest

import fastinet
from fastinet import metrics
from fastinet.datasets.classes import imagenet1k_wnids
from fastinet.errors import FastinetWarning
from fastinet.testing.bounding_boxes import FIRST_VALIDATION_BOX, annotation_xml, write_boxes


def validation_boxes(folder: Path, files: dict[str, bytes]) -> fastinet.Boxes:
    return fastinet.read_boxes(write_boxes(folder / "bbox_val_v3.tgz", files))


def test_true_boxes_from_annotations(tmp_path: Path) -> None:
    files = {
        "val/ILSVRC2012_val_00000003.xml": annotation_xml(
            (500, 375), [("n01440764", 9, 8, 4, 700), ("n00007846", 1, 2, 3, 4)]
        ),
        "val/ILSVRC2012_val_00000001.xml": annotation_xml((500, 375), [FIRST_VALIDATION_BOX]),
    }
    with pytest.warns(FastinetWarning, match="swapped"):
        boxes = validation_boxes(tmp_path, files)
    truth = metrics.true_boxes(boxes)
    assert truth.images == 3
    assert truth.image.tolist() == [0, 2, 2]
    assert truth.label.tolist() == [imagenet1k_wnids().index("n01751748"), 0, -1]
    assert truth.box.tolist() == [[111, 108, 441, 193], [9, 8, 4, 700], [1, 2, 3, 4]]
    assert metrics.true_boxes(boxes, 50_000).images == 50_000
    with pytest.raises(ValueError, match="boxes of image 3, there are 2 images"):
        metrics.true_boxes(boxes, 2)


@pytest.mark.parametrize(
    ("key", "cause"),
    [
        ("n01440764_1", "other than validation images: 'n01440764_1'"),
        ("ILSVRC2012_val_x", "has no number"),
        ("ILSVRC2012_val_00000000", "has no number"),
    ],
)
def test_boxes_of_other_images_are_no_truth(tmp_path: Path, key: str, cause: str) -> None:
    files = {f"val/{key}.xml": annotation_xml((9, 9), [("n01440764", 1, 2, 3, 4)])}
    with pytest.raises(ValueError, match=cause):
        metrics.true_boxes(validation_boxes(tmp_path, files))
