"""Bounding boxes: every form of archive, what is wrong in the annotations, and what is kept."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.validation_boxes import WNID, validation_files

import fastinet
from fastinet.annotations.annotation_files import parse_annotation
from fastinet.errors import FastinetWarning
from fastinet.testing.bounding_boxes import annotation_xml, odd_annotations, write_boxes


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


NUMBERS = st.integers(-50, 600)


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
