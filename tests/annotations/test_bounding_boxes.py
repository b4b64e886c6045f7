"""Bounding boxes: every form of archive, everything that is wrong in them, the join with items."""

from __future__ import annotations

import gzip
import warnings
import xml.dom.minidom
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastinet
from fastinet.annotations import annotation_files
from fastinet.annotations.annotation_files import BadAnnotationError, parse_annotation
from fastinet.errors import (
    CorruptError,
    FastinetWarning,
    MissingError,
    ReadError,
    TooLargeError,
)
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.bounding_boxes import (
    FIRST_VALIDATION_BOX,
    annotation_xml,
    odd_annotations,
    write_boxes,
)
from fastinet.testing.small import small_jpeg

WNID = "n01751748"


def validation_files() -> dict[str, bytes]:
    return {
        "val/ILSVRC2012_val_00000002.xml": annotation_xml((500, 333), [(WNID, 1, 2, 499, 333)]),
        "val/ILSVRC2012_val_00000001.xml": annotation_xml((500, 375), [FIRST_VALIDATION_BOX]),
    }


def read_quietly(path: Path, **options: bool) -> fastinet.Boxes:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FastinetWarning)
        return fastinet.read_boxes(path, **options)


def boxes_of(boxes: fastinet.Boxes, key: str) -> list[list[float]]:
    """The boxes of one image, in 200 x 100 pixels."""
    image = boxes.keys.tolist().index(key.encode())
    rows = boxes.boxes[boxes.starts[image] : boxes.starts[image + 1]]
    return (rows.astype(float) * [200, 100, 200, 100]).round(4).tolist()


@pytest.mark.parametrize("form", ["tar.gz", "tar", "zip", "folder"])
@pytest.mark.parametrize("name", ["boxes", "boxes.tar.gz", "boxes.zip"])
def test_the_official_box(tmp_path: Path, form: str, name: str) -> None:
    path = write_boxes(tmp_path / name, validation_files(), form=form)  # type: ignore[arg-type]
    boxes = fastinet.read_boxes(path)
    assert boxes.keys.tolist() == [b"ILSVRC2012_val_00000001", b"ILSVRC2012_val_00000002"]
    assert boxes.sizes.tolist() == [[375, 500], [333, 500]]
    assert boxes.pixels[0].tolist() == [111, 108, 441, 193]
    np.testing.assert_allclose(boxes.boxes[0], [111 / 500, 108 / 375, 441 / 500, 193 / 375])
    assert boxes.wnids.tolist() == [WNID, WNID]
    assert len(boxes) == 2


def test_what_is_wrong_is_put_right_and_counted(tmp_path: Path) -> None:
    path = write_boxes(tmp_path / "boxes.tar.gz", odd_annotations())
    with pytest.warns(FastinetWarning) as caught:
        boxes = fastinet.read_boxes(path, index=False)
    (message,) = [str(warning.message) for warning in caught]
    for part in (
        "1 boxes with xmin > xmax or ymin > ymax swapped",
        "1 boxes clipped to the image",
        "1 boxes dropped, for they have no area inside",
        "1 boxes dropped, for they have no four numbers",
        "3 files skipped, the first: 'n02123045/n02123045_4.xml' says that the image's width is",
        str(path),
    ):
        assert part in message
    assert "of no class" not in message
    middle = [[50, 25, 150, 75]]
    assert boxes_of(boxes, "n03127925_147") == [[50, 25, 200, 100]]
    assert boxes_of(boxes, "n03127925_148") == []
    for number in (1, 2, 3, 7):
        assert boxes_of(boxes, f"n02123045_{number}") == middle
    assert boxes_of(boxes, "n02123045_8") == []
    assert boxes_of(boxes, "n02092002_9") == boxes_of(boxes, "n00141669_6790") == middle
    assert b"n02123045_4" not in boxes.keys
    of_key = dict(zip(np.repeat(boxes.keys, np.diff(boxes.starts)), boxes.wnids, strict=True))
    assert of_key[b"n02092002_9"] == "n02092002"  # though its name is "Scottish_deerhound"
    assert of_key[b"n00141669_6790"] == "n06470073"  # the folder's, not the prefix
    swapped = boxes.keys.tolist().index(b"n02123045_1")
    assert boxes.pixels[boxes.starts[swapped]].tolist() == [150, 75, 50, 25]  # as it stands


@pytest.mark.parametrize(
    ("name", "stated", "object_name", "wnid"),
    [
        ("n01440764/n02000000_1.xml", "n03000000", "n04000000", "n01440764"),
        ("train/n01440764/deep/n02000000_1.xml", "", "n04000000", "n01440764"),
        ("n02085620-Chihuahua/n02000000_1.xml", "", "n04000000", "n02085620"),
        ("val/ILSVRC2012_val_00000001.xml", "val", "n04000000", "n04000000"),
        ("n02000000_1.xml", "n03000000", "dog", "n03000000"),
        ("n02000000_1.xml", "val", "dog", "n02000000"),
        ("test/ILSVRC2012_test_00000001.xml", "test", "dog", ""),
        ("n014407641/x.xml", "", "n0200000", ""),
    ],
)
def test_the_class_of_a_box(
    tmp_path: Path, name: str, stated: str, object_name: str, wnid: str
) -> None:
    content = annotation_xml((200, 100), [(object_name, 1, 2, 30, 40)], folder=stated)
    path = write_boxes(tmp_path / "boxes.zip", {name: content}, form="zip")
    assert read_quietly(path).wnids.tolist() == [wnid]


def test_a_box_without_a_class_is_told(tmp_path: Path) -> None:
    files = {"test/a.xml": annotation_xml((9, 9), [("dog", 1, 2, 3, 4)])}
    with pytest.warns(FastinetWarning, match="1 boxes of no class"):
        boxes = fastinet.read_boxes(write_boxes(tmp_path / "b.tar", files, form="tar"))
    assert boxes.labels(["n01440764"]).tolist() == [-1]
    assert boxes.labels([]).tolist() == [-1]


def test_kaggles_tree(tmp_path: Path) -> None:
    files = {
        "ILSVRC/Annotations/CLS-LOC/train/n02123045/n02123045_1.xml": annotation_xml(
            (200, 100), [("n02123045", 50, 25, 150, 75)]
        ),
        "ILSVRC/Annotations/CLS-LOC/val/ILSVRC2012_val_00000001.xml": validation_files()[
            "val/ILSVRC2012_val_00000001.xml"
        ],
        "ILSVRC/Annotations/DET/val/ILSVRC2012_val_00000001.xml": annotation_xml(
            (200, 100), [("n00007846", 0, 0, 5, 5)]
        ),
    }
    write_boxes(tmp_path, files, form="folder")
    for place in (tmp_path, tmp_path / "ILSVRC", tmp_path / "ILSVRC/Annotations/CLS-LOC"):
        boxes = fastinet.read_boxes(place, index=False)
        assert boxes.wnids.tolist() == [WNID, "n02123045"]


def test_two_files_of_one_image_are_joined(tmp_path: Path) -> None:
    files = {
        f"{wnid}/n02123045_1.xml": annotation_xml((200, 100), [(wnid, x, 0, x + 10, 10)])
        for wnid, x in (("n02123045", 0), ("n06470073", 50))
    }
    boxes = fastinet.read_boxes(write_boxes(tmp_path / "boxes.tar.gz", files))
    assert boxes.keys.tolist() == [b"n02123045_1"]
    assert boxes.wnids.tolist() == ["n02123045", "n06470073"]


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


@pytest.mark.parametrize("corner", range(4))
def test_corners_beyond_any_image_are_no_numbers(corner: int) -> None:
    for number, is_one in ((2**24, True), (-(2**24), True), (2**24 + 1, False), (-(2**25), False)):
        corners = [1, 2, 3, 4]
        corners[corner] = number
        data = annotation_xml((5, 6), [("n02123045", *corners)])  # type: ignore[list-item]
        objects = parse_annotation(data).objects
        assert [tuple(box) for _, *box in objects] == [tuple(corners)] * is_one


@given(
    size=st.tuples(st.integers(1, 500), st.integers(1, 500)),
    corners=st.lists(st.tuples(*[NUMBERS] * 4), max_size=6),
)
def test_any_box_ends_inside_or_is_dropped(
    tmp_path_factory: pytest.TempPathFactory,
    size: tuple[int, int],
    corners: list[tuple[int, int, int, int]],
) -> None:
    files = {"n02123045/n02123045_1.xml": annotation_xml(size, [("x", *box) for box in corners])}
    path = write_boxes(tmp_path_factory.mktemp("any") / "boxes.zip", files, form="zip")
    expected = []
    for x0, y0, x1, y1 in corners:
        left, right = (min(max(x, 0), size[0]) for x in (min(x0, x1), max(x0, x1)))
        top, bottom = (min(max(y, 0), size[1]) for y in (min(y0, y1), max(y0, y1)))
        if left < right and top < bottom:
            expected.append([left / size[0], top / size[1], right / size[0], bottom / size[1]])
    got = read_quietly(path, index=False).boxes
    np.testing.assert_array_equal(got, np.array(expected, np.float32).reshape(-1, 4))


# ------------------------------------------------------------------------------- broken archives


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


# ----------------------------------------------------------------------------------- what is kept


@pytest.mark.parametrize("form", ["tar.gz", "folder"])
def test_what_was_read_is_kept(tmp_path: Path, form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_boxes(tmp_path / "boxes", odd_annotations(), form=form)  # type: ignore[arg-type]
    with pytest.warns(FastinetWarning, match="swapped"):
        first = fastinet.read_boxes(path)
    assert (tmp_path / "boxes.fastinet.boxes").exists()
    parsed = []
    monkeypatch.setattr(
        "fastinet.annotations.bounding_boxes.parse_annotation",
        lambda data: parsed.append(data) or parse_annotation(data),
    )
    with pytest.warns(FastinetWarning, match="swapped"):
        second = fastinet.read_boxes(path)
    assert parsed == []
    for name in ("keys", "starts", "boxes", "pixels", "sizes", "wnid_numbers", "wnids"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert first.notes == second.notes


def test_what_is_kept_is_bound_to_the_archive(tmp_path: Path) -> None:
    path = write_boxes(tmp_path / "boxes.tar", validation_files(), form="tar")
    assert len(fastinet.read_boxes(path)) == 2
    write_boxes(path, dict([*validation_files().items()][:1]), form="tar")
    with pytest.warns(FastinetWarning, match="stale"):
        assert len(fastinet.read_boxes(path)) == 1
    kept = tmp_path / "boxes.tar.fastinet.boxes"
    data = bytearray(kept.read_bytes())
    data[-100] ^= 1
    kept.write_bytes(data)
    with pytest.warns(FastinetWarning, match=f"the box index '{kept}' is damaged"):
        assert len(fastinet.read_boxes(path)) == 1
    folder = write_boxes(tmp_path / "folder", validation_files(), form="folder")
    assert len(fastinet.read_boxes(folder)) == 2
    (folder / "val" / "ILSVRC2012_val_00000002.xml").unlink()
    with pytest.warns(FastinetWarning, match="stale"):
        assert len(fastinet.read_boxes(folder)) == 1


def test_progress_is_told_and_may_stop_it(tmp_path: Path) -> None:
    path = write_boxes(tmp_path / "boxes.tar.gz", validation_files())
    told: list[tuple[int, int]] = []
    fastinet.read_boxes(path, index=False, progress=lambda *done: told.append(done))
    assert told == [(0, 2), (2, 2)]

    def stop(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fastinet.read_boxes(path, progress=stop)
    assert not (tmp_path / "boxes.tar.gz.fastinet.boxes").exists()


# ------------------------------------------------------------------------------------ with items


def train_dataset(folder: Path, wnids: dict[str, int]) -> fastinet.Dataset:
    rng = np.random.default_rng(0)
    path = folder / "train.tar"
    path.write_bytes(
        train_tar(
            {
                wnid: {f"{wnid}_{number}.JPEG": small_jpeg(rng) for number in range(count)}
                for wnid, count in wnids.items()
            }
        )
    )
    return fastinet.open(path, index=False)


def test_items_find_their_boxes(tmp_path: Path) -> None:
    dataset = train_dataset(tmp_path, {"n02092002": 4, "n02123045": 9})
    files = {
        f"n02123045/n02123045_{number}.xml": annotation_xml(
            (200, 100), [("n02123045", number + i, 0, 100, 50) for i in range(number % 3)]
        )
        for number in range(0, 9, 2)
    }
    files["n02092002/n02092002_3.xml"] = annotation_xml((10, 10), [("dog", 1, 2, 3, 4)])
    files["n02092002/n02092002_77.xml"] = annotation_xml((10, 10), [("dog", 1, 2, 3, 4)])
    boxes = fastinet.read_boxes(write_boxes(tmp_path / "boxes.tar.gz", files))
    with pytest.warns(FastinetWarning, match="1 of 7 annotated images are not among the items"):
        of_items = boxes.of(dataset)
    assert len(of_items) == len(dataset)
    for item, key in enumerate(dataset.keys):
        rows = slice(of_items.starts[item], of_items.starts[item + 1])
        data = files.get(key.replace(".JPEG", ".xml"))
        expected = [] if data is None else parse_annotation(data).objects
        side = [10, 10] if key.startswith("n02092002") else [200, 100]
        np.testing.assert_allclose(
            of_items.boxes[rows] * (side * 2),
            np.array([box[1:] for box in expected]).reshape(-1, 4),
            rtol=1e-6,
        )
        assert (of_items.labels[rows] == dataset.labels[item]).all()
    chosen = dataset.select([12, 3])
    with pytest.warns(FastinetWarning, match="5 of 7"):
        of_chosen = boxes.of(chosen)
    assert np.diff(of_chosen.starts).tolist() == [2, 1]


def test_keys_of_every_shape_find_their_boxes(tmp_path: Path) -> None:
    """Flat members with the class behind the name, as the Hugging Face mirror has them."""
    rng = np.random.default_rng(0)
    path = tmp_path / "flat.tar"
    names = ["n02123045_1_n02123045.JPEG", "a.b/n02123045_12_n02123045.JPEG", "n02123045_7.JPEG"]
    path.write_bytes(tar({name: small_jpeg(rng) for name in names}))
    dataset = fastinet.open(path, index=False)
    files = {
        f"n02123045/n02123045_{number}.xml": annotation_xml((10, 10), [("x", 0, 0, number, 10)])
        for number in (1, 7)
    }
    boxes = fastinet.read_boxes(write_boxes(tmp_path / "boxes.tar.gz", files))
    by_key = dict(zip(dataset.keys, np.diff(boxes.of(dataset).starts).tolist(), strict=True))
    assert by_key == dict(zip(names, [1, 0, 1], strict=True))


def test_boxes_of_a_class_that_the_dataset_lacks(tmp_path: Path) -> None:
    dataset = train_dataset(tmp_path, {"n02092002": 2})
    files = {"n02123045/n02092002_1.xml": annotation_xml((10, 10), [("dog", 1, 2, 3, 4)])}
    boxes = fastinet.read_boxes(write_boxes(tmp_path / "boxes.tar.gz", files))
    with pytest.warns(FastinetWarning, match="1 boxes are of no class of the dataset"):
        assert boxes.of(dataset).labels.tolist() == [-1]


def test_the_wrong_archive_is_refused(tmp_path: Path) -> None:
    dataset = train_dataset(tmp_path, {"n02092002": 2})
    boxes = fastinet.read_boxes(write_boxes(tmp_path / "bbox_val.tgz", validation_files()))
    with pytest.raises(ValueError, match=r"train\.tar.*bbox_val\.tgz.*ILSVRC2012_val_00000001"):
        boxes.of(dataset)


@pytest.mark.parametrize(
    ("starts", "boxes", "labels", "cause"),
    [
        ([1, 2], [[0, 0, 1, 1]], [0], "begin with 0"),
        ([0, 2, 1], [[0, 0, 1, 1]], [0], "never fall"),
        ([0, 2], [[0, 0, 1, 1]], [0], "starts ends at 2"),
        ([0, 1], [[0, 0, 1, 1]], [0, 1], "starts ends at 1"),
        ([0, 1], [[0, 0, 1.5, 1]], [0], "from 0 to 1"),
        ([0, 1], [[0.5, 0, 0.5, 1]], [0], "xmin < xmax"),
        ([0, 1], [[np.nan, 0, 0.5, 1]], [0], "box 0 is"),
    ],
)
def test_item_boxes_are_checked(
    starts: list[int], boxes: list[list[float]], labels: list[int], cause: str
) -> None:
    with pytest.raises(ValueError, match=cause):
        fastinet.ItemBoxes(np.array(starts), np.array(boxes), np.array(labels))
