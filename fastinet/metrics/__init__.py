"""Scores: top-k and ReaL accuracy, per class, and the devkit's flat and localisation error.

Everything here speaks in labels, the sorted-wnid index (0 to 999 for ImageNet-1K); the readers of
text files translate the devkit's ILSVRC2012_IDs::

    from fastinet import metrics

    metrics.evaluate(logits, val_labels)                    # {"top1": 0.7613, "top5": 0.92862, ...}
    metrics.evaluate(logits, metrics.real_labels("real.json"))
    guesses = metrics.read_guesses("predictions.txt")       # as submitted to the challenge
    metrics.flat_errors(guesses, val_labels)                # with 1 to 5 guesses
    truth = metrics.true_boxes(fastinet.read_boxes("ILSVRC2012_bbox_val_v3.tgz"))
    metrics.localization_errors(guesses, boxes, val_labels, truth)
    guesses, boxes = metrics.located_guesses(logits, boxes)  # [N, 4], [N, k, 4] or [N, C, 4]

ImageNet-V2 needs nothing of its own: ``evaluate`` with the labels of its folders. A model of more
classes than the evaluation has, such as one of ImageNet-5K on the validation images, is scored
among all of its classes or among those alone::

    columns = metrics.class_columns(train.classes, val.classes)
    metrics.evaluate(scores, columns[val.labels])               # 5000-way
    metrics.evaluate(scores[:, columns], val.labels)            # 1000-way
"""

from typing import TYPE_CHECKING

from fastinet.base.first_use import names_on_first_use
from fastinet.metrics.class_columns import class_columns  # whose module would hide it later

if TYPE_CHECKING:
    from fastinet.metrics.annotations import true_boxes
    from fastinet.metrics.devkit_text import (
        read_blacklist,
        read_boxes,
        read_guesses,
        read_labels,
        read_located_guesses,
    )
    from fastinet.metrics.labels import real_labels
    from fastinet.metrics.localization import (
        TrueBoxes,
        box_overlaps,
        flat_errors,
        localization_errors,
    )
    from fastinet.metrics.located import LocatedGuesses, located_guesses
    from fastinet.metrics.semantic import SemanticAccuracy, semantic_accuracy
    from fastinet.metrics.topk import Accumulator, evaluate

__all__ = [
    "Accumulator",
    "LocatedGuesses",
    "SemanticAccuracy",
    "TrueBoxes",
    "box_overlaps",
    "class_columns",
    "evaluate",
    "flat_errors",
    "localization_errors",
    "located_guesses",
    "read_blacklist",
    "read_boxes",
    "read_guesses",
    "read_labels",
    "read_located_guesses",
    "real_labels",
    "semantic_accuracy",
    "true_boxes",
]

# Public names -> the modules here that make them.
_HOMES = {
    "Accumulator": "topk",
    "LocatedGuesses": "located",
    "SemanticAccuracy": "semantic",
    "TrueBoxes": "localization",
    "box_overlaps": "localization",
    "evaluate": "topk",
    "flat_errors": "localization",
    "localization_errors": "localization",
    "located_guesses": "located",
    "read_blacklist": "devkit_text",
    "read_boxes": "devkit_text",
    "read_guesses": "devkit_text",
    "read_labels": "devkit_text",
    "read_located_guesses": "devkit_text",
    "real_labels": "labels",
    "semantic_accuracy": "semantic",
    "true_boxes": "annotations",
}

__getattr__, __dir__ = names_on_first_use(__name__, _HOMES)
