"""Contact sheets: where pictures, captions and frames come to lie."""

from __future__ import annotations

import numpy as np
import pytest

from fastinet.pixels.contact_sheet import contact_sheet


def test_contact_sheet_places_pictures_row_by_row() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    images = [np.full((40, 80, 3), colour, np.uint8) for colour in colours]
    sheet = np.asarray(contact_sheet(images, [("a",), ("b",), ("c",)], columns=2, cell=80))
    for colour, (row, column) in zip(colours, [(0, 0), (0, 1), (1, 0)], strict=True):
        where = np.argwhere((sheet == colour).all(axis=-1))
        assert len(where) == 40 * 80
        assert (where.min(axis=0) // (sheet.shape[0] // 2, sheet.shape[1] // 2)).tolist() == [
            row,
            column,
        ]


def test_contact_sheet_cuts_long_captions_short() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    short = contact_sheet([image], [("tench",)], cell=60)
    long = contact_sheet([image], [("tench " * 30,)], cell=60)
    assert long.size == short.size
    margin = np.asarray(long)[:, -10:]
    assert (margin == margin[0, 0]).all()


@pytest.mark.parametrize(("images", "captions"), [(0, 0), (2, 1)])
def test_contact_sheet_needs_a_caption_for_each_image(images: int, captions: int) -> None:
    with pytest.raises(ValueError, match="a caption for each"):
        contact_sheet([np.zeros((2, 2, 3), np.uint8)] * images, [("x",)] * captions)


def test_a_picture_is_shrunk_to_its_cell_and_never_enlarged() -> None:
    images = [np.zeros((200, 100, 3), np.uint8), np.zeros((10, 30, 3), np.uint8)]
    sheet = np.asarray(contact_sheet(images, [("",), ("",)], cell=80))
    black = np.argwhere((sheet == 0).all(axis=-1))
    left, right = black[black[:, 1] < 95], black[black[:, 1] >= 95]
    for part, (height, width) in ((left, (80, 40)), (right, (10, 30))):
        assert (np.ptp(part, axis=0) + 1).tolist() == [height, width]
    assert left[:, 0].max() == right[:, 0].max(), "they stand on one line"
    assert left[:, 1].min() - 10 == 89 - left[:, 1].max(), "each in the middle of its cell"


def test_frames_are_in_pixels_of_the_picture_and_lie_within_their_box() -> None:
    image = np.full((100, 200, 3), 9, np.uint8)
    frames = [np.array([[20, 40, 120, 80]], np.float32)]
    plain = np.asarray(contact_sheet([image], [("",)], cell=100)).astype(int)
    framed = np.asarray(contact_sheet([image], [("",)], cell=100, frames=frames)).astype(int)
    changed = np.argwhere((plain != framed).any(axis=-1))
    corner = np.argwhere((plain == 9).all(axis=-1)).min(axis=0)
    assert (changed.min(axis=0) - corner).tolist() == [20, 10]
    assert (changed.max(axis=0) - corner).tolist() == [39, 59]


def test_frames_are_one_for_each_image() -> None:
    with pytest.raises(ValueError, match="1 images, but frames for 0"):
        contact_sheet([np.zeros((2, 2, 3), np.uint8)], [("x",)], frames=[])


def test_where_there_is_no_picture_a_tile_is_crossed() -> None:
    """The other tiles are as they would be beside a picture."""
    image = np.full((40, 80, 3), (0, 0, 255), np.uint8)
    frames = [np.array([[0, 0, 40, 20]], np.float32)] * 2
    sheets = [
        np.asarray(contact_sheet(images, [("a",), ("b",)], cell=80, frames=frames))
        for images in ([image, image], [image, None])
    ]
    assert np.array_equal(sheets[0][:, :95], sheets[1][:, :95])
    crossed = (sheets[1] == (200, 60, 40)).all(axis=-1)
    assert not crossed[:, :95].any()
    tile = crossed[10:90, 100:180]
    assert tile.diagonal().all()
    assert tile[::-1].diagonal().all()
    assert tile[0].all()
    assert not tile.all()
