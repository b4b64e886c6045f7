"""Encodes synthetic photographs with sizes, qualities and chroma samplings as ImageNet has them.

The shares come from the headers of 1,000 real ImageNet-1K JPEGs. Two thirds of the training set
are photographs that were scaled to a longer side of 500 pixels and saved at quality 96 without
chroma subsampling; the rest came from the web as it was. 98 % carry Huffman tables of their own.
"""

from __future__ import annotations

import dataclasses
import gzip
import io
import struct
from typing import TYPE_CHECKING, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Mapping

Pixels = NDArray[np.uint8]
T = TypeVar("T")
Sampling = Literal["4:4:4", "4:2:2", "4:2:0", "4:4:0", "grey", "cmyk", "ycck"]

_PILLOW_SUBSAMPLING = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}


@dataclasses.dataclass(frozen=True)
class Encoding:
    """How a picture is encoded: format, quality, sampling, tables, extra segments."""

    quality: int = 96
    sampling: Sampling = "4:4:4"
    optimised: bool = True  # Huffman tables of its own
    progressive: bool = False
    restart_rows: int = 0  # MCU rows between restart markers; 0: none
    metadata_bytes: int = 0  # of XMP, which pads itself with blanks
    comment: bytes = b""
    png: bool = False  # a PNG, whatever the member is called
    gzipped: bool = False  # the file wrapped in gzip


ODD_ENCODINGS: dict[str, Encoding] = {
    "cmyk": Encoding(quality=90, sampling="cmyk"),
    "ycck": Encoding(quality=90, sampling="ycck"),
    "progressive": Encoding(quality=88, sampling="4:2:0", progressive=True),
    "restart": Encoding(quality=90, sampling="4:2:0", restart_rows=2),
    "4:4:0": Encoding(quality=85, sampling="4:4:0"),
    "png": Encoding(png=True),
    "gzip": Encoding(gzipped=True),
}
"""Encodings that are rare (or absent) in ImageNet-1K but legal in its archives, by name."""


def draw_style(rng: np.random.Generator) -> tuple[int, int, Encoding]:
    """Draws (width, height, encoding) of one file with the shares of the real training set."""
    family = _draw(rng, {"scaled": 67.3, "web": 11.1, "web subsampled": 19.3, "grey": 2.3})
    if family == "scaled" or (family == "grey" and rng.random() < 0.7):
        longer, quality = 500, 96
        sampling: Sampling = _draw(rng, {"4:4:4": 97, "4:2:0": 3}) if family == "scaled" else "grey"
    else:
        longer = int(np.clip(rng.lognormal(np.log(430), 0.48), 120, 1024))
        if rng.random() < 0.03:  # straight from the camera, more or less
            longer = int(rng.integers(1024, 1800))
        quality, sampling = _draw_web_quality(rng, family)
    width, height = _draw_shape(rng, longer)
    encoding = Encoding(
        quality=quality,
        sampling=sampling,
        optimised=bool(rng.random() >= 0.021),
        metadata_bytes=int(rng.lognormal(np.log(2600), 0.8)) if rng.random() < 0.35 else 0,
        comment=b"A synthetic photograph of fastinet" if rng.random() < 0.075 else b"",
    )
    return width, height, encoding


def _draw_web_quality(rng: np.random.Generator, family: str) -> tuple[int, Sampling]:
    if family == "web subsampled":
        sampling: Sampling = _draw(rng, {"4:2:0": 93.5, "4:2:2": 6, "4:4:0": 0.5})
        shares = {35: 1, 60: 4, 70: 10, 75: 29, 80: 14, 85: 18, 90: 12, 92: 7, 95: 3, 100: 2}
    else:
        sampling = "grey" if family == "grey" else "4:4:4"
        shares = {76: 2, 80: 22, 86: 26, 90: 15, 92: 14, 94: 12, 99: 9}
    return _draw(rng, shares), sampling


def _draw(rng: np.random.Generator, shares: Mapping[T, float]) -> T:
    """One of the keys, as often as its share of their sum says."""
    weights = np.array(list(shares.values()))
    return list(shares)[rng.choice(len(weights), p=weights / weights.sum())]


def _draw_shape(rng: np.random.Generator, longer: int) -> tuple[int, int]:
    """(width, height) with the longer side given; 4:3 and 3:2 lead, one in four is upright."""
    aspect = _draw(rng, {1.0: 3, 4 / 3: 42, 1.5: 27, 0.0: 28}) or rng.triangular(1.0, 1.36, 1.9)
    shorter = round(longer / aspect) - int(rng.random() < 0.15)
    return (shorter, longer) if rng.random() < 0.26 else (longer, shorter)


def encode(pixels: Pixels, encoding: Encoding) -> bytes:
    """Encodes RGB `pixels` [H, W, 3] uint8 as `encoding` says."""
    if encoding.png:
        data = _encode_png(pixels)
    elif encoding.sampling == "4:4:0":
        data = _encode_440(pixels, encoding)
    else:
        data = _with_colour_transform(_save_jpeg(_in_mode(pixels, encoding), encoding), encoding)
    # A fixed time stamp, so that the same photograph is the same bytes.
    return gzip.compress(data, mtime=0) if encoding.gzipped else data


def _save_jpeg(image: Image.Image, encoding: Encoding) -> bytes:
    options: dict[str, object] = {"restart_marker_rows": encoding.restart_rows}
    if encoding.sampling in _PILLOW_SUBSAMPLING:
        options["subsampling"] = _PILLOW_SUBSAMPLING[encoding.sampling]
    if encoding.metadata_bytes:
        options["xmp"] = _xmp_packet(encoding.metadata_bytes)
    if encoding.comment:
        options["comment"] = encoding.comment
    out = io.BytesIO()
    image.save(
        out,
        "JPEG",
        quality=encoding.quality,
        optimize=encoding.optimised,
        progressive=encoding.progressive,
        **options,
    )
    return out.getvalue()


def _in_mode(pixels: Pixels, encoding: Encoding) -> Image.Image:
    """`pixels` in the colour space that the file stores."""
    image = Image.fromarray(pixels)
    if encoding.sampling == "grey":
        return image.convert("L")
    if encoding.sampling == "cmyk":
        return _merged("CMYK", _separate(pixels))
    if encoding.sampling == "ycck":
        # YCCK is CMYK whose CMY went through the matrix that makes YCbCr of RGB; libjpeg's inverse
        # gives their complement (jdcolor.c), which is how Adobe's files store ink. Pillow inverts
        # all that it writes, so the planes go in inverted.
        separated = _separate(pixels)
        luma_chroma = 255 - np.asarray(Image.fromarray(separated[..., :3]).convert("YCbCr"))
        return _merged("CMYK", np.concatenate([luma_chroma, separated[..., 3:]], axis=-1))
    return image


def _separate(pixels: Pixels) -> Pixels:
    """CMYK [H, W, 4] with half of the grey component moved to the black plate, as printers do."""
    cmy = 255 - pixels.astype(np.int32)
    black = cmy.min(axis=-1, keepdims=True) // 2
    ink = (cmy - black) * 255 // (255 - black)
    plates: Pixels = np.concatenate([ink, black], axis=-1).astype(np.uint8)
    return plates


def _merged(mode: str, planes: Pixels) -> Image.Image:
    """An image of `mode` from its planes [H, W, C]."""
    bands = [Image.fromarray(planes[..., band]) for band in range(planes.shape[-1])]
    return Image.merge(mode, bands)


def _with_colour_transform(jpeg: bytes, encoding: Encoding) -> bytes:
    """Marks a four-component file as YCCK in its Adobe segment (transform 2), where it is one."""
    if encoding.sampling != "ycck":
        return jpeg
    adobe = jpeg.index(b"\xff\xee\x00\x0eAdobe")
    transform = adobe + 15  # marker 2, length 2, "Adobe" 5, version 2, flags 4
    return jpeg[:transform] + b"\x02" + jpeg[transform + 1 :]


def _encode_440(pixels: Pixels, encoding: Encoding) -> bytes:
    """4:4:0, which Pillow does not write: a 4:2:2 file whose blocks are laid out anew.

    An MCU of 4:2:2 holds luma blocks left and right, one of 4:4:0 above and below; the coded
    stream is the same. So the lower 8x8 block of each 8x16 tile is moved beside the upper one,
    encoded as 4:2:2, and the frame header corrected. Chroma is averaged over pairs of rows first
    and doubled along the row, where the encoder averages it again, to itself.
    """
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -height % 16), (0, -width % 8), (0, 0)), mode="edge")
    planes = np.asarray(Image.fromarray(padded).convert("YCbCr"))
    rows, columns = planes.shape[0] // 16, planes.shape[1] // 8
    tiles = planes.reshape(rows, 2, 8, columns, 8, 3)
    luma = tiles[..., 0].transpose(0, 2, 3, 1, 4).reshape(rows * 8, columns * 16)
    pairs = planes[..., 1:].reshape(rows * 8, 2, columns * 8, 2).astype(np.uint16)
    chroma = ((pairs.sum(axis=1) + 1) // 2).astype(np.uint8).repeat(2, axis=1)
    relaid = np.concatenate([luma[..., None], chroma], axis=-1)
    as_422 = dataclasses.replace(encoding, sampling="4:2:2")
    jpeg = bytearray(_save_jpeg(_merged("YCbCr", relaid), as_422))
    frame = _find_segment(jpeg, 0xC0)
    # SOF0: marker 2, length 2, precision 1, height 2, width 2, count 1, then id, sampling, table.
    jpeg[frame + 5 : frame + 9] = struct.pack(">HH", height, width)
    jpeg[frame + 11] = 0x12
    return bytes(jpeg)


def _find_segment(jpeg: bytes | bytearray, code: int) -> int:
    """Position of the first marker segment with `code`."""
    position = 2
    while jpeg[position + 1] != code:
        position += 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
    return position


def _encode_png(pixels: Pixels) -> bytes:
    """An RGBA PNG that is opaque all over, like the one in ImageNet (n02105855_2933.JPEG)."""
    out = io.BytesIO()
    Image.fromarray(pixels).convert("RGBA").save(out, "PNG", compress_level=6)
    return out.getvalue()


def _xmp_packet(size: int) -> bytes:
    """An XMP packet of about `size` bytes, most of it the padding that XMP prescribes."""
    head = (
        b'<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
    )
    return head + b" " * max(0, size - len(head)) + b'<?xpacket end="w"?>'
