"""fastinet: the fastest way from an official ImageNet archive to a training batch.

Nothing is unpacked and nothing re-encoded::

    import fastinet

    ds = fastinet.open("ILSVRC2012_img_train.tar")
    loader = fastinet.Loader(ds, 256, fastinet.RandomResizedCrop(224), shuffle=True, seed=0)
    for images, labels in loader:  # uint8 [B, 224, 224, 3], int64 [B]
        ...
"""

from typing import TYPE_CHECKING, Any

from fastinet.base.interpreters import refuse_subinterpreter

refuse_subinterpreter()  # before NumPy and the compiled modules, which some import hangs in

from fastinet.base.first_use import names_on_first_use
from fastinet.build_info import build_info  # whose module would hide it later

if TYPE_CHECKING:  # imported when they are first used
    from fastinet import augment, errors, metrics, mixing, recipes
    from fastinet.annotations.bounding_boxes import Boxes, read_boxes
    from fastinet.annotations.item_boxes import ItemBoxes
    from fastinet.annotations.objects import Objects
    from fastinet.annotations.relabel import ItemLabelMaps, LabelMaps, open_label_maps
    from fastinet.annotations.semantic_tree import SemanticTree, read_semantic_tree
    from fastinet.augment.operations import ColorJitter
    from fastinet.base.limits import Limits, limits
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

# Public names -> the modules below this one where they are made.
_HOMES = {
    "Batch": "loading.batch",
    "Boxes": "annotations.bounding_boxes",
    "CenterCrop": "pixels.transforms",
    "ColorJitter": "augment.operations",
    "Dataset": "items.dataset",
    "Duplicates": "items.duplicates",
    "ImageHeader": "pixels.codec",
    "ItemBoxes": "annotations.item_boxes",
    "ItemLabelMaps": "annotations.relabel",
    "LabelMaps": "annotations.relabel",
    "Limits": "base.limits",
    "Loader": "loading.loader",
    "MultiCrop": "pixels.view_groups",
    "Objects": "annotations.objects",
    "RandomCrop": "pixels.transforms",
    "RandomResizedCrop": "pixels.transforms",
    "Resize": "pixels.transforms",
    "SameCrop": "pixels.view_groups",
    "SemanticTree": "annotations.semantic_tree",
    "SizePerBatch": "loading.size_per_batch",
    "Stream": "items.stream",
    "StreamLoader": "loading.stream_loader",
    "Then": "loading.then",
    "View": "pixels.view_groups",
    "apply_steps": "pixels.codec",
    "concatenate": "items.concatenation",
    "decode": "pixels.codec",
    "decode_batch": "pixels.codec",
    "find_duplicates": "items.duplicates",
    "imagenet5k": "items.imagenet_5k",
    "limits": "base.limits",
    "open": "items.opening",
    "open_label_maps": "annotations.relabel",
    "open_stream": "items.opening",
    "read_boxes": "annotations.bounding_boxes",
    "read_header": "pixels.codec",
    "read_semantic_tree": "annotations.semantic_tree",
    "recipe": "recipes",
    "verify": "verification",
}

_MODULES = ("augment", "errors", "jax", "keras", "metrics", "mixing", "recipes", "torch")

_first_use, __dir__ = names_on_first_use(__name__, {**_HOMES, **dict.fromkeys(_MODULES, "")})


def __getattr__(name: str) -> Any:
    """``__version__``, and public names, which are imported when they are first used."""
    if name == "__version__":
        return build_info()["version"]
    return _first_use(name)
