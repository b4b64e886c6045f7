"""Images of the published archives that are odd there too, so that a sound copy has them.

From cytsai/ilsvrc-cmyk-image-list and TensorFlow Datasets (``CMYK_IMAGES``, ``PNG_IMAGES``) for
ImageNet-1K; from DINOv2 (``image_net_22k.py``: 26 gzip-wrapped samples and one that is invalid) and
the list of files that Pillow refuses in fall11 for ImageNet-21K.
"""

from __future__ import annotations

__all__ = ["CMYK", "GZIP_WRAPPED", "INVALID", "PNG"]

CMYK = frozenset(
    [
        "n01739381_1309",
        "n02077923_14822",
        "n02447366_23489",
        "n02492035_15739",
        "n02747177_10752",
        "n03018349_4028",
        "n03062245_4620",
        "n03347037_9675",
        "n03467068_12171",
        "n03529860_11437",
        "n03544143_17228",
        "n03633091_5218",
        "n03710637_5125",
        "n03961711_5286",
        "n04033995_2932",
        "n04258138_17003",
        "n04264628_27969",
        "n04336792_7448",
        "n04371774_5854",
        "n04596742_4225",
        "n07583066_647",
        "n13037406_4650",
        "ILSVRC2012_val_00019877",
    ]
)
"""JPEGs of four components, by name without folder and extension: 22 of train and one of val."""

PNG = frozenset({"n02105855_2933"})
"""The PNG that is named .JPEG, by name without folder and extension."""

GZIP_WRAPPED = frozenset(
    [
        "n01678043_6448",
        "n01896844_997",
        "n02368116_318",
        "n02428089_710",
        "n02487347_1956",
        "n02597972_5463",
        "n03957420_30695",
        "n03957420_33553",
        "n03957420_8296",
        "n04135315_8814",
        "n04135315_9318",
        "n04257684_9033",
        "n04427559_2974",
        "n07930062_4147",
        "n09224725_3995",
        "n09359803_8155",
        "n09620794_5529",
        "n09789566_3522",
        "n09894445_7463",
        "n10175248_583",
        "n10316360_4246",
        "n10368624_12550",
        "n10585217_8484",
        "n10721819_1131",
        "n12353203_3849",
        "n12630763_8018",
    ]
)
"""JPEGs in a gzip wrapper, by name without folder and extension."""

INVALID = frozenset({"n06470073_47249"})
"""A file that is no image at all, by name without folder and extension."""
