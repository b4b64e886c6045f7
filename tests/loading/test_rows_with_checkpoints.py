"""Rows are the same with checkpoints as without, whatever the checkpoints say."""

from __future__ import annotations

import dataclasses
import os
import platform
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.checkpointed import (
    OTHER_ROADS,
    assert_same_rows,
    kinds_of_image,
    rows_of,
    small_images,
    without_checkpoints,
    write_archive,
)
from support.comparing import jpeg, picture, rng_of

import fastinet
from fastinet import CenterCrop, RandomResizedCrop, Resize
from fastinet.items.checkpoints import Checkpoints
from fastinet.testing import jpegs, reference

IMAGES = kinds_of_image()
OWN = len(IMAGES) - len(OTHER_ROADS)

pytestmark = [
    pytest.mark.usefixtures("own_cache"),
    pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning"),
]


@pytest.fixture(scope="module", params=[0, 1, 3], ids=lambda stride: f"stride {stride}")
def dataset(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """All kinds of image, with checkpoints at every stride."""
    path = write_archive(tmp_path_factory.mktemp("kinds") / "train.tar", IMAGES)
    opened = fastinet.open(path)
    checkpoints = opened.build_checkpoints(stride=request.param)
    assert (checkpoints.covered, checkpoints.stride) == (len(IMAGES), request.param)
    assert np.count_nonzero(checkpoints.sizes) == OWN
    return opened


# ------------------------------------------------------------------------------- the same rows


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize(
    ("transform", "options"),
    [
        (RandomResizedCrop(24), {}),
        (RandomResizedCrop(24, scale=(0.02, 0.2), interpolation="bicubic"), {"views": 3}),
        (RandomResizedCrop(20, scale=(0.9, 1)), {"exif_orientation": True}),
        (CenterCrop(24, resize=32), {"dtype": "float32", "layout": "NCHW", "mean": "imagenet"}),
        (Resize((30, 20)), {"exif_orientation": True}),
    ],
    ids=["train", "views", "turned", "val", "whole"],
)
def test_rows_equal_those_without(
    dataset: fastinet.Dataset, transform: Any, options: dict[str, Any], threads: int
) -> None:
    if "mean" in options:
        options = {**options, "std": "imagenet"}
    for seed in range(3):
        ours = rows_of(dataset, transform, seed=seed, threads=threads, **options)
        theirs = rows_of(without_checkpoints(dataset), transform, seed=seed, threads=1, **options)
        assert ours.failures == {}
        assert_same_rows(ours, theirs)


def test_rows_equal_pillows(dataset: fastinet.Dataset) -> None:
    for seed in range(10):
        transform = RandomResizedCrop(24, scale=(0.05, 1))
        ours = rows_of(dataset, transform, seed=seed, exact=True)
        for item, (image, box, flip) in enumerate(
            zip(ours.images, ours.boxes, ours.flips, strict=True)
        ):
            theirs = reference.decode(dataset.read(item), box.tolist(), 24, flip=bool(flip))
            np.testing.assert_array_equal(image, theirs, err_msg=dataset.keys[item])


def test_stats_tell_the_roads(dataset: fastinet.Dataset) -> None:
    others = len(OTHER_ROADS) - 1
    stats = rows_of(dataset).stats
    assert stats.regions == {"checkpoints": OWN, "scan": 0, "turbo": others, "png": 1}
    assert stats.fallbacks == {"checkpoints": 0, "scan": 0, "turbo": 0, "png": 0}
    assert min(stats.entropy_seconds, stats.idct_seconds, stats.colour_seconds) > 0
    assert stats.entropy_seconds + stats.idct_seconds + stats.colour_seconds < stats.decode_seconds
    plain = rows_of(without_checkpoints(dataset)).stats
    assert plain.regions == {"checkpoints": 0, "scan": OWN, "turbo": others, "png": 1}
    assert plain.mcus_decoded == stats.mcus_decoded
    assert plain.mcus_skipped > stats.mcus_skipped


def test_small_crops_read_little(tmp_path: Path) -> None:
    large = jpeg(picture(rng_of("large"), 400, 400), quality=95)
    dataset = fastinet.open(write_archive(tmp_path / "train.tar", {"large": large}))
    dataset.build_checkpoints()
    transform = RandomResizedCrop(8, scale=(0.01, 0.01))
    ours, theirs = rows_of(dataset, transform), rows_of(without_checkpoints(dataset), transform)
    assert_same_rows(ours, theirs)
    assert theirs.stats.bytes_read == len(large)
    assert ours.stats.bytes_read < len(large) / 4
    whole = rows_of(dataset, Resize(8)).stats.bytes_read
    assert len(large) - 2 <= whole <= len(large)  # all but the end of image, in two reads


def test_selections_keep_their_records(dataset: fastinet.Dataset) -> None:
    rows = [5, 0, 7, 7, 2]
    fresh = fastinet.open(dataset.path)
    for selected in (dataset.select(rows), fresh.select(rows), fresh.select(range(8)).select(rows)):
        assert selected.checkpoints.sizes.tolist() == dataset.checkpoints.sizes[rows].tolist()
        ours = rows_of(selected)
        assert_same_rows(ours, rows_of(without_checkpoints(selected)))
        assert ours.stats.regions["checkpoints"] == len(rows)
        with pytest.raises(ValueError, match="selection"):
            selected.build_checkpoints()


def test_the_records_stay_at_home(dataset: fastinet.Dataset) -> None:
    """A pickled dataset finds them again by itself."""
    import pickle

    for original in (dataset, dataset.select([3, 1, 4])):
        assert original.checkpoints.path is not None
        copy = pickle.loads(pickle.dumps(original))  # noqa: S301  # our own
        assert copy.checkpoints.sizes.tolist() == original.checkpoints.sizes.tolist()
        assert abs(len(pickle.dumps(copy)) - len(pickle.dumps(original))) < 100
        assert_same_rows(rows_of(copy), rows_of(original))


# --------------------------------------------------------------------------- damaged checkpoints


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> fastinet.Dataset:
    """24 small JPEGs with checkpoints."""
    path = write_archive(tmp_path_factory.mktemp("many") / "train.tar", small_images(24))
    opened = fastinet.open(path)
    opened.build_checkpoints(stride=2)
    return opened


def with_records(dataset: fastinet.Dataset, **columns: Any) -> fastinet.Dataset:
    """The dataset with other columns in place of those of its checkpoints."""
    changed = dataset.select(np.arange(len(dataset)))
    values = {**vars(dataset.checkpoints), **columns}
    changed._checkpoints = Checkpoints(**values)
    return changed


def test_every_damaged_byte_of_a_record_is_noticed(many: fastinet.Dataset) -> None:
    """Each byte of one record after another; all items of an epoch have their own damage."""
    checkpoints = many.checkpoints
    theirs = rows_of(without_checkpoints(many), seed=1)
    rng = rng_of("damaged bytes")
    for position in range(int(checkpoints.sizes.max())):
        records = checkpoints.records.copy()
        hit = checkpoints.sizes > position
        at = (checkpoints.starts[hit] + np.uint64(position)).astype(np.int64)
        records[at] ^= rng.integers(1, 256, len(at)).astype(np.uint8)
        ours = rows_of(with_records(many, kept=records), seed=1)
        assert_same_rows(ours, theirs)
        assert ours.stats.fallbacks["checkpoints"] == np.count_nonzero(hit)
        assert ours.stats.regions["checkpoints"] == len(many) - np.count_nonzero(hit)


def test_swapped_records_are_noticed(many: fastinet.Dataset) -> None:
    checkpoints = many.checkpoints
    theirs = rows_of(without_checkpoints(many))
    order = np.roll(np.arange(len(many)), 1)
    for names in (("starts", "sizes", "header_bytes"), ("starts", "sizes"), ("header_bytes",)):
        columns = {name: getattr(checkpoints, name)[order] for name in names}
        ours = rows_of(with_records(many, **columns))
        assert_same_rows(ours, theirs)
        if "starts" in names:
            assert ours.stats.fallbacks["checkpoints"] == len(many)


@pytest.mark.parametrize("what", ["starts", "sizes", "header_bytes"])
def test_random_columns_are_noticed(many: fastinet.Dataset, what: str) -> None:
    column = getattr(many.checkpoints, what)
    theirs = rows_of(without_checkpoints(many))
    rng = rng_of(what)
    for limit in (2, 100, 10_000, int(np.iinfo(column.dtype).max)):
        for _ in range(5):
            drawn = rng.integers(0, limit, len(many), dtype=column.dtype, endpoint=True)
            assert_same_rows(rows_of(with_records(many, **{what: drawn})), theirs)


def test_a_twin_with_equal_tables_and_length_is_noticed(tmp_path: Path) -> None:
    """Nothing but the bytes at the places themselves tells these images apart."""
    rng = rng_of("twins")
    files = [jpeg(picture(rng, 90, 70), quality=85) for _ in range(12)]
    longest = max(map(len, files))
    twins = {str(i): file + bytes(longest - len(file)) for i, file in enumerate(files)}
    dataset = fastinet.open(write_archive(tmp_path / "train.tar", twins))
    checkpoints = dataset.build_checkpoints()
    order = np.roll(np.arange(len(files)), 1)
    columns = {name: getattr(checkpoints, name)[order] for name in ("starts", "sizes")}
    swapped = with_records(dataset, **columns)
    for seed in range(20):
        ours = rows_of(swapped, seed=seed)
        assert_same_rows(ours, rows_of(without_checkpoints(dataset), seed=seed))
        assert ours.stats.fallbacks["checkpoints"] == len(files)


# -------------------------------------------------------------------------------- damaged images


def damaged(data: bytes, number: int, rng: np.random.Generator) -> bytes:
    """`data` cut, or with a few of its bits changed, mostly in the scan.

    The last bytes stay: what comes after the last MCU is Pillow's business, not ours.
    """
    if number % 3 == 0:
        return data[: int(rng.integers(2, len(data)))]
    changed = np.frombuffer(data, np.uint8).copy()
    first = 0 if number % 3 == 1 else data.index(b"\xff\xda")
    for position in rng.integers(first, len(data) - 16, int(rng.integers(1, 4))):
        changed[position] ^= 1 << int(rng.integers(8))
    return changed.tobytes()


def test_damaged_images_meet_the_same_verdict(tmp_path: Path) -> None:
    """An image that was damaged before its checkpoints were made."""
    rng = rng_of("damaged images")
    sound = [data for name, data in IMAGES.items() if name not in OTHER_ROADS]
    images = {str(i): damaged(sound[i % len(sound)], i, rng) for i in range(300)}
    dataset = fastinet.open(write_archive(tmp_path / "train.tar", images))
    dataset.build_checkpoints()
    for transform in (Resize(24), RandomResizedCrop(24), RandomResizedCrop(24, scale=(0.01, 0.1))):
        ours = rows_of(dataset, transform, exact=True)
        assert_same_rows(ours, rows_of(without_checkpoints(dataset), transform, exact=True))
        assert 0 < len(ours.failures) < len(images)
    whole = rows_of(dataset, Resize(24), exact=True)
    decoded = set(range(len(images))) - set(whole.failures)
    different = [
        i
        for i in decoded
        if not np.array_equal(whole.images[i], reference.decode(images[str(i)], None, 24))
    ]
    # A changed bit may make a coefficient that no image has. libjpeg-turbo then gives other pixels
    # on other processors than x86-64, whose pixels are ours (csrc/jpeg/idct.h).
    limit = 0 if platform.machine() in ("x86_64", "AMD64") else len(decoded) // 20
    assert len(different) <= limit, different


def test_an_archive_that_rots_in_place(many: fastinet.Dataset, tmp_path: Path) -> None:
    """Bytes that change while size and time stay.

    Those of headers are noticed. Those of a scan that a crop needs harm as much as they do without
    checkpoints; others may do less, since they are not read.
    """
    path = tmp_path / "train.tar"
    sound = Path(many.path).read_bytes()
    path.write_bytes(sound)
    stamp = path.stat()
    dataset = fastinet.open(path)
    # Rot shows in no stamp; that the file is written to here would stop all reads.
    (opened,) = dataset.columns.archives
    opened.archive = dataclasses.replace(opened.archive, bound=None)
    checkpoints = dataset.build_checkpoints(stride=2)
    plain = without_checkpoints(dataset)
    offsets, sizes = dataset.columns.offsets.astype(np.int64), dataset.sizes.astype(np.int64)
    headers = checkpoints.header_bytes.astype(np.int64)
    rng = rng_of("rot")

    def rot(first: Any, end: Any) -> None:
        """One bit in bytes [first, end) of each item."""
        rotten = np.frombuffer(sound, np.uint8).copy()
        at = offsets + rng.integers(first, end)
        rotten[at] ^= (1 << rng.integers(0, 8, len(at))).astype(np.uint8)
        path.write_bytes(rotten.tobytes())
        os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))

    for seed in range(40):
        rot(np.zeros_like(headers), headers)
        assert_same_rows(rows_of(dataset, seed=seed), rows_of(plain, seed=seed))
    fallbacks = 0
    for seed in range(40):
        rot(headers, sizes - 2)
        ours, theirs = rows_of(dataset, seed=seed), rows_of(plain, seed=seed)
        assert set(ours.failures) <= set(theirs.failures)
        assert set(ours.failures.values()) <= {"CorruptError"}
        fallbacks += ours.stats.fallbacks["checkpoints"]
    assert fallbacks > 40


def test_damage_is_counted_and_has_no_record(tmp_path: Path) -> None:
    images = small_images(6)
    segments = jpegs.parse(images["2"])
    images["2"] = images["2"][: -len(segments[-1].scan) // 2]
    images["4"] = b"\xff\xd8\xff\xe0"
    dataset = fastinet.open(write_archive(tmp_path / "train.tar", images))
    with pytest.warns(
        fastinet.errors.FastinetWarning, match=r"2 items are damaged .*n01440764_2\.JPEG.*byte"
    ):
        checkpoints = dataset.build_checkpoints(chunk_items=3)
    assert np.flatnonzero(checkpoints.sizes == 0).tolist() == [2, 4]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        dataset.build_checkpoints()  # complete: nothing is made again
