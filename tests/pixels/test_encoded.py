"""Encoded images: bytes, buffers, paths; and what is none of them."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import fastinet
from fastinet.errors import MissingError, ReadError, UnsupportedError
from fastinet.pixels.encoded import encoded_image
from fastinet.testing.small import small_jpeg

DATA = small_jpeg(np.random.default_rng(0))


def test_buffers_are_taken_as_they_are() -> None:
    for buffer in (DATA, bytearray(DATA), memoryview(DATA), np.frombuffer(DATA, np.uint8)):
        assert encoded_image(buffer) is buffer


def test_paths_are_read(tmp_path: Path) -> None:
    path = tmp_path / "image.JPEG"
    path.write_bytes(DATA)
    pixels = fastinet.decode(DATA, size=8)
    for given in (str(path), path):
        assert np.array_equal(fastinet.decode(given, size=8), pixels)
        assert fastinet.read_header(given) == fastinet.read_header(DATA)
        (batch,) = fastinet.decode_batch([given], size=8)
        assert np.array_equal(batch, pixels)
    with pytest.raises(MissingError, match=r"other\.JPEG': no such file"):
        fastinet.decode(tmp_path / "other.JPEG")
    with pytest.raises(ReadError, match="directory"):
        fastinet.read_header(tmp_path)
    (tmp_path / "text").write_text("no image")
    with pytest.raises(UnsupportedError):
        fastinet.decode(tmp_path / "text")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (io.BytesIO(DATA), r"data is a file, .* data\.read\(\), or its path"),
        (np.zeros((4, 4, 3), np.uint8), "data is ndarray with pixels, which are decoded already"),
        (Image.new("RGB", (4, 4)), "data is Image with pixels, which are decoded already"),
        (7, "data must be the bytes of an image file, or its path, not 7"),
        (None, "data must be the bytes of an image file, or its path, not None"),
    ],
    ids=["file", "array", "Pillow's", "number", "None"],
)
def test_what_is_no_encoded_image(given: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        fastinet.decode(given)
    with pytest.raises(TypeError, match=message.replace("data", r"images\[1\]")):
        fastinet.decode_batch([DATA, given], size=8)


def test_a_tensor_says_what_to_give() -> None:
    torch: Any = pytest.importorskip("torch")
    with pytest.raises(TypeError, match=r"tensor, .* data\.numpy\(\)"):
        fastinet.decode(torch.frombuffer(bytearray(DATA), dtype=torch.uint8))


def test_one_image_is_not_several() -> None:
    for one in (DATA, "image.JPEG", Path("image.JPEG")):
        with pytest.raises(TypeError, match="images are several"):
            fastinet.decode_batch(one, size=8)  # type: ignore[arg-type]
