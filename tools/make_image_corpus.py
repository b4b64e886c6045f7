"""Writes the images, Exif blocks and JSON texts that fuzzers start from: one for each kind.

    python tools/make_image_corpus.py [folder]        (csrc/fuzz/corpus)

They are committed, so that `make cpptest` replays them. Another Pillow may encode the same pixels
to other bytes, so nothing holds them to this script. What stands before each image are the choices
that its fuzzer takes first; zeros ask for the simplest.
"""

from __future__ import annotations

import gzip
import io
import json
import struct
import sys
from pathlib import Path
from typing import Any

from PIL import Image

CORPUS = Path(__file__).resolve().parent.parent / "csrc" / "fuzz" / "corpus"

RAW = b"\x01"  # the file itself follows, and no recipe


def picture(mode: str, width: int = 24, height: int = 17) -> Image.Image:
    """Stripes and gradients."""
    image = Image.new("RGB", (width, height))
    for x in range(width):
        for y in range(height):
            image.putpixel(
                (x, y), (x * 10 % 256, y * 15 % 256, 200 if (x // 4 + y // 4) % 2 else 30)
            )
    return image.convert(mode)


def encoded(image: Image.Image, form: str, **options: Any) -> bytes:
    """The image's bytes."""
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def tiff(orientation: int, order: str) -> bytes:
    """An Exif block with two tags."""
    mark = b"MM" if order == ">" else b"II"
    entries = struct.pack(f"{order}HHII", 0x0100, 4, 1, 24)
    entries += struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    return mark + struct.pack(f"{order}HIH", 42, 8, 2) + entries + bytes(4)


def jpegs() -> dict[str, bytes]:
    """Name -> a JPEG."""
    rgb = picture("RGB")
    plain = encoded(rgb, "JPEG", quality=60)
    exif = b"Exif\0\0" + tiff(6, ">")
    xmp = b'http://ns.adobe.com/xap/1.0/\0<x tiff:Orientation="3"/>'

    def with_app1(content: bytes) -> bytes:
        return plain[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(content)) + content + plain[2:]

    return {
        "plain": plain,
        "grey": encoded(picture("L"), "JPEG", quality=60),
        "cmyk": encoded(picture("CMYK"), "JPEG", quality=60),
        "full_chroma": encoded(rgb, "JPEG", quality=60, subsampling=0),
        "half_chroma": encoded(rgb, "JPEG", quality=60, subsampling=1),
        "restarts": encoded(rgb, "JPEG", quality=60, restart_marker_blocks=1),
        "optimized": encoded(rgb, "JPEG", quality=60, optimize=True),
        "progressive": encoded(rgb, "JPEG", quality=60, progressive=True),
        "rgb": encoded(rgb, "JPEG", quality=60, keep_rgb=True),
        "exif": with_app1(exif),
        "xmp": with_app1(xmp),
        "comment": encoded(rgb, "JPEG", quality=60, comment=b"a comment"),
        "two": plain + plain,
        "cut": plain[:-40],
    }


def pngs() -> dict[str, bytes]:
    """Name -> a PNG."""
    grey16 = Image.new("I;16", (9, 5), 300)
    palette = picture("RGB").quantize(7)
    return {
        "rgb": encoded(picture("RGB"), "PNG"),
        "grey": encoded(picture("L"), "PNG"),
        "bits": encoded(picture("1"), "PNG"),
        "palette": encoded(palette, "PNG"),
        "clear_palette": encoded(palette, "PNG", transparency=2),
        "alpha": encoded(picture("RGBA"), "PNG"),
        "grey_alpha": encoded(picture("LA"), "PNG"),
        "grey16": encoded(grey16, "PNG"),
        "exif": encoded(picture("RGB"), "PNG", exif=tiff(8, "<")),
    }


def texts() -> dict[str, bytes]:
    """Name -> a JSON text."""
    values = {
        "header": {"family": "folders", "splits": [["train", ["n01440764"]]], "rules": 3},
        "numbers": [0, -1, 18446744073709551615, 1.5e-7, True, None],
        "names": ['\u00e4 \U0001f600 \udcff " \\ \n', ""],
        "nested": [[[[[]]]], {"a": {"b": {}}}],
    }
    return {name: json.dumps(value).encode("ascii") for name, value in values.items()}


def folders() -> dict[str, dict[str, bytes]]:
    """Folder -> file name -> bytes."""
    images = {f"{name}.jpg": data for name, data in jpegs().items()}
    png_files = {f"{name}.png": data for name, data in pngs().items()}
    blocks = {
        f"{order_name}.tif": tiff(5, order)
        for order_name, order in (("motorola", ">"), ("intel", "<"))
    }
    wrapped = {"wrapped.gz": gzip.compress(jpegs()["grey"], mtime=0)}

    def behind(choices: bytes, files: dict[str, bytes]) -> dict[str, bytes]:
        return {name: choices + data for name, data in files.items()}

    return {
        "jpeg": behind(RAW + bytes(8), images),
        "jpeg_header": {**behind(RAW + bytes(2), images), **behind(bytes(3), blocks)},
        "png": behind(RAW + bytes(24), png_files),
        "item": behind(RAW + bytes(range(1, 49)), {**images, **png_files, **wrapped}),
        "json": {f"{name}.json": text for name, text in texts().items()},
    }


def main() -> None:
    """Writes the corpora."""
    corpus = Path(sys.argv[1]) if len(sys.argv) > 1 else CORPUS
    for folder, files in folders().items():
        (corpus / folder).mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (corpus / folder / name).write_bytes(data)


if __name__ == "__main__":
    main()
