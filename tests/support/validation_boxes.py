"""Annotations of two validation images."""

from __future__ import annotations

from fastinet.testing.bounding_boxes import FIRST_VALIDATION_BOX, annotation_xml

WNID = "n01751748"


def validation_files() -> dict[str, bytes]:
    return {
        "val/ILSVRC2012_val_00000002.xml": annotation_xml((500, 333), [(WNID, 1, 2, 499, 333)]),
        "val/ILSVRC2012_val_00000001.xml": annotation_xml((500, 375), [FIRST_VALIDATION_BOX]),
    }
