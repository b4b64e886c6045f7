"""Feeds changed files to the parsers that are written in Python, and watches what they do.

    python tools/fuzz_parsers.py [--seconds 60] [--seed 0] [--parser pickle]...

The parsers in C++ have fuzzers of their own (`make fuzz`). Here each parser starts from sound
files, which are cut, spliced and written over; where a checksum would end every trial at once it is
made right again half of the time. A parser may give a value or raise a FastinetError, a sidecar may
besides be made anew; anything else ends the program, with the file that did it in this folder, and
so does a trial of more than ten seconds or a gigabyte.

`tests/formats/test_fuzzed_parsers.py` runs some hundred trials of each.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import io
import json
import pickle
import random
import resource
import shutil
import signal
import struct
import sys
import tempfile
import time
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

import fastinet
from fastinet.annotations.annotation_files import BadAnnotationError, parse_annotation
from fastinet.archives.seek_index import CHUNK, CRC_FROM
from fastinet.errors import FastinetError
from fastinet.formats.matlab import read_matlab
from fastinet.formats.number_lines import number_lines, text_lines
from fastinet.formats.plain_pickle import read_plain_pickle
from fastinet.formats.torch_files import locate_tensor, parse_torch_file
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.bounding_boxes import annotation_xml, odd_annotations, write_boxes
from fastinet.testing.devkit import matlab_file, synset_records
from fastinet.testing.label_maps import label_map_files
from fastinet.testing.torch_files import legacy_torch_file, zip_torch_file

_MOST_SECONDS = 10
_MOST_BYTES = 1 << 30
_INTERESTING = (0, 1, 2, 3, 0x0A, 0x20, 0x2E, 0x30, 0x39, 0x3C, 0x7F, 0x80, 0xFE, 0xFF)
_NUMBERS = (0, 1, 7, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF, (1 << 63) - 1, (1 << 64) - 1)

Read = Callable[[bytes], object]


@dataclass(frozen=True)
class Parser:
    """Something that reads bytes of other people's."""

    seeds: Sequence[bytes]
    read: Read
    """Gives anything or raises one of `refusals`."""
    refusals: tuple[type[Exception], ...] = (FastinetError,)
    seal: Callable[[bytes], bytes] | None = None
    """Makes the checksums of changed bytes right."""
    words: Sequence[bytes] = ()
    """What is put in now and then."""


# ------------------------------------------------------------------------------------------ changes


def changed(data: bytes, parser: Parser, rng: random.Random) -> bytes:
    """One to eight changes of a file."""
    bytes_ = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 3, 8))):
        _change(bytes_, parser, rng)
    return bytes(bytes_)


def _change(data: bytearray, parser: Parser, rng: random.Random) -> None:
    at = rng.randrange(len(data) + 1)
    length = rng.choice((1, 1, 2, 4, 8, rng.randrange(1, 200)))
    match rng.randrange(9):
        case 0:
            del data[at:]
        case 1:
            del data[at : at + length]
        case 2:
            data[at:at] = data[at : at + length] * rng.choice((1, 2, 20))
        case 3:
            data[at : at + length] = rng.randbytes(length)
        case 4:
            number = rng.choice(_NUMBERS) >> rng.choice((0, 0, 0, 1))
            width = rng.choice((1, 2, 4, 8))
            order: Any = rng.choice(("little", "big"))
            packed = (number & (1 << 8 * width) - 1).to_bytes(width, order)
            data[at : at + width] = packed
        case 5:
            other = rng.choice(parser.seeds)
            start = rng.randrange(len(other) + 1)
            data[at : at + length] = other[start : start + length]
        case 6 if parser.words:
            data[at : at + rng.choice((0, length))] = rng.choice(parser.words)
        case _:
            if at < len(data):
                data[at] = rng.choice((rng.choice(_INTERESTING), data[at] ^ 1 << rng.randrange(8)))


class FoundError(AssertionError):
    """A parser did what it must not do; the text names the parser."""


def trials(name: str, parser: Parser, rng: random.Random) -> Iterator[None]:
    """Trial after trial, for ever.

    Raises:
        FoundError: something else came out than a value or a refusal; ``data`` has the file.
    """
    for seed in parser.seeds:
        _try(name, parser, seed)
        yield
    kept = list(parser.seeds)
    while True:
        data = changed(rng.choice(kept), parser, rng)
        if parser.seal is not None and rng.randrange(2):
            data = parser.seal(data)
        if _try(name, parser, data) and len(kept) < 4 * len(parser.seeds):
            kept.append(data)  # changed, and sound all the same: a new place to start from
        yield


def _try(name: str, parser: Parser, data: bytes) -> bool:
    """Whether the parser takes the bytes."""
    try:
        parser.read(data)
    except parser.refusals:
        return False
    except Exception as error:
        found = FoundError(f"{name}: {type(error).__name__}: {error}")
        found.data = data  # type: ignore[attr-defined]
        raise found from error
    return True


# ------------------------------------------------------------------------------------------ formats


def _zip_sealed(data: bytes) -> bytes:
    """The CRCs of the stored members of a ZIP, as far as its local headers lead."""
    sealed = bytearray(data)
    at = 0
    crcs = {}
    while data[at : at + 4] == b"PK\3\4" and at + 30 <= len(data):
        size, _, name_bytes, extra_bytes = struct.unpack_from("<IIHH", data, at + 18)
        start = at + 30 + name_bytes + extra_bytes
        crcs[at] = zlib.crc32(data[start : start + size])
        struct.pack_into("<I", sealed, at + 14, crcs[at])
        at = start + size
    while data[at : at + 4] == b"PK\1\2" and at + 46 <= len(data):
        name_bytes, extra_bytes, comment_bytes = struct.unpack_from("<HHH", data, at + 28)
        (header,) = struct.unpack_from("<I", data, at + 42)
        struct.pack_into("<I", sealed, at + 16, crcs.get(header, 0))
        at += 46 + name_bytes + extra_bytes + comment_bytes
    return bytes(sealed)


def _torch(data: bytes) -> None:
    value = parse_torch_file(data)
    repr(value)  # touches every array
    locate_tensor(data).array(data).sum()


def _values() -> list[Any]:
    return [
        {"a": [1, 2.5, "x", None, True], "b": (1, (2, 3)), 3: b"bytes"},
        [np.arange(6, dtype="<f4").reshape(2, 3)],
        np.arange(4, dtype="<i8"),
        {1, 2, "three"},
        [[[[1]], "y" * 300], 1 << 80, -1],
    ]


def _plain(data: bytes) -> None:
    table = {("collections", "OrderedDict"): dict, ("builtins", "set"): set}
    value, position = read_plain_pickle(data, globals=table)
    repr(value)
    if not 0 < position <= len(data):
        raise AssertionError("a pickle ends within its file")


def _annotation(data: bytes) -> None:
    annotation = parse_annotation(data)
    if annotation.width < 1 or annotation.height < 1:
        raise AssertionError("an annotated image has a size")


def _lines(data: bytes) -> None:
    text_lines(data, "a file")
    number_lines(data, "a file")


def formats() -> dict[str, Parser]:
    """The parsers of other people's formats, by name."""
    values = _values()
    pickles = [
        pickle.dumps(values[number], protocol) for number, protocol in ((0, 2), (3, 4), (4, 2))
    ]
    opcodes = [bytes([code]) for code in range(256) if chr(code) in "(.0123NJKMGXCBT]ael}sutq)jhR"]
    tensors = [values[1], values[2], values[0]]
    torch_files = [
        write(value) for value in tensors for write in (legacy_torch_file, zip_torch_file)
    ]
    records = synset_records()[:2]
    xml_words = [b"<object>", b"</object>", b"<bndbox>", b"nan", b"inf", b"-1e99", b"&amp;", b"]]>"]
    return {
        "pickle": Parser(pickles, _plain, words=opcodes),
        "torch file": Parser(torch_files, _torch, seal=_zip_sealed, words=opcodes),
        "matlab": Parser(
            [
                matlab_file({"synsets": records}, compressed=packed, big_endian=big)
                for packed in (False, True)
                for big in (False, True)
            ],
            lambda data: read_matlab(data, "meta.mat"),
        ),
        "annotation": Parser(
            [*odd_annotations().values(), annotation_xml((9, 9), [("a", 1, 2, 3, 4)])],
            _annotation,
            (BadAnnotationError,),
            words=[*xml_words, b"<!DOCTYPE a [<!ENTITY b 'c'>]>", b"&b;"],
        ),
        "lines of numbers": Parser(
            [b"1\n2\n3\n", b"\xef\xbb\xbf490 361 171\r\n1 2", b"n01440764 1\n"],
            _lines,
            words=[b"\r\n", b"\0", b"-1", b"1e9", b"9" * 30, "\u0661".encode(), b"\x1a", b"_"],
        ),
    }


# --------------------------------------------------------------------------------- WebDataset, tars


def _grouping(folder: Path) -> Read:
    """Opens a tar, whatever is in it; a function tells labels where nothing else does."""
    path = folder / "shard.tar"

    def read(data: bytes) -> None:
        path.write_bytes(data)
        try:
            dataset = fastinet.open(path, index=False)
        except FastinetError:
            dataset = fastinet.open(path, index=False, labels=lambda _, files: len(files))
        if len(dataset.keys) != len(dataset.labels):
            raise AssertionError("each item has a key and a label")
        for item in range(min(len(dataset), 4)):
            dataset.read(item)

    return read


def _tar_sealed(data: bytes) -> bytes:
    """The checksum of every block that has a tar's magic."""
    sealed = bytearray(data)
    for block in range(0, len(data) - 511, 512):
        if data[block + 257 : block + 262] == b"ustar":
            sealed[block + 148 : block + 156] = b" " * 8
            total = sum(sealed[block : block + 512])
            sealed[block + 148 : block + 156] = b"%06o\0 " % total
    return bytes(sealed)


def tars(folder: Path) -> dict[str, Parser]:
    """WebDataset's shards, and what else is grouped by names."""
    jpeg = b"\xff\xd8\xff\xe0 an image that nobody decodes"
    samples = {
        "a.jpg": jpeg,
        "a.cls": b"1",
        "b.jpg": jpeg,
        "b.cls": b"0",
        "b.json": b'{"label": 0}',
    }
    parted = {"s/a.1.jpg": jpeg, "s/a.1.cls": b"3", "s/a.2.jpg": jpeg, "s/a.2.cls": b"4"}
    folders = {"train/n01440764/a.JPEG": jpeg, "val/n01440764/b.JPEG": jpeg}
    words = [
        b".jpg",
        b".cls",
        b".seg.png",
        b".json",
        b"/",
        b"../",
        b".",
        b"n01440764",
        b"-1",
        b"\xff",
    ]
    return {
        "webdataset": Parser(
            [tar(samples), tar(parted), tar(folders)],
            _grouping(folder),
            seal=_tar_sealed,
            words=words,
        )
    }


# ----------------------------------------------------------------------------------------- sidecars


def _columns_sealed(data: bytes) -> bytes:
    """The checksums of a column file's header and columns, and the lengths that it states."""
    if len(data) < 64:
        return data
    (text_bytes,) = struct.unpack_from("<Q", data, 16)
    text, columns = data[64 : 64 + text_bytes], data[64 + text_bytes :]
    try:
        header = json.loads(text)
        for column in header["columns"].values():
            stored = -(-np.dtype(column["dtype"]).itemsize * column["rows"] // 64) * 64
            column["crc32"] = zlib.crc32(columns[column["offset"] :][:stored])
        text = json.dumps(header).encode()
        text = text.ljust(-(-len(text) // 64) * 64)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError):
        pass  # no header any more: what is done with it is the parser's business
    preamble = bytearray(data[:64])
    struct.pack_into("<IQQ", preamble, 12, 0, len(text), 64 + len(text) + len(columns))
    struct.pack_into("<I", preamble, 12, zlib.crc32(text, zlib.crc32(preamble)))
    return bytes(preamble) + text + columns


def _log_sealed(data: bytes, seal_chunk: Callable[[bytearray, int], int]) -> bytes:
    """The checksums of a log's header and chunks; ``seal_chunk`` gives where the next one is."""
    sealed = bytearray(data)
    if len(data) < 20:
        return data
    (length,) = struct.unpack_from("<I", data, 16)
    at = 20 + length
    struct.pack_into("<I", sealed, 12, zlib.crc32(data[20:at]))
    while 0 < at < len(sealed) - CHUNK.size:  # a longer head than that of checkpoints
        at = seal_chunk(sealed, at)
    return bytes(sealed)


def _seal_checkpoints(log: bytearray, at: int) -> int:
    _, _, _, items, record_bytes = struct.unpack_from("<4sIQIQ", log, at)
    records = at + 28 + 8 * items
    struct.pack_into("<I", log, at + 4, zlib.crc32(log[at + 8 : records]))
    return int(records + record_bytes)


def _seal_seek_points(log: bytearray, at: int) -> int:
    fields = CHUNK.unpack_from(log, at)
    points, windows, members, names, text, state = fields[3:9]
    table = at + CHUNK.size + 20 * points
    rest = table + windows
    end = int(rest + 36 * members + names + text + state)
    struct.pack_into("<I", log, at + 8, zlib.crc32(log[rest:end]))
    struct.pack_into("<I", log, at + 4, zlib.crc32(log[at + CRC_FROM : table]))
    return end


def _seen(dataset: Any) -> list[Any]:
    """What a dataset shows of itself, and its first items."""
    count = len(dataset)
    labels = dataset.labels.tolist()
    if labels and not -1 <= min(labels) <= max(labels) < len(dataset.classes):
        raise AssertionError("labels are those of classes")
    return [count, labels, list(dataset.keys), [dataset.read(item) for item in range(count)]]


@dataclass(frozen=True)
class _Sidecar:
    """A file that fastinet keeps, and a use of it."""

    path: Path
    use: Callable[[], Any]
    seal: Callable[[bytes], bytes] | None
    away: tuple[Path, ...] = ()
    """What is removed before each use, so that the file is looked at."""

    def parser(self) -> Parser:
        """Its parser; its seed is what fastinet makes itself."""
        for path in self.away:
            path.unlink(missing_ok=True)
        right = self.use()
        seed = self.path.read_bytes()
        seal = self.seal

        def read(data: bytes) -> None:
            for path in self.away:
                path.unlink(missing_ok=True)
            self.path.write_bytes(data)
            used = self.use()
            if seal is not None and seal(data) != data and used != right:
                raise AssertionError("a file whose checksums are wrong was believed")

        words = [b"null", b"[]", b"{}", b"-1", b"1e999", b"NaN", b"[" * 3000, b'"../../x"', b"true"]
        return Parser([seed], read, seal=seal, words=[*words, b"18446744073709551616", b"\\udc80"])


def _jpeg(number: int) -> bytes:
    """A small one; each number gives another."""
    pixels = np.random.default_rng(number).integers(0, 255, (40, 48, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG")
    return file.getvalue()


def _dataset_sidecars(folder: Path) -> Iterator[tuple[str, _Sidecar]]:
    images = [_jpeg(number) for number in range(3)]
    classes = {
        "n01440764": {"n01440764_1.JPEG": images[0], "n01440764_2.JPEG": images[1]},
        "n01443537": {"n01443537_1.JPEG": images[2], "n01443537_2.JPEG": images[0]},
    }
    plain = folder / "train.tar"
    plain.write_bytes(train_tar(classes))

    def rows() -> Any:
        loader = fastinet.Loader(fastinet.open(plain), 4, fastinet.Resize(16), threads=1)
        return [batch.images.tobytes() for batch in loader]

    def duplicates() -> Any:
        found = fastinet.find_duplicates(fastinet.open(plain), threads=1)
        return [group.tolist() for group in found]

    index = Path(f"{plain}.fastinet")
    yield "index", _Sidecar(index, lambda: _seen(fastinet.open(plain)), _columns_sealed)
    fastinet.open(plain).build_checkpoints()
    yield (
        "checkpoints",
        _Sidecar(
            Path(f"{index}.checkpoints"),
            rows,
            lambda data: _log_sealed(data, _seal_checkpoints),
        ),
    )
    yield "duplicates", _Sidecar(Path(f"{index}.duplicates"), duplicates, _columns_sealed)
    yield "journal", _Sidecar(Path(f"{index}.verify"), lambda: fastinet.verify(plain).ok, None)
    packed = folder / "packed.tar.gz"
    packed.write_bytes(gzip.compress(train_tar(classes), mtime=0))
    yield (
        "seek index",
        _Sidecar(
            Path(f"{packed}.fastinet.seek"),
            # Names that somebody forged may tell several splits.
            lambda: _seen(fastinet.open(packed, split="all")),
            lambda data: _log_sealed(data, _seal_seek_points),
            (Path(f"{packed}.fastinet"),),
        ),
    )


def sidecars(folder: Path) -> dict[str, Parser]:
    """All kinds of files that fastinet keeps beside archives, each with a use of it."""
    boxes = write_boxes(folder / "boxes.tar", odd_annotations(), form="tar")
    maps = folder / "maps.tar"
    maps.write_bytes(
        tar(label_map_files(["n01440764/a.JPEG", "n01440764/b.JPEG"], shape=(2, 3, 3)))
    )

    def boxes_seen() -> Any:
        read = fastinet.read_boxes(boxes)
        return [read.keys.tolist(), read.boxes.tolist(), read.sizes.tolist(), read.starts.tolist()]

    def maps_seen() -> Any:
        opened = fastinet.open_label_maps(maps)
        return [opened.keys.tolist(), opened.offsets.tolist(), opened.shape]

    found = dict(_dataset_sidecars(folder))
    found["boxes"] = _Sidecar(Path(f"{boxes}.fastinet.boxes"), boxes_seen, _columns_sealed)
    found["label maps"] = _Sidecar(Path(f"{maps}.fastinet.label_maps"), maps_seen, _columns_sealed)
    return {name: sidecar.parser() for name, sidecar in found.items()}


# ---------------------------------------------------------------------------------------------- run


@contextmanager
def all_parsers() -> Iterator[dict[str, Parser]]:
    """All parsers by name; some of them work in a folder, which is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz_parsers_"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield {**formats(), **tars(folder), **sidecars(folder)}
    finally:
        shutil.rmtree(folder)


def _limit_memory() -> None:
    """A gigabyte more than there is now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + _MOST_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def _run(name: str, parser: Parser, seconds: float, seed: int) -> int:
    """Trials for so long; how many there were. Ends the program on a finding."""
    end = time.monotonic() + seconds
    count = 0
    rng = random.Random(f"{seed} {name}")  # noqa: S311  # not for secrets
    try:
        for _ in trials(name, parser, rng):
            signal.alarm(_MOST_SECONDS)
            count += 1
            if time.monotonic() > end:
                break
    except FoundError as found:
        data: bytes = found.data  # type: ignore[attr-defined]
        place = Path(f"finding-{name.replace(' ', '_')}-{hashlib.sha256(data).hexdigest()[:12]}")
        place.write_bytes(data)
        sys.stderr.write(f"{found}\nafter {count} trials; the file is {place}\n")
        raise
    finally:
        signal.alarm(0)
    return count


def main() -> None:
    """Runs each parser for a while, and prints how many trials there were."""
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seconds", type=float, default=60, help="for each parser")
    arguments.add_argument("--seed", type=int, default=0)
    arguments.add_argument("--parser", action="append", help="of this name alone; may be repeated")
    given = arguments.parse_args()
    with all_parsers() as parsers:
        _limit_memory()
        for name in given.parser or parsers:
            count = _run(name, parsers[name], given.seconds, given.seed)
            sys.stdout.write(f"{name:20}{count:12,} trials\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
