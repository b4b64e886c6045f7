"""Synthetic photographs and the train archive of them: are they what ImageNet's files are?"""

from __future__ import annotations

import collections
import gzip
import io
import re
import tarfile

import numpy as np
import pytest
from PIL import Image

from fastinet.testing import reference
from fastinet.testing.encodings import ODD_ENCODINGS, Encoding, draw_style, encode
from fastinet.testing.photographs import paint, photograph, photographs
from fastinet.testing.textures import TextureBank, dead_leaves, fractal_noise
from fastinet.testing.train_archive import cached_train_archive, write_train_archive

RECORD = 10_240  # bytes; GNU tar's blocking factor of 20


def pixels_of(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    return paint(150, 101, np.random.default_rng(1))


# ------------------------------------------------------------------------------- photographs


def test_a_photograph_depends_on_seed_and_index_only() -> None:
    many = [photo.data for photo in photographs(4, seed=5)]
    assert many[3] == photograph(3, seed=5).data
    assert len(set(many)) == 4
    assert photograph(3, seed=6).data != many[3]


def test_a_photograph_has_the_size_and_quality_that_it_states() -> None:
    qualities = {}
    for photo in photographs(12, seed=2):
        image = Image.open(io.BytesIO(photo.data))
        assert image.size == (photo.width, photo.height)
        assert image.mode == ("L" if photo.encoding.sampling == "grey" else "RGB")
        image.load()
        # One quality, one table.
        table = tuple(image.quantization[0])
        assert qualities.setdefault(photo.encoding.quality, table) == table


def test_styles_come_in_the_shares_that_were_measured() -> None:
    rng = np.random.default_rng(0)
    styles = [draw_style(rng) for _ in range(4000)]
    sampling = collections.Counter(encoding.sampling for _, _, encoding in styles)
    # Of 1,000 real files: 4:4:4 761, 4:2:0 203, 4:2:2 12, 4:4:0 1, grey 23; quality 96 for 671.
    # Five standard deviations of a share p of 4,000 are at most 0.04.
    assert sampling["4:4:4"] / 4000 == pytest.approx(0.761, abs=0.035)
    assert sampling["4:2:0"] / 4000 == pytest.approx(0.203, abs=0.032)
    assert sampling["4:2:2"] / 4000 == pytest.approx(0.012, abs=0.009)
    assert sampling["grey"] / 4000 == pytest.approx(0.023, abs=0.012)
    q96 = np.mean([encoding.quality == 96 for _, _, encoding in styles])
    assert q96 == pytest.approx(0.68, abs=0.04)
    assert np.mean([e.optimised for _, _, e in styles]) == pytest.approx(0.979, abs=0.012)
    megapixels = np.mean([width * height for width, height, _ in styles]) / 1e6
    assert megapixels == pytest.approx(0.20, abs=0.02)
    longest = np.array([max(width, height) for width, height, _ in styles])
    assert np.mean(longest == 500) > 0.6
    assert longest.max() > 1024


def test_bits_per_pixel_are_those_of_real_photographs() -> None:
    high, low = [], []
    for seed in range(24):
        pixels = paint(500, 375, np.random.default_rng((7, seed)))
        high.append(len(encode(pixels, Encoding(96, "4:4:4"))) * 8 / (500 * 375))
        low.append(len(encode(pixels, Encoding(80, "4:2:0"))) * 8 / (500 * 375))
    # Real ones: 5.8 at quality 96 (5th to 95th percentile: 3.0 to 9.1), 1.8 for 4:2:0 files.
    assert np.mean(high) == pytest.approx(5.5, abs=0.9)
    assert np.std(high) > 0.7
    assert np.mean(low) == pytest.approx(1.8, abs=0.6)


def test_pictures_are_colourful_and_well_exposed() -> None:
    pictures = [paint(120, 90, np.random.default_rng((3, seed))) for seed in range(24)]
    means = np.array([picture.mean() for picture in pictures])
    assert 60 < means.mean() < 180
    saturation = [np.ptp(picture, axis=-1).mean() for picture in pictures]
    assert np.mean(saturation) > 30
    assert all(picture.std() > 8 for picture in pictures)


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 200), (200, 3), (1100, 40)])
def test_any_size_can_be_painted(width: int, height: int) -> None:
    for seed in range(8):  # enough to meet every kind of scene
        picture = paint(width, height, np.random.default_rng(seed))
        assert picture.shape == (height, width, 3)
        assert picture.dtype == np.uint8


# ---------------------------------------------------------------------------------- encodings


def test_optimised_tables_are_the_files_own(scene: np.ndarray) -> None:
    own = encode(scene, Encoding(96, "4:4:4", optimised=True))
    standard = encode(scene, Encoding(96, "4:4:4", optimised=False))
    assert len(own) < len(standard)
    assert np.array_equal(pixels_of(own), pixels_of(standard))


@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0", "4:4:0"])
def test_sampling_is_what_the_frame_header_says(scene: np.ndarray, sampling: str) -> None:
    image = Image.open(io.BytesIO(encode(scene, Encoding(90, sampling))))
    factors = {"4:4:4": (1, 1), "4:2:2": (2, 1), "4:2:0": (2, 2), "4:4:0": (1, 2)}
    assert image.layer[0][1:3] == factors[sampling]


@pytest.mark.parametrize("name", sorted(ODD_ENCODINGS))
def test_odd_encodings_show_the_same_picture(scene: np.ndarray, name: str) -> None:
    data = encode(scene, ODD_ENCODINGS[name])
    if name == "gzip":
        assert data[:2] == b"\x1f\x8b"
        data = gzip.decompress(data)
    image = Image.open(io.BytesIO(data))
    claims = {
        "cmyk": image.mode == "CMYK" and image.info.get("adobe_transform") == 0,
        "ycck": image.mode == "CMYK" and image.info.get("adobe_transform") == 2,
        "progressive": bool(image.info.get("progressive")),
        "restart": b"\xff\xd0" in data and b"\xff\xdd" in data,
        "4:4:0": image.format == "JPEG",
        "png": image.format == "PNG" and image.mode == "RGBA",
        "gzip": image.format == "JPEG",
    }
    assert claims[name]
    smooth = encode(scene, Encoding(95, "4:4:4"))
    assert np.abs(pixels_of(data) - pixels_of(smooth)).mean() < 8


# ----------------------------------------------------------------------------------- textures


def test_fractal_noise_has_the_spectrum_asked_for() -> None:
    side = 256
    noise = fractal_noise(np.random.default_rng(0), exponent=1.5, side=side)
    power = np.abs(np.fft.fft2(noise)) ** 2
    radius = np.rint(np.hypot(*np.meshgrid(*[np.fft.fftfreq(side) * side] * 2))).astype(int)
    mean_power = np.bincount(radius.ravel(), power.ravel()) / np.bincount(radius.ravel())
    rings = np.arange(4, 100)
    slope = np.polyfit(np.log(rings), np.log(mean_power[rings]), 1)[0]
    assert slope == pytest.approx(-2 * 1.5, abs=0.1)


def test_dead_leaves_leave_no_gap_and_have_edges() -> None:
    leaves = dead_leaves(np.random.default_rng(0), elongation=1.3, side=128)
    assert leaves.std() == pytest.approx(1, abs=1e-3)
    # Flat within leaves, steps between them: differences have far heavier tails than a Gaussian's.
    steps = np.diff(leaves, axis=1)
    assert (steps**4).mean() / (steps**2).mean() ** 2 > 6


def test_windows_larger_than_the_bank_continue_without_a_seam() -> None:
    bank = TextureBank.__new__(TextureBank)
    ramp = np.broadcast_to(np.arange(1024, dtype=np.float32), (1024, 1024))
    bank._planes = {"ramp": [ramp]}
    window = bank.window("ramp", 3, 3000, np.random.default_rng(0))
    assert window.shape == (3, 3000)
    assert np.abs(np.diff(window, axis=1)).max() <= 1


# ------------------------------------------------------------------------------ train archive


def test_the_archive_is_laid_out_like_the_official_one(tmp_path) -> None:
    path = write_train_archive(tmp_path / "train.tar", images=9, classes=4, seed=3)
    assert path.stat().st_size % RECORD == 0
    with tarfile.open(path) as outer:
        classes = outer.getmembers()
        assert [re.fullmatch(r"n\d{8}\.tar", member.name) is not None for member in classes] == (
            [True] * 4
        )
        assert [member.name for member in classes] == sorted(member.name for member in classes)
        assert all(member.size % RECORD == 0 for member in classes)
        assert all(member.isfile() for member in classes)
    members = reference.list_members(path)
    assert len(members) == 9
    for index, member in enumerate(members):
        assert re.fullmatch(rf"{member.wnid}/{member.wnid}_\d+\.JPEG", member.key)
        assert reference.read_member(path, member) == photograph(index, seed=3).data


def test_the_archive_is_the_same_bytes_for_the_same_seed(tmp_path) -> None:
    first = write_train_archive(tmp_path / "a.tar", images=4, classes=2, seed=1).read_bytes()
    assert write_train_archive(tmp_path / "b.tar", images=4, classes=2, seed=1).read_bytes() == (
        first
    )
    assert write_train_archive(tmp_path / "c.tar", images=4, classes=2, seed=2).read_bytes() != (
        first
    )


def test_odd_encodings_are_spread_over_the_archive(tmp_path) -> None:
    path = write_train_archive(tmp_path / "t.tar", images=6, classes=2, odd=("png", "gzip"))
    heads = [reference.read_member(path, m)[:2] for m in reference.list_members(path)]
    jpeg = b"\xff\xd8"
    assert heads == [b"\x89P", jpeg, jpeg, b"\x1f\x8b", jpeg, jpeg]


def test_an_interrupted_archive_leaves_nothing_behind(tmp_path) -> None:
    def stop(done: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_train_archive(tmp_path / "t.tar", images=4, classes=2, progress=stop)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("images", "classes"), [(3, 4), (2000, 1001), (3, 0), (0, 0)])
def test_impossible_archives_are_refused(tmp_path, images: int, classes: int) -> None:
    with pytest.raises(ValueError, match="a train archive needs 1 to 1000 classes"):
        write_train_archive(tmp_path / "t.tar", images, classes)


def test_the_cached_archive_is_written_once(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: tmp_path / "cache")
    steps: list[int] = []
    first = cached_train_archive(4, 2, seed=9, progress=steps.append)
    assert steps == [1, 2, 3, 4]
    stamp = first.stat().st_mtime_ns
    assert cached_train_archive(4, 2, seed=9, progress=steps.append) == first
    assert first.stat().st_mtime_ns == stamp
    assert len(steps) == 4
    assert cached_train_archive(4, 2, seed=10) != first
