"""Rows, boxes, colours, mixtures and labels against torchvision itself, where it is installed.

The other tests compare with restatements of torchvision's rules, so that they need no torchvision;
these ones tell whether the restatements are right. They run with any torchvision whose torch it is:
beside another one it cannot be imported.
"""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from support.comparing import jpeg, picture, rng_of, some_sizes
from support.drawn_boxes import BOUND, DRAWS, RULES, aspects_of, distance, ours

import fastinet
from fastinet import CenterCrop, ColorJitter, Loader, RandomCrop, RandomResizedCrop, Resize
from fastinet._native import _plan
from fastinet.datasets.validation import validation_labels
from fastinet.formats.torch_files import parse_torch_file
from fastinet.mixing import CutMix, Mixup
from fastinet.testing import reference
from fastinet.testing.archives import tar
from fastinet.testing.devkit import write_devkit
from fastinet.testing.ilsvrc import miniature_challenge, write_archive
from fastinet.testing.label_maps import label_map_files, write_label_maps

torch = pytest.importorskip("torch")
try:
    pytest.importorskip("torchvision", exc_type=ImportError)
except RuntimeError as error:  # "operator torchvision::nms does not exist"
    pytest.skip(f"torchvision is of another torch: {error}", allow_module_level=True)

from torchvision import transforms as v1  # noqa: E402
from torchvision.datasets import ImageFolder, ImageNet, imagenet  # noqa: E402
from torchvision.ops import roi_align  # noqa: E402
from torchvision.transforms import functional as F  # noqa: E402, N812
from torchvision.transforms import v2  # noqa: E402

INTERPOLATIONS: list[Any] = ["nearest", "bilinear", "bicubic", "lanczos"]
IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
ADJUST = {
    "brightness": F.adjust_brightness,
    "contrast": F.adjust_contrast,
    "saturation": F.adjust_saturation,
    "hue": F.adjust_hue,
}


def images(what: str, count: int) -> dict[str, bytes]:
    """JPEGs by file name, every fifth of them grey, of odd sizes."""
    rng = rng_of(what)
    return {
        f"n01440764_{number}.JPEG": jpeg(
            picture(rng, width, height),
            "L" if number % 5 == 4 else "RGB",
            quality=int(rng.integers(40, 100)),
        )
        for number, (width, height) in enumerate(some_sizes(rng, count - 4))
    }


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> fastinet.Dataset:
    path = tmp_path_factory.mktemp("images") / "n01440764.tar"
    path.write_bytes(tar(images("dataset", 200)))
    return fastinet.open(path, index=False)


# --------------------------------------------------------------------------------- training rows

JITTERS = {
    "none": None,
    "usual": ColorJitter(0.4, 0.4, 0.4, 0.1),
    "one": ColorJitter(saturation=1.0),
    "extreme": ColorJitter((0, 20), (0, 20), (0, 20), 0.5),
}


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("colours", JITTERS)
def test_training_rows(dataset: fastinet.Dataset, colours: str, interpolation: Any) -> None:
    """resized_crop, hflip and the adjustments of ColorJitter, given what was drawn: every bit."""
    jitter = JITTERS[colours]
    crop = RandomResizedCrop((31, 23), interpolation=interpolation, color_jitter=jitter, views=3)
    loader = Loader(dataset, 16, crop, shuffle=True, seed=7, exact=True)
    mode = v1.InterpolationMode(interpolation)
    for batch in loader.epoch(2):
        for row, item in enumerate(batch.indices.tolist()):
            image = reference.open_image(dataset.read(item))
            for view in range(3):
                x, y, width, height = batch.boxes[row, view].tolist()
                theirs = F.resized_crop(image, y, x, height, width, [31, 23], mode)
                if batch.flips[row, view]:
                    theirs = F.hflip(theirs)
                if jitter is not None:
                    for name, (factor,), *_ in reference.color_steps(
                        jitter.bounds(), 7, 2, item, view
                    ):
                        theirs = ADJUST[name](theirs, factor)
                assert np.array_equal(batch.images[row, view], theirs)


@pytest.mark.parametrize("name", RULES)
def test_boxes_have_torchvisions_distribution(name: str) -> None:
    rule = RULES[name]
    torch.manual_seed(8)
    image = torch.empty(1, 1, 1).expand(1, rule.height, rule.width)
    drawn = [
        v1.RandomResizedCrop.get_params(image, list(rule.scale), list(rule.ratio))
        for _ in range(DRAWS)
    ]
    theirs = np.array(drawn)[:, [1, 0, 3, 2]]  # from (y, x, height, width)
    boxes = aspects_of(ours(rule, seed=9)[0], rule)
    for what, values in aspects_of(theirs, rule).items():
        assert distance(values, boxes[what]) < BOUND, what


FACTORS: list[tuple[Any, ...]] = [
    (0, 0, 0, 0),
    (0.4, 0.4, 0.4, 0.1),
    (1.5, 1, 0.25, 0.5),
    ((0.5, 2), (1, 1), (0, 3), (-0.25, 0.5)),
    ((1, 1), (0, 0), (1, 1.5), (0, 0)),
]


@pytest.mark.parametrize("arguments", FACTORS)
def test_bounds_of_colour_factors(arguments: tuple[Any, ...]) -> None:
    for theirs in (v1.ColorJitter(*arguments), v2.ColorJitter(*arguments)):
        bounds = [theirs.brightness, theirs.contrast, theirs.saturation, theirs.hue]
        assert ColorJitter(*arguments).bounds() == bounds


def test_colour_steps_have_torchvisions_distribution() -> None:
    bounds = ColorJitter(0.4, (0.5, 2), 1.5, 0.1).bounds()
    names = list(ADJUST)
    torch.manual_seed(1)
    drawn = [v1.ColorJitter.get_params(*bounds) for _ in range(DRAWS)]
    mine = [reference.color_steps(bounds, 1, 0, item) for item in range(DRAWS)]
    for name, theirs in zip(names, np.array([factors for _, *factors in drawn]).T, strict=True):
        assert (
            distance(
                theirs,
                np.array([{step.op: step.arguments[0] for step in steps}[name] for steps in mine]),
            )
            < BOUND
        ), name
    orders = list(itertools.permutations(range(4)))
    places = {tuple(names[op] for op in order): place for place, order in enumerate(orders)}
    counts = np.zeros((2, len(orders)))
    for steps, (order, *_) in zip(mine, drawn, strict=True):
        counts[0, places[tuple(step.op for step in steps)]] += 1
        counts[1, orders.index(tuple(order.tolist()))] += 1
    # Chi squared of two samples of one size, with a mean of 23 and a variance of 46.
    assert ((counts[0] - counts[1]) ** 2 / counts.sum(0)).sum() < 23 + 6 * 46**0.5


# ------------------------------------------------------------------------------- validation rows


@pytest.mark.parametrize("interpolation", INTERPOLATIONS)
@pytest.mark.parametrize("version", [v1, v2])
def test_resize_and_centre_crop(version: Any, interpolation: Any) -> None:
    """Truncated longer sides, halves of a pixel, and crops that reach beyond the image."""
    rng = rng_of("centre", interpolation)
    mode = v1.InterpolationMode(interpolation)
    for data in images("centre", 150).values():
        size = int(rng.integers(1, 90)), int(rng.integers(1, 90))
        resize = int(rng.integers(1, 90))
        image, crop = reference.open_image(data), version.CenterCrop(size)
        mine = fastinet.decode(data, transform=CenterCrop(size, resize, interpolation), exact=True)
        assert np.array_equal(mine, crop(version.Resize(resize, mode)(image))), (image.size, size)
        mine = fastinet.decode(data, transform=CenterCrop(size, None, interpolation))
        assert np.array_equal(mine, crop(image)), (image.size, size)
        mine = fastinet.decode(data, transform=Resize(size, interpolation), exact=True)
        assert np.array_equal(mine, version.Resize(size, mode)(image)), (image.size, size)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_random_crops(mode: Any) -> None:
    """The window that v2.RandomCrop draws and pads as it must, behind a Resize: every bit."""
    rng = rng_of("random crops", mode)
    for number, data in enumerate(images("random crops", 100).values()):
        torch.manual_seed(number)
        image = reference.open_image(data)
        size = int(rng.integers(1, 70)), int(rng.integers(1, 70))
        padding = [int(pixels) for pixels in rng.integers(0, 30, 4)]
        fill: Any = (1, 20, 200) if mode == "constant" else 0
        resize = None if number % 3 == 0 else int(rng.integers(1, 60))
        interpolation = INTERPOLATIONS[number % 4]
        if resize is not None:
            image = v2.Resize(resize, v1.InterpolationMode(interpolation))(image)
        theirs = v2.RandomCrop(size, padding, pad_if_needed=True, fill=fill, padding_mode=mode)
        drawn = theirs.make_params([image])
        left, top, *_ = drawn["padding"] if drawn["needs_pad"] else (0, 0)
        window = drawn["left"] - left, drawn["top"] - top, size[1], size[0]
        crop = RandomCrop(size, resize, padding, mode, fill, interpolation=interpolation)  # type: ignore[arg-type]
        mine = fastinet.decode(data, transform=crop, window=window, exact=True)
        assert np.array_equal(mine, theirs.transform(image, drawn)), (image.size, crop)


@pytest.mark.parametrize("size", [(10, 12), (40, 40)])
def test_random_crops_begin_where_torchvisions_do(size: tuple[int, int]) -> None:
    """Within a larger image, and around a smaller one."""
    draws = 3000
    theirs = v2.RandomCrop(size, 3, pad_if_needed=True)
    image = Image.new("RGB", (20, 15))
    starts = np.empty((draws, 2))
    for start in starts:
        drawn = theirs.make_params([image])
        left, top, *_ = drawn["padding"]
        start[:] = drawn["left"] - left, drawn["top"] - top
    sizes = np.tile(np.array(image.size, np.int32), (draws, 1))
    crop = RandomCrop(size, padding=3).native()
    windows, _, _ = _plan.draw_windows(crop, sizes, np.arange(draws))
    for axis in (0, 1):
        bound = BOUND * np.sqrt(DRAWS / draws)
        assert distance(windows[:, axis], starts[:, axis]) < bound


def test_sizes_of_all_aspect_ratios() -> None:
    """The centre tells how long the longer side became, whatever the ratio."""
    rng = rng_of("ratios")
    for _ in range(300):
        width, height = (int(side) for side in rng.integers(1, 700, 2) ** rng.integers(0, 2, 2))
        resize, size = (int(side) for side in rng.integers(1, 40, 2))
        gradient = Image.linear_gradient("L")  # along the longer side
        if width > height:
            gradient = gradient.transpose(Image.Transpose.TRANSPOSE)
        image = gradient.resize((width, height)).convert("RGB")
        file = io.BytesIO()
        image.save(file, "PNG", compress_level=0)
        mine = fastinet.decode(file.getvalue(), transform=CenterCrop(size, resize), exact=True)
        assert np.array_equal(mine, v1.CenterCrop(size)(v1.Resize(resize)(image))), image.size


# ---------------------------------------------------------------------------------------- floats


@pytest.mark.parametrize("normalised", [False, True])
def test_floats_differ_in_the_last_bits_only(normalised: bool) -> None:
    """All 256 pixels in all channels: within 2**-20, where a last place is 2**-22 at most."""
    pixels = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    image = Image.fromarray(pixels)
    file = io.BytesIO()
    image.save(file, "PNG")
    options: dict[str, Any] = IMAGENET if normalised else {}
    mine = fastinet.decode(file.getvalue(), dtype="float32", layout="NCHW", **options)
    to_float = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
    for theirs in (v1.ToTensor()(image), to_float(image)):
        wanted = v1.Normalize(**IMAGENET)(theirs) if normalised else theirs
        assert np.abs(mine - wanted.numpy()).max() <= 2**-20


# ---------------------------------------------------------------------------------- mixed batches


def mixed_by(way: Any, batch: Any, labels: Any, drawn: dict[str, Any]) -> tuple[Any, Any]:
    """Torchvision's mixture, with what it would draw given."""
    params = {"labels": labels, "batch_size": len(labels), **drawn}
    return way.transform(batch, params), way.transform(labels, params)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_mixed_batches(dtype: str) -> None:
    torch.manual_seed(3)
    batch = torch.randn(8, 3, 33, 21).to(getattr(torch, dtype))
    labels = torch.randint(11, (8,))
    soft = torch.rand(8, 11).softmax(1)
    mixup, cutmix = Mixup(11, 0.4, seed=5), CutMix(11, seed=5)
    for number, given in itertools.product(range(20), (labels, soft)):
        box, lam = cutmix.draw(1, number, 33, 21)
        for way, theirs, drawn in (
            (mixup, v2.MixUp(num_classes=11), {"lam": mixup.draw(1, number)}),
            (cutmix, v2.CutMix(num_classes=11), {"box": box, "lam_adjusted": lam}),
        ):
            mixed, targets = way(batch, given, epoch=1, batch=number)
            wanted, wanted_targets = mixed_by(theirs, batch, given, drawn)
            assert mixed.dtype == wanted.dtype
            assert torch.equal(mixed, wanted)
            assert torch.equal(targets, wanted_targets)


@pytest.mark.parametrize("alpha", [0.2, 1.0])
def test_mixtures_have_torchvisions_distribution(alpha: float) -> None:
    torch.manual_seed(4)
    batch, draws = [torch.empty(1, 3, 40, 60)], 5000
    mixup, cutmix = Mixup(2, alpha, seed=1), CutMix(2, alpha, seed=1)
    blends = [v2.MixUp(alpha=alpha, num_classes=2).make_params(batch) for _ in range(draws)]
    pastes = [v2.CutMix(alpha=alpha, num_classes=2).make_params(batch) for _ in range(draws)]
    theirs = [
        (blend["lam"], *paste["box"], paste["lam_adjusted"])
        for blend, paste in zip(blends, pastes, strict=True)
    ]
    mine = []
    for number in range(draws):
        box, lam = cutmix.draw(0, number, 40, 60)
        mine.append((mixup.draw(0, number), *box, lam))
    bound = BOUND * (DRAWS / draws) ** 0.5
    for column, wanted in zip(np.array(mine).T, np.array(theirs).T, strict=True):
        assert distance(column, wanted) < bound


def test_rectangles_follow_torchvisions_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some centre gives torchvision our rectangle, from the same weight."""
    height, width = 40, 61
    batch, theirs = [torch.empty(1, 3, height, width)], v2.CutMix(num_classes=2)
    for number in range(60):
        (left, top, right, bottom), _ = CutMix(2, seed=1).draw(0, number, height, width)
        lam = Mixup(2, 1.0, seed=1).draw(0, number)  # the same draw
        monkeypatch.setattr(theirs._dist, "sample", lambda _, lam=lam: lam)
        boxes = []
        for at in range(width):
            monkeypatch.setattr(
                torch, "randint", lambda side, size, at=at: torch.full(size, min(at, side - 1))
            )
            boxes.append(theirs.make_params(batch)["box"])
        assert (left, right) in {(box[0], box[2]) for box in boxes}
        assert (top, bottom) in {(box[1], box[3]) for box in boxes}


# ------------------------------------------------------------------------------ labels of crops


def pooled(label_map: NDArray[np.float32], part: Any) -> Any:
    """What naver-ai/relabel_imagenet trains on, for parts (x0, y0, x1, y1) float64 [B, 4]."""
    scores, classes = torch.tensor(label_map)
    dense = torch.zeros(1, 1000, *scores.shape[1:]).scatter_(1, classes.long()[None], scores[None])
    rois = torch.tensor(part).float() * dense.shape[3] - 0.5
    rois = torch.cat([torch.zeros(len(rois), 1), rois], 1)
    return roi_align(dense, rois, output_size=(1, 1)).flatten(1).double().softmax(1).numpy()


@pytest.mark.parametrize("axis", ["xy", "reference"])
def test_soft_labels_are_pooled_by_roi_align(tmp_path: Path, axis: Any) -> None:
    """Sides of 15, 30 and 45 pixels, where many boxes end on the edge of a cell, and others."""
    rng = rng_of("label maps")
    sizes = [(15, 15), (30, 45), (45, 30), (60, 15), (64, 48), (37, 91)]
    members = {
        f"n01440764_{number}.JPEG": jpeg(picture(rng, *size)) for number, size in enumerate(sizes)
    }
    (tmp_path / "n01440764.tar").write_bytes(tar(members))
    dataset = fastinet.open(tmp_path / "n01440764.tar", index=False)
    files = label_map_files(dataset.keys)
    maps = fastinet.open_label_maps(write_label_maps(tmp_path / "maps.tar", files))
    crop = RandomResizedCrop(8, scale=(0.001, 1), ratio=(0.2, 5), views=200)
    (batch,) = Loader(dataset, len(sizes), crop, soft_labels=maps.of(dataset, axis=axis))
    for row, (size, content) in enumerate(zip(sizes, files.values(), strict=True)):
        x, y, width, height = batch.boxes[row].T / np.array(size * 2)[:, None]
        part = np.stack([x, y, x + width, y + height], 1)
        if axis == "reference":
            part = part[:, [1, 0, 3, 2]]
        assert batch.soft_labels is not None
        wanted = pooled(parse_torch_file(content), part)
        assert np.abs(batch.soft_labels[row] - wanted).max() < 2e-6


# ------------------------------------------------------------------------------- whole datasets


def test_labels_are_those_of_image_folder(tmp_path: Path) -> None:
    challenge = miniature_challenge()
    tree = write_archive(tmp_path / "tree", challenge.class_tree(), form="folder")
    archive = write_archive(tmp_path / "train.tar", challenge.official_train())
    theirs, dataset = ImageFolder(tree / "train"), fastinet.open(archive, index=False)
    assert [info.wnid for info in dataset.classes] == theirs.classes
    labels = dict(zip(dataset.keys, dataset.labels.tolist(), strict=True))
    assert labels == {"/".join(Path(path).parts[-2:]): label for path, label in theirs.samples}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # torchvision extracts without a filter
@pytest.mark.parametrize("split", ["train", "val"])
def test_archives_are_what_torchvision_makes_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    """The official archives and the kit: classes, their names, and images of every kind."""
    pytest.importorskip("scipy")  # torchvision reads the kit with it
    for part, (name, _) in imagenet.ARCHIVE_META.items():  # miniatures have other checksums
        monkeypatch.setitem(imagenet.ARCHIVE_META, part, (name, None))
    challenge = miniature_challenge()
    members = challenge.official_train() if split == "train" else challenge.official_val()
    archive = write_archive(tmp_path / imagenet.ARCHIVE_META[split][0], members)
    write_devkit(tmp_path / imagenet.ARCHIVE_META["devkit"][0], validation_labels()[:16])
    dataset = fastinet.open(archive, index=False)
    items = {Path(key).name: item for item, key in enumerate(dataset.keys)}
    theirs = ImageNet(tmp_path, split)
    assert len(theirs) == len(items)
    for (path, _), (image, label) in zip(theirs.samples, theirs, strict=True):
        item = items[Path(path).name]
        info = dataset.classes[dataset.labels[item]]
        assert (info.wnid, tuple(info.names)) == (theirs.wnids[label], theirs.classes[label])
        if split == "train":  # of 16 validation images, torchvision numbers their own classes
            assert dataset.labels[item] == label
        assert np.array_equal(fastinet.decode(dataset.read(item), exact=True), image)
