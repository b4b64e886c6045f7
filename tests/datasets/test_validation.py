"""The labels of the validation images, beside what is published of them elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from fastinet.datasets.classes import ilsvrc2012_id_of_label, imagenet1k_wnids
from fastinet.datasets.validation import VALIDATION_IMAGES, validation_labels
from fastinet.testing.bounding_boxes import FIRST_VALIDATION_BOX

# Of the first images: Caffe's val.txt, which numbers classes by sorted wnids, and the development
# kit's ILSVRC2012_validation_ground_truth.txt, which has the challenge's IDs.
CAFFE = [65, 970, 230, 809, 516, 57, 334, 415, 674, 332]
IDS = [490, 361, 171, 822, 297, 482, 13, 704, 599, 164]


def test_the_first_labels_are_those_of_other_files() -> None:
    first = validation_labels()[: len(CAFFE)]
    assert first.tolist() == CAFFE
    assert ilsvrc2012_id_of_label(first).tolist() == IDS
    # The official boxes name the class of image 1.
    assert imagenet1k_wnids()[first[0]] == FIRST_VALIDATION_BOX[0]


def test_each_class_has_fifty_images() -> None:
    labels = validation_labels()
    assert labels.shape == (VALIDATION_IMAGES,)
    assert labels.dtype == np.int64
    assert np.bincount(labels).tolist() == [50] * 1000


def test_they_are_read_once_and_cannot_be_changed() -> None:
    assert validation_labels() is validation_labels()
    with pytest.raises(ValueError, match="read-only"):
        validation_labels()[0] = 1
