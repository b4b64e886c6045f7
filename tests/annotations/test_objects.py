"""Objects in batches: where crops put them, and crops that must cover one."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.epoch_rows import each_row

import fastinet
from fastinet import CenterCrop, ItemBoxes, MultiCrop, RandomCrop, RandomResizedCrop, Resize, View
from fastinet._native import _plan
from fastinet.annotations.objects import CropColumns, objects_in_crops
from fastinet.testing import reference
from fastinet.testing.archives import train_tar
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes

if TYPE_CHECKING:
    from pathlib import Path

WNIDS = ("n01440764", "n02123045")
SIZES = ((120, 80), (64, 96), (90, 90), (40, 30), (150, 50), (33, 77), (100, 64), (81, 59))


def picture_with(box: tuple[int, int, int, int], size: tuple[int, int]) -> bytes:
    """A black PNG with one bright rectangle: (xmin, ymin, xmax, ymax), ends excluded."""
    pixels = np.zeros((size[1], size[0], 3), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def one_box(rng: np.random.Generator, size: tuple[int, int]) -> tuple[int, int, int, int]:
    x = np.sort(rng.choice(size[0] + 1, 2, replace=False))
    y = np.sort(rng.choice(size[1] + 1, 2, replace=False))
    return int(x[0]), int(y[0]), int(x[1]), int(y[1])


@pytest.fixture(scope="module")
def annotated(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[fastinet.Dataset, fastinet.Boxes]:
    """16 pictures whose one bright rectangle is what their annotation says; two have none.

    The annotations are of images of three times the size.
    """
    folder = tmp_path_factory.mktemp("annotated")
    rng = np.random.default_rng(7)
    classes: dict[str, dict[str, bytes]] = {}
    files = {}
    for wnid in WNIDS:
        classes[wnid] = {}
        for number, size in enumerate(SIZES):
            box = one_box(rng, size)
            classes[wnid][f"{wnid}_{number}.JPEG"] = picture_with(box, size)
            if number != 4:
                tripled = [3 * corner for corner in box]
                files[f"{wnid}/{wnid}_{number}.xml"] = annotation_xml(
                    (3 * size[0], 3 * size[1]),
                    [(wnid, tripled[0], tripled[1], tripled[2], tripled[3])],
                )
    (folder / "train.tar").write_bytes(train_tar(classes))
    write_boxes(folder / "boxes.tar.gz", files)
    return fastinet.open(folder / "train.tar"), fastinet.read_boxes(folder / "boxes.tar.gz")


TRANSFORMS = {
    "random": RandomResizedCrop(48, scale=(0.2, 1.0)),
    "random oblong": RandomResizedCrop((32, 64), hflip=1.0),
    "centre": CenterCrop(40, resize=48),
    "centre, beyond the image": CenterCrop(101, resize=None),
    "centre oblong": CenterCrop((30, 51), resize=37),
    "resize": Resize((50, 70)),
    "upside down": RandomResizedCrop((32, 64), (0.2, 1.0), vflip=1.0, box_rule="tensorflow"),
    "random crop": RandomCrop(40, 45, (9, 2), vflip=0.5),
    "random crop, beyond the image": RandomCrop((101, 110), vflip=0.5),
}


@pytest.mark.parametrize("name", TRANSFORMS)
def test_objects_are_where_the_pixels_are(
    annotated: tuple[fastinet.Dataset, fastinet.Boxes], name: str
) -> None:
    dataset, boxes = annotated
    loader = fastinet.Loader(dataset, 5, TRANSFORMS[name], boxes=boxes, shuffle=True, seed=3)
    seen = 0
    for _ in range(3):
        for batch in loader:
            objects = batch.objects
            assert objects is not None
            for box, row, label in zip(objects.boxes, objects.rows, objects.labels, strict=True):
                assert label == batch.labels[row]
                bright = batch.images[row].max(axis=2) > 127
                if bright.sum() < 12:
                    continue  # a sliver that the filter has blurred away
                y, x = np.nonzero(bright)
                theirs = [x.min(), y.min(), x.max() + 1, y.max() + 1]
                np.testing.assert_allclose(box, theirs, atol=1.5)
                seen += 1
            shown = np.zeros(len(batch), bool)
            shown[objects.rows] = True
            for row in np.flatnonzero(~shown):
                number = int(batch.keys[row].split("_")[1].split(".")[0])
                assert number == 4 or (batch.images[row] > 127).sum() == 0
    assert seen > 15


def slow_objects(
    batch: fastinet.Batch, boxes: ItemBoxes, transform: fastinet.Resize | RandomResizedCrop
) -> list[tuple[object, ...]]:
    """The objects of a batch, one after another in plain words."""
    height, width = (transform.size,) * 2 if isinstance(transform.size, int) else transform.size
    crops = batch.boxes.reshape(len(batch), -1, 4)
    flips = batch.flips.reshape(len(batch), -1)
    vflips = batch.vflips.reshape(len(batch), -1)
    found: list[tuple[object, ...]] = []
    for row, item in enumerate(batch.indices.tolist()):
        image_height, image_width = batch.image_sizes[row].tolist()
        for view in range(crops.shape[1]):
            x, y, crop_width, crop_height = crops[row, view].tolist()
            for index in range(boxes.starts[item], boxes.starts[item + 1]):
                xmin, ymin, xmax, ymax = boxes.boxes[index].tolist()
                left = (xmin * image_width - x) * width / crop_width
                right = (xmax * image_width - x) * width / crop_width
                if flips[row, view]:
                    left, right = width - right, width - left
                top = (ymin * image_height - y) * height / crop_height
                bottom = (ymax * image_height - y) * height / crop_height
                if vflips[row, view]:
                    top, bottom = height - bottom, height - top
                area = (right - left) * (bottom - top)
                left, right = (min(max(edge, 0), width) for edge in (left, right))
                top, bottom = (min(max(edge, 0), height) for edge in (top, bottom))
                if left < right and top < bottom:
                    share = (right - left) * (bottom - top) / area
                    corners = (left, top, right, bottom)
                    found.append((row, view, index, boxes.labels[index], share, corners))
    return found


@pytest.mark.parametrize("views", [None, 1, 3])
def test_objects_equal_those_of_plain_words(dataset: fastinet.Dataset, views: int | None) -> None:
    item_boxes = many_boxes(len(dataset))
    transform = RandomResizedCrop((20, 30), views=views, vflip=0.4)
    loader = fastinet.Loader(dataset, 9, transform, boxes=item_boxes, shuffle=True)
    total = 0
    for batch in loader:
        objects = batch.objects
        assert objects is not None
        assert objects is batch.objects
        expected = slow_objects(batch, item_boxes, transform)
        assert len(objects) == len(expected)
        total += len(expected)
        for place, (row, view, index, label, share, corners) in enumerate(expected):
            assert objects.rows[place] == row
            assert objects.views[place] == view
            assert objects.indices[place] == index
            assert objects.labels[place] == label
            assert objects.visible[place] == pytest.approx(share, rel=1e-5)
            assert objects.boxes[place].tolist() == pytest.approx(corners, rel=1e-5, abs=1e-5)
    assert total > 50
    assert objects.boxes.dtype == objects.visible.dtype == np.float32
    assert objects.rows.dtype == objects.labels.dtype == np.int64


def test_objects_are_those_of_each_group(dataset: fastinet.Dataset) -> None:
    boxes = many_boxes(len(dataset))
    transforms = RandomResizedCrop(12, (0.05, 0.4)), RandomCrop((8, 9), 10, 2, vflip=0.5), Resize(7)
    views = MultiCrop(View(transforms[0], count=2), View(transforms[1]), View(transforms[2]))
    for batch in fastinet.Loader(dataset, 9, views, boxes=boxes, shuffle=True, seed=6):
        objects = batch.objects
        assert objects is not None
        order = np.lexsort((objects.indices, objects.views, objects.rows))
        assert (order == np.arange(len(objects))).all()
        assert len(objects)
        for view, transform in enumerate((transforms[0], *transforms)):
            columns = (batch.boxes, batch.windows, batch.flips, batch.vflips)
            crops = CropColumns(batch.indices, *(part[:, view : view + 1] for part in columns))
            alone = objects_in_crops(boxes, transform, batch.image_sizes, crops)
            own = objects.views == view
            np.testing.assert_array_equal(objects.boxes[own], alone.boxes)
            np.testing.assert_array_equal(objects.rows[own], alone.rows)
            np.testing.assert_array_equal(objects.visible[own], alone.visible)


def many_boxes(items: int) -> ItemBoxes:
    """0 to 4 boxes for each item, of any size."""
    rng = np.random.default_rng(items)
    counts = rng.integers(0, 5, items)
    low = rng.uniform(0, 0.9, (counts.sum(), 2))
    high = low + rng.uniform(0.02, 1, low.shape) * (1 - low)
    return ItemBoxes(
        np.concatenate([[0], np.cumsum(counts)]),
        np.concatenate([low, high], axis=1).clip(0, 1),
        rng.integers(-1, 5, len(low)),
    )


def test_image_sizes(dataset: fastinet.Dataset) -> None:
    loader = fastinet.Loader(dataset, 10, CenterCrop(16, resize=16), shuffle=True)
    for batch, row, item in each_row(loader, len(dataset)):
        width, height = Image.open(io.BytesIO(dataset.read(item))).size
        assert batch.image_sizes.dtype == np.int32
        assert batch.image_sizes[row].tolist() == [height, width]
        assert batch.objects is None


def test_masked_rows_have_no_objects_and_no_size(tmp_path: Path) -> None:
    sound = picture_with((2, 3, 9, 9), (20, 20))
    members = {"n02123045_1.JPEG": sound, "n02123045_2.JPEG": b"\xff\xd8\xff no image"}
    (tmp_path / "train.tar").write_bytes(train_tar({"n02123045": members}))
    dataset = fastinet.open(tmp_path / "train.tar", index=False)
    boxes = ItemBoxes(
        np.arange(3), np.tile(np.array([[0.1, 0.2, 0.5, 0.6]]), (2, 1)), np.zeros(2, np.int64)
    )
    loader = fastinet.Loader(dataset, 2, Resize(10), boxes=boxes, on_error="mask")
    with pytest.warns(fastinet.errors.FastinetWarning, match="masked"):
        (batch,) = loader
    assert batch.image_sizes.tolist() == [[20, 20], [0, 0]]
    assert batch.objects is not None
    assert batch.objects.rows.tolist() == [0]


def test_orientation_turns_image_sizes(tmp_path: Path) -> None:
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (30, 20)).save(file, "JPEG", exif=exif)
    (tmp_path / "a.tar").write_bytes(
        train_tar({"n02123045": {"n02123045_1.JPEG": file.getvalue()}})
    )
    dataset = fastinet.open(tmp_path / "a.tar", index=False)
    for turn, size in ((False, [20, 30]), (True, [30, 20])):
        (batch,) = fastinet.Loader(dataset, 1, Resize(8), exif_orientation=turn)
        assert batch.image_sizes.tolist() == [size]


# ----------------------------------------------------------------------- crops that cover an object

SHARES = st.floats(0, 1, width=32)


@st.composite
def object_boxes(draw: st.DrawFn) -> list[list[float]]:
    boxes = []
    for _ in range(draw(st.integers(0, 3))):
        x, y = (sorted(draw(st.tuples(SHARES, SHARES))) for _ in range(2))
        if x[0] < x[1] and y[0] < y[1]:
            boxes.append([x[0], y[0], x[1], y[1]])
    return boxes


@given(
    size=st.tuples(st.integers(1, 900), st.integers(1, 900)),
    objects=object_boxes(),
    least=st.sampled_from([0.0, 1e-9, 0.1, 0.5, 1.0]) | st.floats(0, 1),
    low=st.floats(0.01, 1.0),
    seed=st.integers(0, 2**64 - 1),
)
def test_crops_are_the_references(
    size: tuple[int, int], objects: list[list[float]], least: float, low: float, seed: int
) -> None:
    transform = RandomResizedCrop(32, scale=(low, 1.0), min_object_covered=least)
    (box,), (flip,) = draw(transform, size, objects, seed)
    rounded = np.array(objects, np.float32).reshape(-1, 4).tolist()
    wanted, wanted_flip = reference.random_resized_crop(
        size, seed, 5, 0, scale=(low, 1.0), objects=rounded, min_object_covered=least
    )
    assert (tuple(box.tolist()), flip) == (tuple(wanted), wanted_flip)
    if least > 0 and rounded:
        shares = [reference.covered_share(wanted, size, bounds) for bounds in rounded]
        assert max(shares) >= least


def draw(
    transform: RandomResizedCrop,
    size: tuple[int, int],
    objects: list[list[float]],
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    return _plan.draw_crops(
        transform.native(),
        np.array([size], np.int32),
        np.zeros(1, np.int64),
        seed=seed,
        epoch=5,
        starts=np.array([0, len(objects)]),
        objects=np.array(objects, np.float32).reshape(-1, 4),
    )


def test_without_objects_or_demand_nothing_changes() -> None:
    sizes = np.random.default_rng(0).integers(1, 600, (500, 2), np.int32)
    items = np.arange(500)
    plain = _plan.draw_crops(RandomResizedCrop(224).native(), sizes, items, seed=9, epoch=1)
    demanding = RandomResizedCrop(224, min_object_covered=0.7).native()
    boxes = many_boxes(500)
    for transform, starts, objects in (
        (demanding, np.zeros(501, np.int64), np.zeros((0, 4), np.float32)),
        (RandomResizedCrop(224).native(), boxes.starts, boxes.boxes),
    ):
        ours = _plan.draw_crops(
            transform, sizes, items, seed=9, epoch=1, starts=starts, objects=objects
        )
        np.testing.assert_array_equal(ours[0], plain[0])
        np.testing.assert_array_equal(ours[1], plain[1])


def test_a_demand_matters_and_falls_back_to_the_whole_image() -> None:
    """A tiny object that must be covered whole by crops of a hundredth of the image."""
    transform = RandomResizedCrop(224, scale=(0.01, 0.01), min_object_covered=1.0)
    tiny = [[0.5, 0.5, 0.55, 0.55]]
    boxes = np.concatenate([draw(transform, (500, 400), tiny, seed)[0] for seed in range(200)])
    whole = (boxes == [0, 0, 500, 400]).all(axis=1)
    assert 0 < whole.sum() < 200
    assert (boxes[~whole, 0] <= 250).all()
    assert (boxes[~whole, 0] + boxes[~whole, 2] >= 275).all()


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_loaders_crops_are_the_references(dataset: fastinet.Dataset, threads: int) -> None:
    item_boxes = many_boxes(len(dataset))
    transform = RandomResizedCrop(16, min_object_covered=0.6, views=2)
    loader = fastinet.Loader(
        dataset, 7, transform, boxes=item_boxes, shuffle=True, seed=11, threads=threads
    )
    for batch, row, item in each_row(loader.epoch(2), len(dataset)):
        objects = item_boxes.boxes[item_boxes.starts[item] : item_boxes.starts[item + 1]]
        height, width = batch.image_sizes[row].tolist()
        for view in range(2):
            box, flip = reference.random_resized_crop(
                (width, height),
                11,
                2,
                item,
                view=view,
                objects=objects.tolist(),
                min_object_covered=0.6,
            )
            assert tuple(batch.boxes[row, view].tolist()) == tuple(box)
            assert batch.flips[row, view] == flip


def test_from_archive_to_labelled_batch_with_boxes(
    annotated: tuple[fastinet.Dataset, fastinet.Boxes],
) -> None:
    dataset, boxes = annotated
    transform = RandomResizedCrop(32, min_object_covered=0.5)
    loader = fastinet.Loader(dataset, 16, transform, boxes=boxes, shuffle=True, seed=1)
    (batch,) = loader
    assert batch.objects is not None
    assert batch.images.shape == (16, 32, 32, 3)
    assert sorted(batch.objects.rows.tolist()) == [
        row for row, key in enumerate(batch.keys) if "_4." not in key
    ]
    assert (batch.objects.visible >= 0.5 - 1e-6).all()
    assert repr(batch.objects) == "<14 objects in 14 rows>"
    again = pickle.loads(pickle.dumps(loader))  # noqa: S301  # its own
    (other,) = again.epoch(0)
    np.testing.assert_array_equal(other.objects.boxes, batch.objects.boxes)


def test_a_demand_without_boxes_is_refused(
    annotated: tuple[fastinet.Dataset, fastinet.Boxes],
) -> None:
    dataset, boxes = annotated
    with pytest.raises(ValueError, match=r"min_object_covered.*boxes="):
        fastinet.Loader(dataset, 2, RandomResizedCrop(32, min_object_covered=0.1))
    with pytest.raises(ValueError, match="exif_orientation"):
        fastinet.Loader(dataset, 2, Resize(8), boxes=boxes, exif_orientation=True)
    with pytest.raises(ValueError, match="boxes of 5 items, the dataset has 16"):
        fastinet.Loader(dataset, 2, Resize(8), boxes=many_boxes(5))
    with pytest.raises(TypeError, match="read_boxes"):
        fastinet.Loader(dataset, 2, Resize(8), boxes=[1, 2])  # type: ignore[arg-type]
    for value in (-0.1, 1.1, "x", float("nan")):
        with pytest.raises(ValueError, match="min_object_covered"):
            RandomResizedCrop(32, min_object_covered=value)  # type: ignore[arg-type]


def test_the_native_table_checks_its_columns() -> None:
    from fastinet._native import _engine

    boxes = np.zeros((2, 4), np.float32)
    for starts in ([], [1, 2], [0, 3], [0, 2, 1, 2], [0, -1, 2]):
        with pytest.raises(ValueError, match="rise from 0"):
            _engine.ObjectTable(np.array(starts, np.int64), boxes)
    with pytest.raises(ValueError, match=r"\[M, 4\]"):
        _engine.ObjectTable(np.array([0, 2]), np.zeros((2, 5), np.float32))
