"""Annotation files and archives of them: parsed as by another parser; damage and bombs refused."""

from __future__ import annotations

import gzip
import xml.dom.minidom
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.validation_boxes import validation_files

import fastinet
from fastinet.annotations import annotation_files
from fastinet.annotations.annotation_files import BadAnnotationError, parse_annotation
from fastinet.errors import CorruptError, FastinetWarning, MissingError, ReadError, TooLargeError
from fastinet.testing.archives import tar
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes

BOMB = b"""<?xml version="1.0"?>
<!DOCTYPE annotation [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<annotation><size><width>&b;</width></size></annotation>"""


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (BOMB, "document type"),
        (BOMB.decode().encode("utf-16"), "document type"),
        (BOMB.replace(b"?>", b' encoding="utf-16-le"?>', 1), "document type"),
        (annotation_xml((200, 100))[:-9], "is no XML"),
        (annotation_xml((200, 100)).replace(b"200", b"\xff"), "is no XML"),
        (b'<?xml version="1.0" encoding="cp037"?><annotation/>', "is no XML"),
        (b'<?xml version="1.0" encoding="no such"?><annotation/>', "is no XML"),
        (b"", "is no XML"),
        (b"<html/>", "is no annotation"),
        (annotation_xml(None), "has no size"),
        (annotation_xml((0, 100)), "width is '0'"),
        (annotation_xml((100, -4)), "height is '-4'"),
        (annotation_xml((10**9, 5)), "width is"),
    ],
)
def test_bad_annotations(data: bytes, cause: str) -> None:
    with pytest.raises(BadAnnotationError, match=cause):
        parse_annotation(data)


NUMBERS = st.integers(-50, 600)


@given(
    size=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    objects=st.lists(st.tuples(st.text("<&>ab ", max_size=5), *[NUMBERS] * 4), max_size=4),
)
def test_parsing_agrees_with_another_parser(
    size: tuple[int, int], objects: list[tuple[str, int, int, int, int]]
) -> None:
    data = annotation_xml(size, objects)
    annotation = parse_annotation(data)
    document = xml.dom.minidom.parseString(data)  # noqa: S318  # its own text

    def texts(tag: str) -> list[str]:
        nodes = document.getElementsByTagName(tag)
        return ["".join(child.data for child in node.childNodes).strip() for node in nodes]

    assert [str(annotation.width), str(annotation.height)] == texts("width") + texts("height")
    theirs = zip(*map(texts, ("name", "xmin", "ymin", "xmax", "ymax")), strict=True)
    assert [(name, *map(str, map(int, corners))) for name, *corners in annotation.objects] == list(
        theirs
    )


def test_deep_markup_is_harmless() -> None:
    deep = b"<annotation>" + b"<a>" * 300_000
    with pytest.raises(BadAnnotationError, match="is no XML"):
        parse_annotation(deep)
    with pytest.raises(BadAnnotationError, match="has no size"):
        parse_annotation(deep + b"</a>" * 300_000 + b"</annotation>")


@pytest.mark.parametrize("form", ["tar.gz", "tar", "zip"])
def test_a_truncated_archive_is_an_error(tmp_path: Path, form: str) -> None:
    path = write_boxes(tmp_path / "boxes", validation_files(), form=form)  # type: ignore[arg-type]
    whole = path.read_bytes()
    for share in (0.02, 0.1, 0.15, 0.2):
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(CorruptError, match="boxes"):
            fastinet.read_boxes(path, index=False)


def test_a_damaged_gzip_is_an_error(tmp_path: Path) -> None:
    path = write_boxes(tmp_path / "boxes.tgz", validation_files())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    path.write_bytes(data)
    with pytest.raises(CorruptError, match=r"boxes\.tgz"):
        fastinet.read_boxes(path)


def test_a_gzipped_tar_cut_between_members_is_an_error(tmp_path: Path) -> None:
    """The gzip stream is whole, the tar in it is not: its end is missing."""
    path = tmp_path / "boxes.tar.gz"
    path.write_bytes(gzip.compress(tar(validation_files())[:-1024]))
    with pytest.raises(CorruptError, match=r"boxes\.tar\.gz.*unpacked"):
        fastinet.read_boxes(path)


def test_archives_without_annotations(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such file"):
        fastinet.read_boxes(tmp_path / "nowhere.tar.gz")
    path = write_boxes(tmp_path / "a.tar", {"readme.txt": b"hello"}, form="tar")
    with pytest.raises(MissingError, match="no XML file"):
        fastinet.read_boxes(path)
    path = write_boxes(tmp_path / "b.tar", {"x.xml": b"<a/>", "y.xml": b""}, form="tar")
    with pytest.raises(CorruptError, match=r"none of its 2 XML files.*first is no annotation"):
        fastinet.read_boxes(path)
    path.write_bytes(b"neither tar nor anything")
    with pytest.raises(CorruptError, match=r"b\.tar"):
        fastinet.read_boxes(path)


def test_a_huge_file_is_skipped_unread(tmp_path: Path) -> None:
    files = validation_files() | {"val/huge.xml": b" " * (1 << 21)}
    for form in ("tar", "zip", "folder"):
        path = write_boxes(tmp_path / form, files, form=form)  # type: ignore[arg-type]
        with pytest.warns(FastinetWarning, match=r"1 files skipped, the first: 'val/huge\.xml'"):
            assert len(fastinet.read_boxes(path, index=False)) == 2


def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_boxes(tmp_path / "boxes.tar.gz", validation_files())
    monkeypatch.setattr("fastinet.annotations.annotation_files._MOST_UNPACKED_BYTES", 4096)
    with pytest.raises(TooLargeError, match="unpacks to more"):
        fastinet.read_boxes(path)


def test_no_room_to_unpack_is_said() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with (
        full.open("wb", buffering=0) as file,
        pytest.raises(ReadError, match=r"boxes\.tgz.*unpacked to '/dev/full': No space.*TMPDIR"),
    ):
        annotation_files._write(b"x", file, Path("boxes.tgz"))


@pytest.mark.parametrize("corner", range(4))
def test_corners_beyond_any_image_are_no_numbers(corner: int) -> None:
    for number, is_one in ((2**24, True), (-(2**24), True), (2**24 + 1, False), (-(2**25), False)):
        corners = [1, 2, 3, 4]
        corners[corner] = number
        data = annotation_xml((5, 6), [("n02123045", *corners)])  # type: ignore[list-item]
        objects = parse_annotation(data).objects
        assert [tuple(box) for _, *box in objects] == [tuple(corners)] * is_one
