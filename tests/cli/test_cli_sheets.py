"""Contact sheets of the commands: files, crossed tiles, and the word on what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fastinet.cli.sheets import say_what_was_drawn, write_pictures
from fastinet.errors import CorruptError
from fastinet.pixels.contact_sheet import contact_sheet


def test_captions_of_bad_images_tell_the_cause(tmp_path: Path) -> None:
    images = [np.zeros((8, 8, 3), np.uint8)] * 3
    errors = {1: CorruptError("cut", archive="a.tar"), 2: ValueError("odd")}
    captions = [("tench", "a"), ("tench", "b"), ("x", "c")]
    write_pictures(images, captions, tmp_path / "a.png", None, errors, columns=2)
    captions = [("tench", "a"), ("cut", "b"), ("odd", "c")]
    expected = np.asarray(contact_sheet([images[0], None, None], captions, 2))
    assert np.array_equal(np.asarray(Image.open(tmp_path / "a.png")), expected)


def test_a_sheet_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "no" / "a.png"
    with pytest.raises(OSError, match=r"No such file.*a\.png"):
        write_pictures([np.zeros((8, 8, 3), np.uint8)], [("a",)], path)


def test_what_is_missing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    say_what_was_drawn("a.png", 3, {1: CorruptError("cut", archive="a.tar")})
    told = capsys.readouterr()
    assert told.out.strip() == "a.png: 3 images, 1 of them crossed: they gave no picture"
    assert "no picture: archive 'a.tar': cut" in told.err
