"""Content is named by its first bytes: files of real writers, and beginnings by specification."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import struct
import tarfile
import zipfile
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from fastinet.formats.signatures import HEAD_BYTES, content_of
from fastinet.testing.archives import tar

if TYPE_CHECKING:
    from pathlib import Path

PIXELS = Image.fromarray(np.random.default_rng(3).integers(0, 256, (24, 40, 3), np.uint8))


def encoded(format: str) -> bytes:  # noqa: A002  # as Pillow calls it
    file = io.BytesIO()
    PIXELS.save(file, format)
    return file.getvalue()


def zipped(**files: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return file.getvalue()


def saved_array() -> bytes:
    file = io.BytesIO()
    np.save(file, np.arange(5))
    return file.getvalue()


def saved_arrays() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.arange(5))
    return file.getvalue()


def boxed(major: bytes, *compatible: bytes) -> bytes:
    """The first box of a file of ISO/IEC 14496-12."""
    box = b"ftyp" + major + bytes(4) + b"".join(compatible)
    return struct.pack(">I", len(box) + 4) + box + b"\0\0\0\x08mdat"


@pytest.mark.parametrize(("format", "name"), [
    ("GIF", "a GIF image"),
    ("WEBP", "a WebP image"),
    ("BMP", "a BMP image"),
    ("DIB", None),  # a BMP without its first header has no magic
    ("TIFF", "a TIFF image"),
    ("PPM", "a PNM image"),
    ("ICO", "a Windows icon"),
    ("JPEG2000", "a JPEG 2000 image"),
    ("JPEG", "a JPEG image"),
    ("PNG", "a PNG image"),
    ("AVIF", "an AVIF image"),
])  # fmt: skip
def test_images_that_pillow_writes(format: str, name: str | None) -> None:  # noqa: A002
    try:
        head = encoded(format)[:HEAD_BYTES]
    except (KeyError, OSError):
        pytest.skip(f"this Pillow writes no {format}")
    content = content_of(head)
    if name is None:
        assert content is None
        return
    assert content is not None
    assert content.name.startswith(name)
    assert content.as_image
    assert content.as_archive


@pytest.mark.parametrize(("head", "name", "advice"), [
    (gzip.compress(b"x", mtime=0), "gzip-compressed", "gunzip"),
    (bz2.compress(b"x"), "bzip2-compressed", "bunzip2"),
    (bz2.compress(b""), "bzip2-compressed", "bunzip2"),
    (lzma.compress(b"x"), "xz-compressed", "unxz"),
    (lzma.compress(b"x" * 99, lzma.FORMAT_ALONE), "LZMA-compressed", "unlzma"),
    (b"\x28\xb5\x2f\xfd\x04\x58\x09", "zstd-compressed", "unzstd"),
    (b"\x52\x2a\x4d\x18\x04\0\0\0abcd", "zstd-compressed", "unzstd"),
    (b"\x04\x22\x4d\x18\x64\x40\xa7", "lz4-compressed", "unlz4"),
    (b"\x1f\x9d\x90\x61", "compressed by compress", "uncompress"),
    (zipped(a=b"x"), "a ZIP archive", "unzip"),
    (zipped(), "an empty ZIP archive", "again"),
    (zipped(archive__data=b"", ), "a ZIP archive", "unzip"),
    (saved_arrays(), "NumPy arrays", "numpy.load"),
    (saved_array(), "a NumPy array", "numpy.load"),
    (b"7z\xbc\xaf\x27\x1c\0\x04", "a 7z archive", "7z x"),
    (b"Rar!\x1a\x07\x01\0", "a RAR archive", "unrar"),
    (b"Rar!\x1a\x07\0", "a RAR archive", "unrar"),
    (b"PAR1\x15\x04\x15", "a Parquet file", "pyarrow"),
    (b"ARROW1\0\0\xff\xff\xff\xff", "an Arrow file", "pyarrow"),
    (b"\x89HDF\r\n\x1a\n\0", "an HDF5 file", "h5py"),
    (tar({"a/b": b"x"}), "a tar", "damaged further in"),
])  # fmt: skip
def test_what_else_holds_images(head: bytes, name: str, advice: str) -> None:
    content = content_of(head[:HEAD_BYTES], len(head))
    assert content is not None
    assert content.name.startswith(name)
    assert advice in content.as_archive


def test_torch_files() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("archive/data.pkl", b"x")
    content = content_of(file.getvalue())
    assert content is not None
    assert content.name == "a file of torch.save"


@pytest.mark.parametrize(("head", "name"), [
    (boxed(b"heic", b"mif1", b"heic"), "a HEIC image"),
    (boxed(b"mif1", b"mif1", b"heic"), "a HEIC image"),
    (boxed(b"mif1", b"mif1", b"avif"), "an AVIF image"),
    (boxed(b"avif", b"mif1"), "an AVIF image"),
    (boxed(b"mif1"), "a HEIF image"),
    (boxed(b"isom", b"iso2", b"avc1"), "an MP4 or QuickTime video"),
    (b"\xff\x0a\xfa\x1f", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image"),
    (b"RIFF\x24\0\0\0WAVEfmt ", "a RIFF file"),
    (b"\x89PNG\n\x1a\n\0\0\0\nIHDR", "a PNG image spoilt by a transfer"),
    (b"\xef\xbf\xbd\xef\xbf\xbd\0JFIF", "binary data spoilt"),
    (b"%PDF-1.7\n", "a PDF document"),
    *((pickle.dumps({"a": [1]}, protocol), "a Python pickle") for protocol in (2, 3, 4, 5)),
    (pickle.dumps([], 2), "a Python pickle"),
])  # fmt: skip
def test_beginnings_by_specification(head: bytes, name: str) -> None:
    content = content_of(head)
    assert content is not None
    assert content.name.startswith(name)


@pytest.mark.parametrize(("text", "name", "advice"), [
    ("<!DOCTYPE html>\n<html>", "a web page", "again"),
    ("\ufeff\r\n  <HTML lang=en>", "a web page", "again"),
    ("<!-- 404 -->\n<!doctype HTML>", "a web page", "again"),
    ('<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0">', "a web page", "again"),
    ("HTTP/1.1 403 Forbidden\r\n", "an answer of a server", "again"),
    ('<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code>',
     "an XML answer of a server, which says AccessDenied", "again"),
    ("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n",
     "a Git LFS pointer, which stands for a file of 12,345 bytes", "git lfs pull"),
    ("version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer", "git lfs pull"),
    ("/annex/objects/SHA256E-s1--aa.tar\n", "a git-annex pointer", "git annex get"),
    ("d8:announce35:http://tracker", "a .torrent file", "BitTorrent"),
    ('{"error": "quota"}', "JSON text, beginning '{\"error\"", "again"),
    ('[{"message": "Not Found", ', "JSON text", "again"),
    ("Access denied", "text, beginning 'Access denied'", "again"),
    ("Ge\u00e4nderte Adresse", "text, beginning 'Ge\u00e4nderte Adresse'", "again"),
])  # fmt: skip
def test_texts(text: str, name: str, advice: str) -> None:
    head = text.encode()
    content = content_of(head, len(head))
    assert content is not None
    assert content.name.startswith(name)
    assert advice in content.as_archive
    assert advice in content.as_image


def test_utf_16() -> None:
    content = content_of("<html>".encode("utf-16"))
    assert content is not None
    assert content.name.startswith("a web page")


def test_a_text_that_is_cut_within_a_character() -> None:
    text = ("\u00e4" * 600).encode()
    for head in (text[:511], text[:512]):
        content = content_of(head, len(text))
        assert content is not None
        assert content.name.startswith("text")


def test_sqlite(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    connection = sqlite3.connect(path)
    connection.execute("create table t (x)")
    connection.commit()
    connection.close()
    content = content_of(path.read_bytes()[:HEAD_BYTES])
    assert content is not None
    assert content.name == "an SQLite database"


def test_a_tfrecord_is_told_by_the_checksum_of_its_length() -> None:
    # From TensorFlow: the masked CRC-32C of the length 24 as little-endian uint64.
    head = bytes.fromhex("1800000000000000a37f4b22") + bytes(28)
    content = content_of(head, 40)
    assert content is not None
    assert content.name == "a TFRecord file"
    assert content_of(b"\x19" + head[1:], 41) is None


@pytest.mark.parametrize(("head", "size", "name"), [
    (b"", 0, "empty"),
    (bytes(512), 4096, "zeros where it begins"),
    (bytes(100), 100, "all zeros"),
])  # fmt: skip
def test_nothing(head: bytes, size: int, name: str) -> None:
    content = content_of(head, size)
    assert content is not None
    assert content.name.startswith(name)


def test_noise_is_nothing_that_is_known() -> None:
    rng = np.random.default_rng(4)
    named = [content_of(rng.bytes(HEAD_BYTES)) for _ in range(3000)]
    # Two bytes alone are enough for a few of them.
    assert sum(content is not None for content in named) < 5
    assert tarfile.BLOCKSIZE == HEAD_BYTES
