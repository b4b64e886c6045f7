"""Writes archives of bounding boxes like the official ones, and with what is wrong in them."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from xml.sax.saxutils import escape

from fastinet.testing.archives import RECORD_BYTES, extract, tar

if TYPE_CHECKING:
    import os
    from collections.abc import Mapping, Sequence

__all__ = ["FIRST_VALIDATION_BOX", "annotation_xml", "odd_annotations", "write_boxes"]

Form = Literal["tar.gz", "tar", "zip", "folder"]

Object = tuple[str, float, float, float, float]
"""Name, xmin, ymin, xmax, ymax."""

FIRST_VALIDATION_BOX = ("n01751748", 111, 108, 441, 193)
"""The box of ILSVRC2012_val_00000001, an image of 500 x 375 pixels, in the official archive."""


def annotation_xml(
    size: tuple[int, int] | None,
    objects: Sequence[Object] = (),
    *,
    filename: str = "%s",
    folder: str = "val",
) -> bytes:
    """An annotation with the elements of the official ones.

    Args:
        size: (width, height) of the annotated image; None leaves the element out.
        objects: name and corners of each.
        filename: without extension; in some of the official files literally "%s".
        folder: as the file states it.
    """
    lines = [
        "<annotation>",
        f"\t<folder>{escape(folder)}</folder>",
        f"\t<filename>{escape(filename)}</filename>",
        "\t<source>\n\t\t<database>ILSVRC_2012</database>\n\t</source>",
    ]
    if size is not None:
        width, height = size
        lines.append(
            f"\t<size>\n\t\t<width>{width}</width>\n\t\t<height>{height}</height>\n"
            "\t\t<depth>3</depth>\n\t</size>"
        )
    lines.append("\t<segmented>0</segmented>")
    for name, xmin, ymin, xmax, ymax in objects:
        lines.append(
            f"\t<object>\n\t\t<name>{escape(name)}</name>\n\t\t<pose>Unspecified</pose>\n"
            "\t\t<truncated>0</truncated>\n\t\t<difficult>0</difficult>\n\t\t<bndbox>\n"
            f"\t\t\t<xmin>{xmin}</xmin>\n\t\t\t<ymin>{ymin}</ymin>\n"
            f"\t\t\t<xmax>{xmax}</xmax>\n\t\t\t<ymax>{ymax}</ymax>\n\t\t</bndbox>\n\t</object>"
        )
    return ("\n".join([*lines, "</annotation>"]) + "\n").encode()


def odd_annotations() -> dict[str, bytes]:
    """Files by name with everything that the official archives get wrong, one thing each.

    Where nothing else is said, the box is 50, 25, 150, 75 in an image of 200 x 100 pixels.
    """
    plain = ("n02123045", 50, 25, 150, 75)
    beyond, outside = ("n03127925", 50, 25, 260, 140), ("n03127925", 210, 5, 260, 40)
    no_number = ("n02123045", float("nan"), 0, 1, 1)
    return {
        # A box beyond the image: n03127925_147.xml is an official one.
        "n03127925/n03127925_147.xml": annotation_xml((200, 100), [beyond]),
        # Nothing of the box is inside.
        "n03127925/n03127925_148.xml": annotation_xml((200, 100), [outside]),
        "n02123045/n02123045_1.xml": annotation_xml((200, 100), [("n02123045", 150, 75, 50, 25)]),
        # The literal "%s" in place of the name.
        "n02123045/n02123045_2.xml": annotation_xml((200, 100), [plain], filename="%s"),
        # The annotated size is half of the image's.
        "n02123045/n02123045_3.xml": annotation_xml((100, 50), [("n02123045", 25, 12.5, 75, 37.5)]),
        "n02092002/n02092002_9.xml": annotation_xml(
            (200, 100), [("Scottish_deerhound", 50, 25, 150, 75)]
        ),
        # The file's prefix is another synset than its folder.
        "n06470073/n00141669_6790.xml": annotation_xml(
            (200, 100), [("n00141669", 50, 25, 150, 75)]
        ),
        # No size, no number, no XML, nothing: files that are skipped, and a box that is dropped.
        "n02123045/n02123045_4.xml": annotation_xml((0, 100), [plain]),
        "n02123045/n02123045_5.xml": annotation_xml(None, [plain]),
        "n02123045/n02123045_6.xml": b"<annotation><size>",
        "n02123045/n02123045_7.xml": annotation_xml((200, 100), [plain, no_number]),
        "n02123045/n02123045_8.xml": annotation_xml((200, 100)),
        # What macOS puts beside files, and what is no annotation at all.
        "n02123045/._n02123045_1.xml": b"\0\5\x16\7\0\2\0\0Mac OS X",
        "readme.txt": b"Bounding boxes, made by fastinet.testing.\n",
    }


def write_boxes(
    path: str | os.PathLike[str], files: Mapping[str, bytes], *, form: Form = "tar.gz"
) -> Path:
    """Writes annotation files as an archive.

    Args:
        path: file, or folder, to write. The name may say otherwise than `form`, as in the wild.
        files: contents by name: ``n01440764/n01440764_10026.xml`` as in bbox_train_v2,
            ``val/ILSVRC2012_val_00000001.xml`` as in bbox_val_v3.
        form: how they are packed: "tar.gz" (train, val), "zip" (the dogs' test boxes), "tar" (as
            people pack them again), "folder".

    Returns:
        ``path``.
    """
    path = Path(path)
    if form == "folder":
        return extract(files, path)
    if form == "zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    packed = tar(files, record_bytes=RECORD_BYTES)
    path.write_bytes(gzip.compress(packed, mtime=0) if form == "tar.gz" else packed)
    return path
