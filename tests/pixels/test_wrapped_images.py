"""Images that are wrapped in gzip, as ImageNet-21K has some: they decode as if they were not."""

from __future__ import annotations

import gzip
import io
import random
from pathlib import Path

import numpy as np
import pytest
from support.checkpointed import small_images, write_archive
from support.gzipped import epoch, one_image

import fastinet
from fastinet.errors import CorruptError

pytestmark = pytest.mark.usefixtures("own_cache")


@pytest.mark.parametrize("name", ["JPEG", "PNG"])
def test_wrapped_images(name: str) -> None:
    """ImageNet-21K has JPEGs that are wrapped in gzip: they decode as if they were not."""
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 255, (50, 70, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, name)
    data, wrapped = file.getvalue(), gzip.compress(file.getvalue())
    assert fastinet.read_header(wrapped) == fastinet.read_header(data)
    np.testing.assert_array_equal(fastinet.decode(wrapped), fastinet.decode(data))
    box = (3, 4, 30, 20)
    np.testing.assert_array_equal(
        fastinet.decode(wrapped, box=box, size=(16, 16), flip=True),
        fastinet.decode(data, box=box, size=(16, 16), flip=True),
    )


def test_wrapped_images_in_the_loader(tmp_path: Path) -> None:
    images = small_images(12)
    plain = write_archive(tmp_path / "plain.tar", images)
    wrapped = write_archive(
        tmp_path / "wrapped.tar",
        {
            name: gzip.compress(image) if i % 3 == 1 else image
            for i, (name, image) in enumerate(images.items())
        },
    )
    datasets = [fastinet.open(path) for path in (plain, wrapped)]
    for one, other in zip(*map(epoch, datasets), strict=True):
        np.testing.assert_array_equal(one.images, other.images)
    records = datasets[1].build_checkpoints()
    assert np.flatnonzero(records.sizes == 0).tolist() == [1, 4, 7, 10]
    for one, other in zip(*map(epoch, datasets), strict=True):
        np.testing.assert_array_equal(one.images, other.images)


def test_damaged_wrapped_images() -> None:
    wrapped = gzip.compress(one_image())
    with pytest.raises(CorruptError, match="truncated: the gzip data"):
        fastinet.decode(wrapped[:-9])
    with pytest.raises(CorruptError, match="CRC-32"):
        fastinet.decode(wrapped[:-8] + bytes(4) + wrapped[-4:])
    with pytest.raises(CorruptError, match=r"of the inflated image"):
        fastinet.decode(gzip.compress(one_image()[:200]))
    with pytest.raises(fastinet.errors.UnsupportedError, match="neither those of a JPEG"):
        fastinet.decode(gzip.compress(wrapped))


def test_wrapped_images_inflate_within_bounds() -> None:
    """To eight times what they have, or 16 MiB: a small bomb does not fill the memory."""
    from PIL import Image

    bomb = gzip.compress(bytes(20_000_000))  # 20 kB
    with pytest.raises(fastinet.errors.TooLargeError, match=f"than {16 << 20} bytes, which is"):
        fastinet.decode(bomb)
    large = gzip.compress(random.Random(0).randbytes(3 << 20) + bytes(40_000_000), 1)
    with pytest.raises(fastinet.errors.TooLargeError, match=f"than {8 * len(large)} bytes, which"):
        fastinet.decode(large)
    file = io.BytesIO()
    Image.new("RGB", (6000, 6000), (10, 200, 30)).save(file, "JPEG")
    flat = file.getvalue()  # deflate makes a thousandth of it
    assert len(gzip.compress(flat)) * 100 < len(flat)
    assert fastinet.decode(gzip.compress(flat), box=(0, 0, 16, 16)).shape == (16, 16, 3)
    followed = one_image() + bytes(10_000_000)  # more than eight times, and little
    np.testing.assert_array_equal(
        fastinet.decode(gzip.compress(followed)), fastinet.decode(one_image())
    )
