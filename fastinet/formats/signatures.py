"""Names what bytes are by how they begin, for messages on files that are not what was expected.

It is asked when something has failed already: an archive that is no tar, an image that is neither
JPEG nor PNG. A signature stands here if it is in the format's own specification, or, for formats
that have none, in the magic database of file(1). Those of two or three bytes are taken only
together with a field behind them that has to hold as well, because much else begins so, too.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Final

__all__ = ["HEAD_BYTES", "Content", "content_of"]

HEAD_BYTES: Final = 512
"""Bytes that are enough to tell: a tar header, the longest that is looked at."""


@dataclass(frozen=True)
class Content:
    """What some bytes are.

    Attributes:
        name: with its article: "a WebP image".
        as_archive: what to do about it where an archive was expected.
        as_image: what to do about it where an image was expected.
        is_container: whether other files, or other data, are in it: a legal archive, then, though
            not of a kind that fastinet reads.
    """

    name: str
    as_archive: str
    as_image: str
    is_container: bool = False


# ------------------------------------------------------------------------------ advice, by the sort

_REPACK = "repack what is in it as a tar"
_UNPACK_IMAGE = "put the image itself in its place"
_AGAIN = "download it again, and look at what the server answers"
_AGAIN_IMAGE = "put the image in its place, downloaded again"
_ONE_IMAGE = "open the tar or the folder that the image lies in"
_CONVERT = "convert it to JPEG or PNG"
_NO_ARCHIVE = "give the path of a tar, a gzipped tar, or a folder of images"
_NO_IMAGE = "leave it out, or put the image in its place"


def _image(name: str, how: str = "Pillow reads it") -> Content:
    return Content(name, _ONE_IMAGE, f"{_CONVERT} ({how})")


def _compressed(name: str, command: str) -> Content:
    advice = f"decompress it first ({command})"
    return Content(name, advice, advice, is_container=True)


def _packed(name: str, command: str) -> Content:
    advice = f"{_REPACK} (unpack it with {command})"
    return Content(name, advice, _UNPACK_IMAGE, is_container=True)


def _table(name: str, how: str) -> Content:
    return Content(name, f"write the images in it to a tar ({how})", _NO_IMAGE, is_container=True)


def _other(name: str) -> Content:
    return Content(name, _NO_ARCHIVE, _NO_IMAGE)


def _answer(name: str) -> Content:
    return Content(name, _AGAIN, _AGAIN_IMAGE)


def _pointer(name: str, command: str) -> Content:
    return Content(name, f"fetch the file itself ({command})", f"fetch the file itself ({command})")


# ------------------------------------------------------------------------------------------- tables

_TIFF = _image("a TIFF image")
_ZSTD = _compressed("zstd-compressed", "unzstd")
_ZIP = _packed("a ZIP archive", "unzip")
_JPEG_2000 = _image("a JPEG 2000 image")
_JPEG_XL = _image("a JPEG XL image", "djxl reads it")

_FIXED: Final[tuple[tuple[bytes, Content], ...]] = (
    (b"\xff\xd8\xff", Content("a JPEG image", _ONE_IMAGE, "it is damaged further in")),
    (b"\x89PNG\r\n\x1a\n", Content("a PNG image", _ONE_IMAGE, "it is damaged further in")),
    (b"GIF87a", _image("a GIF image")),
    (b"GIF89a", _image("a GIF image")),
    (b"II*\0", _TIFF),
    (b"MM\0*", _TIFF),
    (b"II+\0\x08\0\0\0", _image("a BigTIFF image")),
    (b"MM\0+\0\x08\0\0", _image("a BigTIFF image")),
    (b"\0\0\0\x0cJXL \r\n\x87\n", _JPEG_XL),
    (b"\0\0\0\x0cjP  \r\n\x87\n", _JPEG_2000),
    (b"\xff\x4f\xff\x51", _JPEG_2000),
    (b"8BPS\0\x01", _image("a Photoshop document")),
    (b"v/1\x01", _image("an OpenEXR image", "OpenCV reads it")),
    (b"qoif", _image("a QOI image")),
    (b"\x1f\x8b", _compressed("gzip-compressed", "gunzip")),
    (b"\xfd7zXZ\0", _compressed("xz-compressed", "unxz")),
    (b"\x28\xb5\x2f\xfd", _ZSTD),
    (b"\x04\x22\x4d\x18", _compressed("lz4-compressed", "unlz4")),
    (b"LZIP\x01", _compressed("lzip-compressed", "lzip -d")),
    (b"\x89LZO\0\r\n\x1a\n", _compressed("lzop-compressed", "lzop -d")),
    (b"\xff\x06\0\0sNaPpY", _compressed("snappy-compressed", "snzip -d")),
    (b"PK\x03\x04", _ZIP),
    (b"PK\x05\x06", Content("an empty ZIP archive", _AGAIN, _UNPACK_IMAGE)),
    (b"PK\x07\x08", _ZIP),
    (b"7z\xbc\xaf\x27\x1c", _packed("a 7z archive", "7z x")),
    (b"Rar!\x1a\x07", _packed("a RAR archive", "unrar x")),
    (b"MSCF\0\0\0\0", _packed("a cabinet archive", "cabextract")),
    (b"!<arch>\n", _packed("an ar archive", "ar x")),
    (b"070701", _packed("a cpio archive", "cpio -i")),
    (b"070702", _packed("a cpio archive", "cpio -i")),
    (b"070707", _packed("a cpio archive", "cpio -i")),
    (b"hsqs", _packed("a SquashFS image of a file system", "unsquashfs")),
    (b"PAR1", _table("a Parquet file", "pyarrow or the datasets library read it")),
    (b"PARE", _table("an encrypted Parquet file", "pyarrow reads it")),
    (b"ARROW1\0\0", _table("an Arrow file", "pyarrow reads it")),
    (b"ORC\x08", _table("an ORC file", "pyarrow reads it")),
    (b"Obj\x01", _table("an Avro file", "fastavro reads it")),
    (b"\x89HDF\r\n\x1a\n", _table("an HDF5 file", "h5py reads it")),
    (b"SQLite format 3\0", _table("an SQLite database", "the module sqlite3 reads it")),
    (b"\x0a\x23\xd7\xce", _table("a RecordIO file of MXNet", "mxnet.recordio reads it")),
    (b"\x93NUMPY", _table("a NumPy array (.npy)", "numpy.load reads it")),
    (b"MATLAB 5.0 MAT-file", _other("a MATLAB file")),
    (b"%PDF-", _other("a PDF document")),
    (b"\x7fELF", _other("a program (ELF)")),
    (b"OggS", _other("Ogg audio or video")),
    (b"ID3", _other("MP3 audio")),
    (b"\x1aE\xdf\xa3", _other("a Matroska or WebM video")),
    (b"\x00\x05\x16\x07", _other("an AppleDouble file, which macOS puts beside a file")),
    (b"Salted__", _other("encrypted by openssl")),
    (
        b"\x89PNG\n\x1a\n",
        _answer("a PNG image spoilt by a transfer that changed its line ends (text mode)"),
    ),
    (
        b"\xef\xbf\xbd",
        _answer("binary data spoilt by being read and written as text (U+FFFD in place of bytes)"),
    ),
)

# Texts: white space and a byte order mark are passed over first, and case counts for nothing.
_TEXTS: Final[tuple[tuple[bytes, Content], ...]] = (
    (b"<!doctype html", _answer("a web page (HTML: an error or log-in page)")),
    (b"<html", _answer("a web page (HTML: an error or log-in page)")),
    (b"<head", _answer("a web page (HTML: an error or log-in page)")),
    (b"<body", _answer("a web page (HTML: an error or log-in page)")),
    (b"<script", _answer("a web page (HTML: an error or log-in page)")),
    (b"<meta", _answer("a web page (HTML: an error or log-in page)")),
    (b"<title", _answer("a web page (HTML: an error or log-in page)")),
    (b"http/1.", _answer("an answer of a server with its headers")),
    (b"http/2", _answer("an answer of a server with its headers")),
    (b"version https://git-lfs.github.com/spec/", _pointer("a Git LFS pointer", "git lfs pull")),
    (b"version https://hawser.github.com/spec/", _pointer("a Git LFS pointer", "git lfs pull")),
    (b"/annex/objects/", _pointer("a git-annex pointer", "git annex get")),
    (b"outs:\n- md5:", _pointer("a DVC pointer", "dvc pull")),
    (b"d8:announce", _pointer("a .torrent file", "open it in a BitTorrent client")),
    (b"d10:created by", _pointer("a .torrent file", "open it in a BitTorrent client")),
    (b"d13:announce-list", _pointer("a .torrent file", "open it in a BitTorrent client")),
    (b"-----begin pgp", _other("encrypted or signed by PGP")),
    (b"data:image/", _image("an image as a data: URL", "decode its base64")),
    (b"#!", _other("a script")),
)

# The major brand of a file of ISO/IEC 14496-12 (ISOBMFF), and those that say HEIF or AVIF.
_AVIF_BRANDS: Final = {b"avif", b"avis"}
_HEIC_BRANDS: Final = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
_HEIF_BRANDS: Final = {b"mif1", b"mif2", b"msf1"}

_BMP_HEADER_SIZES: Final = {12, 16, 40, 52, 56, 64, 108, 124}
_ZSTD_SKIPPABLE: Final = re.compile(rb"[\x50-\x5f]\x2a\x4d\x18", re.DOTALL)
_BZIP2: Final = re.compile(rb"BZh[1-9]")
_NETPBM: Final = re.compile(rb"P[1-6](\s|#)[\s\d#]")
_PICKLE: Final = re.compile(rb"\x80[\x02-\x05][\x80-\x95()}\]NKMJGXcUqC]", re.DOTALL)
_LZMA: Final = re.compile(rb"\x5d\0\0.{2}(\xff{8}|.{5}\0{3})", re.DOTALL)
_SERVER_CODE: Final = re.compile(rb"<Code>([A-Za-z]{1,40})</Code>")
_LFS_SIZE: Final = re.compile(rb"^size (\d{1,18})\s*$", re.MULTILINE)


# ------------------------------------------------------------------------------------ the questions


def content_of(head: bytes, size: int | None = None) -> Content | None:
    """What bytes are that begin with `head`; None: nothing that is known.

    Args:
        head: the first bytes, `HEAD_BYTES` of them, or all if there are fewer.
        size: how many bytes there are in all; None: not known.
    """
    if not head:
        return Content("empty", _AGAIN, _AGAIN_IMAGE)
    if not any(head):
        where = "zeros where it begins" if size is None or size > len(head) else "all zeros"
        return Content(
            f"{where}, as where a download made room for a file and did not fill it",
            "let the download end, or repeat it",
            _AGAIN_IMAGE,
        )
    for magic, content in _FIXED:
        if head.startswith(magic):
            return _zip_of(head) if content is _ZIP else content
    for ask in (_boxed_media, _riff, _binary, _tar, _text):
        if (found := ask(head, size)) is not None:
            return found
    return None


def _zip_of(head: bytes) -> Content:
    """What a ZIP archive is by its first member: PyTorch and NumPy write theirs as such."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if name.endswith(b"/data.pkl"):
        return _table("a file of torch.save", "torch.load reads it")
    if name.endswith(b".npy"):
        return _table("NumPy arrays (.npz)", "numpy.load reads it")
    return _ZIP


def _boxed_media(head: bytes, _: int | None) -> Content | None:
    """HEIC, AVIF and the videos whose files are of the same boxes."""
    if head[4:8] != b"ftyp":
        return None
    end = min(max(int.from_bytes(head[:4], "big"), 16), len(head))
    major = head[8:12]
    brands = {major, *(head[at : at + 4] for at in range(16, end, 4))}
    if brands & _AVIF_BRANDS:
        return _image("an AVIF image", "Pillow 11.3 or later reads it")
    if brands & _HEIC_BRANDS:
        return _image("a HEIC image", "Pillow with pillow-heif reads it")
    if brands & _HEIF_BRANDS:
        return _image("a HEIF image", "Pillow with pillow-heif reads it")
    if major == b"crx ":
        return _image("a raw photograph (CR3)", "a raw converter reads it")
    return _other("an MP4 or QuickTime video")


def _riff(head: bytes, _: int | None) -> Content | None:
    if head[:4] != b"RIFF":
        return None
    if head[8:12] == b"WEBP":
        return _image("a WebP image")
    return _other("an AVI video" if head[8:12] == b"AVI " else "a RIFF file, such as WAVE audio")


def _binary(head: bytes, size: int | None) -> Content | None:
    """Formats whose magic is short, or stands further in."""
    patterns = (
        (_BZIP2, _compressed("bzip2-compressed", "bunzip2")),
        (_ZSTD_SKIPPABLE, _ZSTD),
        (_LZMA, _compressed("LZMA-compressed", "unlzma")),
        (_NETPBM, _image("a PNM image (PBM, PGM or PPM)")),
        (_PICKLE, _other("a Python pickle")),
    )
    for pattern, content in patterns:
        if pattern.match(head):
            return content
    if head[:2] == b"\xff\x0a":
        return _JPEG_XL
    if head[:2] == b"\x1f\x9d":
        return _compressed("compressed by compress", "uncompress")
    # A BMP's second header says its own size, and the reserved fields of the first are zero.
    has_bmp_header = int.from_bytes(head[14:18], "little") in _BMP_HEADER_SIZES
    if head[:2] == b"BM" and (has_bmp_header or head[6:10] == bytes(4)):
        return _image("a BMP image")
    if head[:4] == b"\0\0\1\0" and head[9:10] == b"\0" and 0 < head[4] < 64 and head[5] == 0:
        return _image("a Windows icon")
    if head[128:132] == b"DICM":
        return _image("a DICOM image", "pydicom reads it")
    if head[16:20] in (b"\xde\xc0\xef\xbe", b"\xbe\xef\xc0\xde"):
        return _table("an LMDB database", "the module lmdb reads it")
    if _is_tfrecord(head, size):
        return _table("a TFRecord file", "tf.data.TFRecordDataset reads it")
    return None


def _is_tfrecord(head: bytes, size: int | None) -> bool:
    """Whether the length of the first record has the checksum that TFRecord writes behind it."""
    length = int.from_bytes(head[:8], "little")
    if len(head) < 16 or (size is not None and length + 16 > size):
        return False
    checksum = _crc32c(head[:8])
    rotated = ((checksum >> 15) | (checksum << 17)) & 0xFFFFFFFF
    masked = (rotated + 0xA282EAD8) & 0xFFFFFFFF  # tensorflow/core/lib/hash/crc32c.h
    return masked == int.from_bytes(head[8:12], "little")


def _crc32c(data: bytes) -> int:
    """CRC-32C (RFC 3720, B.4), bit by bit: of eight bytes."""
    checksum = 0xFFFFFFFF
    for byte in data:
        checksum ^= byte
        for _ in range(8):
            checksum = (checksum >> 1) ^ (0x82F63B78 if checksum & 1 else 0)
    return checksum ^ 0xFFFFFFFF


def _tar(head: bytes, _: int | None) -> Content | None:
    if head[257:262] != b"ustar":
        return None
    return Content("a tar", "it is damaged further in", _UNPACK_IMAGE)


# --------------------------------------------------------------------------------------------- text


def _text(head: bytes, size: int | None) -> Content | None:
    """Pages, pointers, and other text; None where it is none."""
    encoded = head
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoded = head.decode("utf-16", "ignore").encode()
    stripped = encoded.removeprefix(b"\xef\xbb\xbf").lstrip()
    # A page may begin with comments, or with the declaration of XHTML.
    begin = re.sub(rb"^(<!--.*?-->\s*|<\?xml[^>]*\?>\s*)+", b"", stripped, flags=re.DOTALL).lower()
    for magic, content in _TEXTS:
        if begin.startswith(magic):
            return _lfs_pointer(stripped, content) if "Git LFS" in content.name else content
    if begin.startswith((b"<svg", b"<!doctype svg")):
        return _image("an SVG drawing", "rsvg-convert reads it")
    if stripped.startswith(b"<!--"):
        return _answer("a web page (HTML: an error or log-in page)")
    if stripped.lower().startswith(b"<?xml") or begin.startswith(b"<error>"):
        code = _SERVER_CODE.search(stripped)
        says = f", which says {code[1].decode()}" if code else ""
        return _answer(f"an XML answer of a server{says}" if code else "an XML document")
    plain = _plain_text(encoded, whole=size is None or size <= len(head))
    if plain is None:
        return None
    if _looks_like_json(plain):
        return _answer(f"JSON text, beginning {_beginning(plain)}")
    return _answer(f"text, beginning {_beginning(plain)}")


def _lfs_pointer(text: bytes, content: Content) -> Content:
    """The pointer, with the size of the file that it stands for."""
    size = _LFS_SIZE.search(text)
    if size is None:
        return content
    name = f"{content.name}, which stands for a file of {int(size[1]):,} bytes"
    return Content(name, content.as_archive, content.as_image)


def _plain_text(head: bytes, *, whole: bool) -> str | None:
    """The text that the bytes are; None where they are none: they have control characters."""
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        # The head may end within a character.
        if whole or error.start < len(head) - 3 or not error.start:
            return None
        text = head[: error.start].decode("utf-8")
    printable = all(char.isprintable() or char in "\t\r\n\f" for char in text)
    return text if printable and text.strip() else None


def _looks_like_json(text: str) -> bool:
    begin = text.lstrip("\ufeff \t\r\n")
    if re.match(r'\{\s*("|\}|$)|\[\s*([\[{"\d\]-]|true|false|null|$)', begin) is None:
        return False
    try:
        json.loads(begin)
    except ValueError:  # cut, as a rule
        return begin.startswith(("{", "[[", "[{", '["'))
    except RecursionError:
        return True
    return True


def _beginning(text: str) -> str:
    """The first words, on one line, as a message shows them."""
    line = " ".join(text.lstrip("\ufeff").split())
    return repr(line if len(line) <= 40 else f"{line[:40]}...")
