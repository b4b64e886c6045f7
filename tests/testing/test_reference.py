"""The oracle itself: is the plain road right?"""

from __future__ import annotations

import gzip
import io
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.epoch_rows import each_row

import fastinet
from fastinet.testing import reference
from fastinet.testing.encodings import ODD_ENCODINGS
from fastinet.testing.train_archive import write_train_archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_train_archive(tmp_path_factory.mktemp("a") / "train.tar", images=7, classes=3)


def png(pixels: np.ndarray) -> bytes:
    """A lossless file, so that pixels can be compared one by one."""
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def picture(width: int, height: int) -> np.ndarray:
    return np.random.default_rng((width, height)).integers(0, 256, (height, width, 3), np.uint8)


# ------------------------------------------------------------------------------------ archive


def test_members_lie_where_the_list_says(archive: Path) -> None:
    members = reference.list_members(archive)
    assert [member.wnid for member in members] == sorted(member.wnid for member in members)
    for member in members:
        assert member.key.startswith(f"{member.wnid}/{member.wnid}_")
        data = reference.read_member(archive, member)
        assert len(data) == member.size
        assert data[:2] == b"\xff\xd8"
        assert data[-2:] == b"\xff\xd9"
    assert reference.labels_of(members).tolist() == [0, 0, 1, 1, 2, 2, 2]


def test_an_epoch_gives_every_image_once_whatever_the_threads(archive: Path) -> None:
    members = reference.list_members(archive)
    epochs = {}
    for threads in (1, 3):
        batches = list(
            reference.train_epoch(archive, members, batch_size=3, size=16, threads=threads, seed=4)
        )
        assert [len(labels) for _, labels in batches] == [3, 3, 1]
        epochs[threads] = np.concatenate([images for images, _ in batches])
        labels = np.concatenate([labels for _, labels in batches])
        assert sorted(labels.tolist()) == [0, 0, 1, 1, 2, 2, 2]
    assert np.array_equal(epochs[1], epochs[3])
    other = reference.train_epoch(archive, members, batch_size=7, size=16, seed=4, epoch=1)
    assert not np.array_equal(next(other)[0], epochs[1])


# --------------------------------------------------------------------------------- one image


def test_decode_cuts_then_mirrors() -> None:
    pixels = picture(9, 6)
    part = reference.decode(png(pixels), box=(2, 1, 4, 3), flip=True)
    assert np.array_equal(part, pixels[1:4, 2:6][:, ::-1])
    assert np.array_equal(reference.decode(png(pixels)), pixels)


def test_the_resize_sees_nothing_outside_the_box() -> None:
    pixels = picture(20, 20)
    other = pixels.copy()
    other[:, :5], other[:, 15:], other[:5], other[15:] = 0, 255, 7, 9
    box = (5, 5, 10, 10)
    assert np.array_equal(
        reference.decode(png(pixels), box, 4), reference.decode(png(other), box, 4)
    )


def test_the_resize_is_antialiased() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    small = reference.decode(png(stripes), size=(16, 8))
    assert small.shape == (16, 8, 3)
    # Grey, but for the borders, where the filter is cut off; plain sampling gives 0 or 255.
    assert np.abs(small.astype(int) - 127).max() <= 12


def test_gzip_grey_and_alpha_become_rgb() -> None:
    pixels = picture(5, 4)
    assert np.array_equal(reference.decode(gzip.compress(png(pixels))), pixels)
    grey = reference.decode(png(pixels[..., 0]))
    assert np.array_equal(grey, np.repeat(pixels[..., :1], 3, axis=-1))
    alpha = np.concatenate([pixels, picture(5, 4)[..., :1]], axis=-1)
    assert np.array_equal(reference.decode(png(alpha)), pixels)


@pytest.mark.parametrize(
    ("width", "height", "resized"),
    # torchvision: the longer side is int(256 * longer / shorter).
    [(500, 375, (341, 256)), (375, 500, (256, 341)), (333, 500, (256, 384)), (10, 10, (256, 256))],
)
def test_center_crop_takes_the_middle_of_the_resized_image(
    width: int, height: int, resized: tuple[int, int]
) -> None:
    pixels = picture(width, height)
    whole = np.asarray(Image.fromarray(pixels).resize(resized, Image.Resampling.BILINEAR))
    left, top = round((resized[0] - 224) / 2.0), round((resized[1] - 224) / 2.0)
    row = reference.center_crop(png(pixels), 224, 256)
    assert np.array_equal(row, whole[top : top + 224, left : left + 224])


def test_center_crop_is_black_beyond_the_image() -> None:
    row = reference.center_crop(png(np.full((3, 4, 3), 200, np.uint8)), 7, None)
    # torchvision pads (7 - 4) // 2 = 1 on the left and 2 above, the rest right and below.
    expected = np.zeros((7, 7, 3), np.uint8)
    expected[2:5, 1:5] = 200
    assert np.array_equal(row, expected)


# -------------------------------------------------------------------------------- random boxes


@pytest.mark.parametrize(
    ("key", "counter", "bits"),
    # The known answers that come with Random123 (kat_vectors, philox4x32 with 10 rounds).
    [
        ((0, 0), (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (
            (0xFFFFFFFF, 0xFFFFFFFF),
            (0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF),
            (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD),
        ),
        (
            (0xA4093822, 0x299F31D0),
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_gives_the_known_answers(
    key: tuple[int, int], counter: tuple[int, int, int, int], bits: tuple[int, ...]
) -> None:
    assert reference.philox(key, counter) == bits


@given(
    width=st.integers(1, 3000),
    height=st.integers(1, 3000),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 2**32 - 1),
    item=st.integers(0, 2**63 - 1),
)
def test_boxes_lie_inside_the_image(
    width: int, height: int, seed: int, epoch: int, item: int
) -> None:
    box, _ = reference.random_resized_crop((width, height), seed, epoch, item)
    assert box.width >= 1
    assert box.height >= 1
    assert 0 <= box.x <= width - box.width
    assert 0 <= box.y <= height - box.height


def test_areas_and_ratios_are_distributed_as_torchvision_draws_them() -> None:
    side, draws = 1000, 4000
    boxes, flips = zip(
        *[reference.random_resized_crop((side, side), 1, 0, item) for item in range(draws)],
        strict=True,
    )
    share = np.array([box.width * box.height for box in boxes]) / side**2
    log_ratio = np.log([box.width / box.height for box in boxes])
    assert share.min() > 0.079
    assert np.abs(log_ratio).max() < math.log(4 / 3) + 0.01
    # Uniform on both; large boxes of odd shape are drawn again, which only trims the end.
    small = share < 0.7
    quarters = np.histogram(share[small], bins=4, range=(0.08, 0.7))[0] / small.sum()
    assert quarters == pytest.approx([0.25] * 4, abs=0.035)
    assert log_ratio[small].mean() == pytest.approx(0, abs=0.015)
    assert np.histogram(log_ratio[small], bins=4)[0] / small.sum() == pytest.approx(
        [0.25] * 4, abs=0.035
    )
    assert np.mean(flips) == pytest.approx(0.5, abs=0.04)
    # Every place is as likely as every other.
    x = np.array([box.x / max(1, side - box.width) for box in boxes])
    assert np.histogram(x[small], bins=4)[0] / small.sum() == pytest.approx([0.25] * 4, abs=0.035)


@pytest.mark.parametrize(
    ("size", "box"),
    [
        ((1000, 10), (493, 0, 13, 10)),  # wider than 4:3 of what fits
        ((10, 1000), (0, 493, 10, 13)),
    ],
)
def test_the_fallback_is_the_largest_centred_box(
    size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    # No box of at least 0.9 of the area and these ratios fits into so long an image.
    drawn, _ = reference.random_resized_crop(size, 0, 0, 0, scale=(0.9, 1.0))
    assert drawn == box


# ---------------------------------------------------------------- the fast road against this one


@pytest.fixture(scope="module")
def odd_archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every kind of JPEG that the family has; PNG and gzip in disguise are not read yet."""
    odd = [name for name in ODD_ENCODINGS if name not in ("png", "gzip")]
    path = tmp_path_factory.mktemp("odd") / "train.tar"
    return write_train_archive(path, images=12, classes=4, odd=odd)


def test_the_fast_road_finds_the_same_members(odd_archive: Path) -> None:
    dataset = fastinet.open(odd_archive, index=False)
    members = reference.list_members(odd_archive)
    assert list(dataset.keys) == [member.key for member in members]
    assert dataset.labels.tolist() == reference.labels_of(members).tolist()
    assert [info.wnid for info in dataset.classes] == sorted({member.wnid for member in members})
    for item, member in enumerate(members):
        assert dataset.read(item) == reference.read_member(odd_archive, member)


def test_training_rows_are_the_oracles(odd_archive: Path) -> None:
    dataset = fastinet.open(odd_archive, index=False)
    transform = fastinet.RandomResizedCrop(64)
    seed = 2**40 + 3
    loader = fastinet.Loader(dataset, 5, transform, shuffle=True, seed=seed, exact=True, threads=2)
    for batch, row, item in each_row(loader.epoch(6), len(dataset)):
        data = dataset.read(item)
        size = reference.open_image(data).size
        box, flip = reference.random_resized_crop(size, seed, 6, item)
        assert batch.boxes[row].tolist() == list(box)
        assert batch.flips[row] == flip
        pixels = reference.train_row(data, 64, seed, 6, item)
        assert np.array_equal(batch.images[row], pixels), batch.keys[row]


def test_validation_rows_are_the_oracles(odd_archive: Path) -> None:
    dataset = fastinet.open(odd_archive, index=False)
    loader = fastinet.Loader(dataset, 5, fastinet.CenterCrop(224, resize=256), exact=True)
    for batch, row, item in each_row(loader, len(dataset)):
        pixels = reference.center_crop(dataset.read(item), 224, 256)
        assert np.array_equal(batch.images[row], pixels), batch.keys[row]
