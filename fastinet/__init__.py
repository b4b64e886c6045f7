"""fastinet: the fastest way from an official ImageNet archive to a training batch.

Nothing is unpacked and nothing re-encoded::

    import fastinet

    ds = fastinet.open("ILSVRC2012_img_train.tar")
    loader = fastinet.Loader(ds, 256, fastinet.RandomResizedCrop(224), shuffle=True, seed=0)
    for images, labels in loader:  # uint8 [B, 224, 224, 3], int64 [B]
        ...
"""

import importlib
from typing import Any

from fastinet.base.interpreters import refuse_subinterpreter

refuse_subinterpreter()  # before NumPy and the compiled modules, which some import hangs in

from fastinet import augment, errors, metrics, mixing, recipes
from fastinet.annotations.bounding_boxes import Boxes, read_boxes
from fastinet.annotations.item_boxes import ItemBoxes
from fastinet.annotations.objects import Objects
from fastinet.annotations.relabel import ItemLabelMaps, LabelMaps, open_label_maps
from fastinet.annotations.semantic_tree import SemanticTree, read_semantic_tree
from fastinet.augment.operations import ColorJitter
from fastinet.base.limits import Limits, limits
from fastinet.build_info import build_info
from fastinet.items.concatenation import concatenate
from fastinet.items.dataset import Dataset
from fastinet.items.duplicates import Duplicates, find_duplicates
from fastinet.items.imagenet_5k import imagenet5k
from fastinet.items.opening import open, open_stream  # noqa: A004  # read as fastinet.open
from fastinet.items.stream import Stream
from fastinet.loading.batch import Batch
from fastinet.loading.loader import Loader
from fastinet.loading.size_per_batch import SizePerBatch
from fastinet.loading.stream_loader import StreamLoader
from fastinet.loading.then import Then
from fastinet.pixels.codec import ImageHeader, apply_steps, decode, decode_batch, read_header
from fastinet.pixels.transforms import CenterCrop, RandomCrop, RandomResizedCrop, Resize
from fastinet.pixels.view_groups import MultiCrop, SameCrop, View
from fastinet.recipes import recipe
from fastinet.verification import verify

__all__ = [
    "Batch",
    "Boxes",
    "CenterCrop",
    "ColorJitter",
    "Dataset",
    "Duplicates",
    "ImageHeader",
    "ItemBoxes",
    "ItemLabelMaps",
    "LabelMaps",
    "Limits",
    "Loader",
    "MultiCrop",
    "Objects",
    "RandomCrop",
    "RandomResizedCrop",
    "Resize",
    "SameCrop",
    "SemanticTree",
    "SizePerBatch",
    "Stream",
    "StreamLoader",
    "Then",
    "View",
    "apply_steps",
    "augment",
    "build_info",
    "concatenate",
    "decode",
    "decode_batch",
    "errors",
    "find_duplicates",
    "imagenet5k",
    "limits",
    "metrics",
    "mixing",
    "open",
    "open_label_maps",
    "open_stream",
    "read_boxes",
    "read_header",
    "read_semantic_tree",
    "recipe",
    "recipes",
    "verify",
]


def __getattr__(name: str) -> Any:
    """``__version__``, and the modules for frameworks, which are imported when first named."""
    if name == "__version__":
        return build_info()["version"]
    if name in ("jax", "keras", "torch"):
        return importlib.import_module(f"fastinet.{name}")
    raise AttributeError(f"module 'fastinet' has no attribute {name!r}")
