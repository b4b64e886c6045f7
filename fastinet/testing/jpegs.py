"""JPEGs that Pillow does not write, made from those that it does, segment by segment.

Any sampling of any components can be had from grey JPEGs, one a component. Their scans may follow
each other in one file as they are (T.81 A.2.2, non-interleaved order); to interleave them, blocks
are taken apart into their DC differences and the bits of their AC coefficients, and put together in
the order of A.2.3.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Segment",
    "assemble",
    "exif_block",
    "parse",
    "sampled",
    "with_adobe_transform",
    "with_segment",
    "with_wide_tables",
    "xmp_packet",
]

Factors = tuple[int, int]
"""Sampling factors of a component: horizontal, vertical."""

SOF0, SOF2, DHT, SOI, EOI, SOS, DQT = 0xC0, 0xC2, 0xC4, 0xD8, 0xD9, 0xDA, 0xDB
APP0, APP1, APP14 = 0xE0, 0xE1, 0xEE


@dataclass(frozen=True)
class Segment:
    """A marker segment, and after an SOS the entropy-coded bytes that follow it."""

    code: int
    payload: bytes
    scan: bytes = b""


def parse(jpeg: bytes) -> list[Segment]:
    """The segments between SOI and EOI."""
    segments = []
    position = 2
    while jpeg[position + 1] != EOI:
        code = jpeg[position + 1]
        end = position + 2 + int.from_bytes(jpeg[position + 2 : position + 4], "big")
        payload = jpeg[position + 4 : end]
        position = end
        if code == SOS:
            # Within a scan, FF is followed by 00 or is a restart marker.
            while jpeg[position] != 0xFF or jpeg[position + 1] == 0 or 0 <= jpeg[position + 1] - 0xD0 < 8:
                position += 1
        segments.append(Segment(code, payload, jpeg[end:position]))
    return segments


def assemble(segments: Sequence[Segment]) -> bytes:
    """A JPEG of these segments."""
    parts = [b"\xff\xd8"]
    for segment in segments:
        parts.append(struct.pack(">BBH", 0xFF, segment.code, len(segment.payload) + 2))
        parts += [segment.payload, segment.scan]
    return b"".join(parts) + b"\xff\xd9"


def with_segment(jpeg: bytes, code: int, payload: bytes) -> bytes:
    """`jpeg` with one more segment at its beginning."""
    return jpeg[:2] + assemble([Segment(code, payload)])[2:-2] + jpeg[2:]


def with_adobe_transform(jpeg: bytes, transform: int | None) -> bytes:
    """`jpeg` with an Adobe segment that says `transform`, in place of APP0 and APP14; None: neither."""
    segments = [segment for segment in parse(jpeg) if segment.code not in (APP0, APP14)]
    if transform is not None:
        segments.insert(0, Segment(APP14, b"Adobe\0\x64" + bytes(4) + bytes([transform])))
    return assemble(segments)


def with_wide_tables(jpeg: bytes) -> bytes:
    """`jpeg` with the same quantisation steps in 16 bits (T.81 B.2.4.1, Pq = 1)."""
    segments = []
    for segment in parse(jpeg):
        if segment.code != DQT:
            segments.append(segment)
            continue
        for at in range(0, len(segment.payload), 65):
            steps = segment.payload[at + 1 : at + 65]
            wide = bytes([0x10 | segment.payload[at]]) + struct.pack(">64H", *steps)
            segments.append(Segment(DQT, wide))
    return assemble(segments)


def exif_block(orientation: int, *, big_endian: bool = False, type: int = 3) -> bytes:  # noqa: A002
    """A TIFF structure with a make and an orientation; `type` 3 is SHORT, 4 is LONG."""
    order = ">" if big_endian else "<"
    value = struct.pack(order + {3: "HH", 4: "L"}[type], *([orientation, 0] if type == 3 else [orientation]))
    make = struct.pack(order + "HHL4s", 0x010F, 2, 4, b"me!\0")
    entry = struct.pack(order + "HHL", 0x0112, type, 1) + value
    header = (b"MM\0*" if big_endian else b"II*\0") + struct.pack(order + "L", 8)
    return header + struct.pack(order + "H", 2) + make + entry + bytes(4)


def xmp_packet(orientation: int) -> bytes:
    """The payload of an APP1 segment whose XMP has tiff:Orientation."""
    return (
        b'http://ns.adobe.com/xap/1.0/\0<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        b'<rdf:Description tiff:Orientation="%d"/></x:xmpmeta>' % orientation
    )


def sampled(
    planes: NDArray[np.uint8],
    factors: Sequence[Factors],
    *,
    quality: int = 90,
    interleaved: bool = True,
    progressive: bool = False,
) -> bytes:
    """A JPEG of `planes` [H, W, C] with these sampling factors; what they mean is up to its markers.

    Args:
        planes: full-size components, which are shrunk as their factors say.
        factors: of each component, 1 to 4.
        quality: of the first component; the others' is 10 less.
        interleaved: one scan for all components (baseline only); otherwise one or more for each.
        progressive: write each component's scans progressively.
    """
    height, width, count = planes.shape
    most_across, most_down = (max(factor[axis] for factor in factors) for axis in (0, 1))
    mcus = -(-width // (8 * most_across)), -(-height // (8 * most_down))
    coded = []
    for index, (across, down) in enumerate(factors):
        plane = Image.fromarray(planes[..., index])
        size = -(-width * across // most_across), -(-height * down // most_down)
        pixels = np.asarray(plane.resize(size, Image.Resampling.BOX))
        if interleaved:  # an interleaved scan has whole MCUs
            right, bottom = mcus[0] * across * 8 - size[0], mcus[1] * down * 8 - size[1]
            pixels = np.pad(pixels, ((0, bottom), (0, right)), mode="edge")
        coded.append(_grey_segments(pixels, quality - 10 * (index > 0), progressive=progressive))

    frame = struct.pack(">BHHB", 8, height, width, count)
    for index, (across, down) in enumerate(factors):
        frame += bytes([index + 1, across << 4 | down, index])
    tables = [
        Segment(DQT, bytes([index]) + _only(segments, DQT).payload[1:])
        for index, segments in enumerate(coded)
    ]
    head = [_only(coded[0], APP0), *tables, Segment(SOF2 if progressive else SOF0, frame)]
    if interleaved:
        huffman = [segment for segment in coded[0] if segment.code == DHT]
        return assemble([*head, *huffman, _interleave(coded, factors, mcus)])
    scans = [
        segment if segment.code == DHT else _for_component(segment, index + 1)
        for index, segments in enumerate(coded)
        for segment in segments
        if segment.code in (DHT, SOS)
    ]
    return assemble([*head, *scans])


def _grey_segments(pixels: NDArray[np.uint8], quality: int, *, progressive: bool) -> list[Segment]:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=quality, progressive=progressive)
    return parse(out.getvalue())


def _only(segments: Sequence[Segment], code: int) -> Segment:
    (found,) = [segment for segment in segments if segment.code == code]
    return found


def _for_component(scan: Segment, identity: int) -> Segment:
    return Segment(SOS, bytes([1, identity]) + scan.payload[2:], scan.scan)


def _interleave(
    coded: Sequence[Sequence[Segment]], factors: Sequence[Factors], mcus: tuple[int, int]
) -> Segment:
    """One scan of the grey files' blocks, MCU by MCU; all use the standard luma tables."""
    codes = _huffman_codes(coded[0])
    blocks = [list(_blocks(_bits(_only(segments, SOS).scan), codes)) for segments in coded]
    differences = {symbol: bits for (table, bits), symbol in codes.items() if table == 0}
    parts = []
    predictions = [0] * len(coded)
    for mcu in range(mcus[0] * mcus[1]):
        row, column = divmod(mcu, mcus[0])
        for index, (across, down) in enumerate(factors):
            for block in range(across * down):
                y, x = row * down + block // across, column * across + block % across
                dc, ac = blocks[index][y * mcus[0] * across + x]
                parts += [_difference_bits(dc - predictions[index], differences), ac]
                predictions[index] = dc
    components = b"".join(bytes([index + 1, 0]) for index in range(len(coded)))
    return Segment(SOS, bytes([len(coded)]) + components + b"\0\x3f\0", _bytes("".join(parts)))


def _huffman_codes(segments: Sequence[Segment]) -> dict[tuple[int, str], int]:
    """(0 for DC or 1 for AC, code as a string of bits) to symbol (T.81 annex C)."""
    codes = {}
    for segment in segments:
        payload = segment.payload if segment.code == DHT else b""
        while payload:
            counts, symbols = payload[1:17], iter(payload[17:])
            code = 0
            for length, count in enumerate(counts, start=1):
                for _ in range(count):
                    codes[payload[0] >> 4, f"{code:0{length}b}"] = next(symbols)
                    code += 1
                code <<= 1
            payload = payload[17 + sum(counts) :]
    return codes


def _blocks(bits: str, codes: dict[tuple[int, str], int]) -> Iterator[tuple[int, str]]:
    """The DC value and the AC bits of each block of a grey scan, until only padding is left."""
    position = dc = 0

    def symbol(table: int) -> int:
        nonlocal position
        end = position + 1
        while (found := codes.get((table, bits[position:end]))) is None:
            end += 1
        position = end
        return found

    while len(bits) - position >= 8 or "0" in bits[position:]:
        size = symbol(0)
        magnitude = bits[position : position + size]
        position += size
        if size:  # a first bit of 0 means a negative number (T.81 F.2.2.1)
            dc += int(magnitude, 2) - (0 if magnitude[0] == "1" else 2**size - 1)
        start, index = position, 1
        while index < 64:
            run_size = symbol(1)
            if run_size == 0:  # end of block
                break
            position += run_size & 15
            index += (run_size >> 4) + 1
        yield dc, bits[start:position]


def _difference_bits(difference: int, codes: dict[int, str]) -> str:
    size = abs(difference).bit_length()
    if size == 0:
        return codes[0]
    return codes[size] + f"{difference if difference > 0 else difference + 2**size - 1:0{size}b}"


def _bits(scan: bytes) -> str:
    data = scan.replace(b"\xff\0", b"\xff")
    return f"{int.from_bytes(data, 'big'):0{8 * len(data)}b}"


def _bytes(bits: str) -> bytes:
    padded = bits + "1" * (-len(bits) % 8)
    return int(padded, 2).to_bytes(len(padded) // 8, "big").replace(b"\xff", b"\xff\0")
