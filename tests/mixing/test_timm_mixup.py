"""timm's modes of Mixup against loops over rows and pixels, and against timm itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from fastinet.mixing import TimmMixup

CLASSES, ROWS, HEIGHT, WIDTH = 7, 8, 11, 14
MODES = ["batch", "elem", "pair", "half"]
BOTH = {"mixup_alpha": 0.8, "cutmix_alpha": 1.0, "num_classes": CLASSES}


def batch_of(dtype: Any = np.float32) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(ROWS, 3, HEIGHT, WIDTH))
    return images.astype(dtype), rng.integers(CLASSES, size=ROWS)


def beside(library: str, array: Any) -> Any:
    if library == "numpy":
        return array
    module = pytest.importorskip("torch" if library == "torch" else "jax.numpy")
    return module.asarray(array)


def of_row(mode: str, row: int) -> int | None:
    """Which of the numbers drawn are those of a row; None for a row that is left out."""
    if mode == "batch":
        return 0
    if mode == "pair":
        return min(row, ROWS - 1 - row)
    return None if mode == "half" and row >= ROWS // 2 else row


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_rows_one_by_one(mode: Any, library: str, dtype: Any, layout: Any) -> None:
    images, labels = batch_of(dtype)
    mix = TimmMixup(**BOTH, prob=0.8, mode=mode, layout=layout, seed=3)
    kinds = set()
    for batch in range(6):
        drawn = mix.draw(0, batch, ROWS, HEIGHT, WIDTH)
        lies = images if layout == "NCHW" else np.moveaxis(images, 1, -1)
        before = lies.copy()
        mixed, targets = mix(beside(library, lies), beside(library, labels), epoch=0, batch=batch)
        assert np.array_equal(lies, before)
        mixed, targets = np.asarray(mixed), np.asarray(targets)
        assert (mixed.dtype, targets.dtype) == (dtype, np.float32)
        if layout == "NHWC":
            mixed = np.moveaxis(mixed, -1, 1)
        kept = [row for row in range(ROWS) if of_row(mode, row) is not None]
        assert len(mixed) == len(targets) == len(kept)
        for row in kept:
            number, other = of_row(mode, row), ROWS - 1 - row
            lam, (left, top, right, bottom) = drawn.lam[number], drawn.boxes[number]
            expected = images[row].astype(np.float64)
            if drawn.is_cut[number]:
                kinds.add("cut")
                expected[:, top:bottom, left:right] = images[other][:, top:bottom, left:right]
                area = (right - left) * (bottom - top) / (HEIGHT * WIDTH)
                assert lam == pytest.approx(1 - area)
            else:
                kinds.add("blended" if lam < 1 else "left")
                expected = expected * lam + images[other] * (1 - float(lam))
            np.testing.assert_allclose(
                mixed[row], expected, atol=0.51 if dtype == np.uint8 else 1e-4
            )
            wanted = np.full(CLASSES, 0.1 / CLASSES)
            wanted[labels[row]] += 0.9 * lam
            wanted[labels[other]] += 0.9 * (1 - lam)
            np.testing.assert_allclose(targets[row], wanted, atol=1e-6)
    assert {"cut", "blended"} <= kinds, "nothing was shown"


def test_pixels_are_rounded_and_not_cut_off() -> None:
    images, labels = batch_of(np.uint8)
    mix = TimmMixup(num_classes=CLASSES, mode="elem")
    lam = mix.draw(0, 0, ROWS, HEIGHT, WIDTH).lam[:, None, None, None]
    exact = images * lam + images[::-1] * (1 - lam)
    assert np.abs(mix(images, labels, epoch=0, batch=0)[0] - exact).max() < 0.5001


@pytest.mark.parametrize("mode", ["batch", "elem", "pair"])
@pytest.mark.parametrize("rows", [1, 7])
def test_the_row_in_the_middle_stays(mode: Any, rows: int) -> None:
    """Of an odd number of rows; the others are mixed with those at their place from the end."""
    images, labels = (each[:rows] for each in batch_of())
    mix = TimmMixup(num_classes=CLASSES, mode=mode)
    mixed, targets = mix(images, labels, epoch=0, batch=0)
    middle = rows // 2
    assert np.array_equal(mixed[middle], images[middle])
    assert targets[middle, labels[middle]] == pytest.approx(0.9 + 0.1 / CLASSES)
    lam = mix.draw(0, 0, rows, HEIGHT, WIDTH).lam
    for row in set(range(rows)) - {middle}:
        number = {"batch": 0, "pair": min(row, rows - 1 - row)}.get(mode, row)
        expected = images[row] * lam[number] + images[rows - 1 - row] * (1 - lam[number])
        np.testing.assert_allclose(mixed[row], expected, atol=1e-3)
    assert rows == 1 or not np.allclose(mixed[0], images[0])


@pytest.mark.parametrize("mode", MODES)
def test_groups_of_views_have_the_same_place(mode: Any) -> None:
    rng = np.random.default_rng(1)
    groups = (rng.normal(size=(ROWS, 2, 3, 12, 16)), rng.normal(size=(ROWS, 1, 3, 6, 8)))
    mix = TimmMixup(0, 1.0, mode=mode, num_classes=CLASSES)
    drawn = mix.draw(0, 1, ROWS, 12, 16)
    large, small = mix(groups, batch_of()[1], epoch=0, batch=1)[0]
    changed = 0
    for row in range(len(large)):
        left, top, right, bottom = drawn.boxes[of_row(mode, row) or 0]
        for group, before, scale in ((large, groups[0], 1), (small, groups[1], 2)):
            expected = before[row].copy()
            x = slice((left + scale // 2) // scale, (right + scale // 2) // scale)
            y = slice((top + scale // 2) // scale, (bottom + scale // 2) // scale)
            expected[..., y, x] = before[ROWS - 1 - row][..., y, x]
            assert np.array_equal(group[row], expected)
            changed += not np.array_equal(group[row], before[row])
    assert changed


@pytest.mark.parametrize("mode", ["elem", "batch"])
def test_rectangles_follow_timms_rule(mode: Any) -> None:
    """Around a centre inside the image, of a side's whole part, odd ones longer to the right."""
    height, width = 23, 40
    mix = TimmMixup(0, 1.0, mode=mode, correct_lam=False)
    for batch in range(40):
        lam, _, (box, *_) = mix.draw(0, batch, 4, height, width)
        ratio = np.sqrt(1 - lam[0])  # in float32 where timm's is
        for side, low, high in ((width, *box[::2]), (height, *box[1::2])):
            cut = int(side * ratio)
            possible = {
                (max(at - cut // 2, 0), min(at + (cut + 1) // 2, side)) for at in range(side)
            }
            assert (low, high) in possible


def test_unmixed_epochs_have_targets() -> None:
    images, labels = batch_of()
    for mode, rows in (("batch", ROWS), ("half", ROWS // 2)):
        mix = TimmMixup(**BOTH, mode=mode)  # type: ignore[arg-type]
        mix.mixup_enabled = False
        same, targets = mix(images, labels)
        assert np.array_equal(same, images[:rows])
        assert np.allclose(targets[range(rows), labels[:rows]], 0.9 + 0.1 / CLASSES)


def test_multi_label_is_smoothed_towards_one_half() -> None:
    images, _ = batch_of()
    labels = np.random.default_rng(2).integers(2, size=(ROWS, CLASSES)).astype(np.float32)
    labels[:, 0] = 1
    mix = TimmMixup(num_classes=CLASSES, multi_label=True, label_smoothing=0.2)
    lam = mix.draw(0, 0, ROWS, HEIGHT, WIDTH).lam[0]
    smoothed = labels * 0.8 + 0.1
    expected = smoothed * lam + smoothed[::-1] * (1 - lam)
    np.testing.assert_allclose(mix(images, labels, epoch=0, batch=0)[1], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"mixup_alpha": -1}, "mixup_alpha must be 0 or positive"),
        ({"mixup_alpha": 0}, "nothing is mixed"),
        ({"prob": 1.1}, "prob must be 0 to 1"),
        ({"switch_prob": -0.1}, "switch_prob must be 0 to 1"),
        ({"mode": "row"}, "mode must be one of batch, elem, pair, half, not 'row'"),
        ({"cutmix_minmax": (0.8, 0.3)}, "cutmix_minmax must be 0 <= min < max"),
        ({"label_smoothing": 1.0}, "smoothing must be"),
        ({"layout": "CHW"}, "layout must be"),
        ({"num_classes": 0}, "classes must be"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_senseless_values_are_refused(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TimmMixup(**values)


@pytest.mark.parametrize(
    ("values", "rows", "message"),
    [
        ({"mode": "half"}, 7, "7 are odd: take an even batch size"),
        ({"multi_label": True}, 8, r"needs labels \[B, 1000\], not \[8\]"),
        ({"cutmix_minmax": (0.5, 0.51)}, 8, "give cutmix_minmax more room"),
        ({"layout": "NHWC"}, 8, "give it the layout of the images"),
    ],
)
def test_batches_that_do_not_fit_are_refused(
    values: dict[str, Any], rows: int, message: str
) -> None:
    images, labels = batch_of()
    with pytest.raises(ValueError, match=message):
        TimmMixup(**values)(images[:rows], labels[:rows])


# Beside timm itself


def told(kind: type, mix: TimmMixup, batch: int) -> Any:
    """Timm's own object, which is told what was drawn, and mixes."""
    timm_mixup = pytest.importorskip("timm.data.mixup")
    drawn = mix.draw(0, batch, ROWS, HEIGHT, WIDTH)
    lam = drawn.lam.astype(np.float64 if mix.mode == "batch" else np.float32)
    theirs = kind(**BOTH, mode=mix.mode, correct_lam=mix.correct_lam)
    theirs._params_per_batch = lambda: (float(lam[0]), bool(drawn.is_cut[0]))
    theirs._params_per_elem = lambda _: (lam.copy(), drawn.is_cut)
    cuts = drawn.is_cut & (lam != 1)
    boxes = iter(zip(drawn.boxes[cuts].tolist(), drawn.lam[cuts].tolist(), strict=True))

    def told_box(*_: Any, **__: Any) -> Any:
        (left, top, right, bottom), weight = next(boxes)
        return (top, bottom, left, right), weight

    return theirs, timm_mixup, told_box


@pytest.mark.parametrize("mode", ["batch", "elem", "pair"])
@pytest.mark.parametrize("correct_lam", [True, False])
def test_pixels_and_targets_are_timms(
    mode: Any, correct_lam: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    timm_mixup = pytest.importorskip("timm.data.mixup")
    torch = pytest.importorskip("torch")
    mix = TimmMixup(**BOTH, prob=0.8, mode=mode, correct_lam=correct_lam)
    for batch in range(8):
        images, labels = map(torch.from_numpy, batch_of())
        theirs, _, told_box = told(timm_mixup.Mixup, mix, batch)
        monkeypatch.setattr(timm_mixup, "cutmix_bbox_and_lam", told_box)
        mixed, targets = mix(images, labels, epoch=0, batch=batch)
        expected, wanted = theirs(images.clone(), labels)
        assert torch.equal(mixed, expected)
        assert torch.equal(targets, wanted)


@pytest.mark.parametrize("mode", MODES)
def test_pixels_of_whole_numbers_are_those_of_timms_collate(
    mode: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    timm_mixup = pytest.importorskip("timm.data.mixup")
    torch = pytest.importorskip("torch")
    mix = TimmMixup(**BOTH, prob=0.8, mode=mode)
    for batch in range(8):
        images, labels = batch_of(np.uint8)
        theirs, _, told_box = told(timm_mixup.FastCollateMixup, mix, batch)
        monkeypatch.setattr(timm_mixup, "cutmix_bbox_and_lam", told_box)
        mixed, targets = mix(
            torch.from_numpy(images), torch.from_numpy(labels), epoch=0, batch=batch
        )
        rows = [(image.copy(), int(label)) for image, label in zip(images, labels, strict=True)]
        expected, wanted = theirs(rows)
        assert torch.equal(mixed, expected)
        np.testing.assert_allclose(targets, wanted, atol=1e-7)


@pytest.mark.parametrize(
    "values",
    [
        {"mixup_alpha": 0.8, "cutmix_alpha": 1.0, "prob": 0.7, "switch_prob": 0.3},
        {"mixup_alpha": 0.2},
        {"mixup_alpha": 0.0, "cutmix_alpha": 0.5, "correct_lam": False},
        {"mixup_alpha": 0.5, "cutmix_minmax": (0.2, 0.8)},
    ],
)
@pytest.mark.parametrize("mode", ["elem", "batch"])
def test_draws_are_distributed_as_timms(values: dict[str, Any], mode: Any) -> None:
    timm_mixup = pytest.importorskip("timm.data.mixup")
    count, height, width = 2000, 40, 56
    theirs = timm_mixup.Mixup(**values, mode=mode)
    np.random.seed(5)  # noqa: NPY002 - what timm draws from
    drawn = []
    if mode == "batch":
        pairs = [theirs._params_per_batch() for _ in range(count)]
    else:
        pairs = list(zip(*theirs._params_per_elem(count), strict=True))
    for lam, is_cut in pairs:
        box = (0, 0, 0, 0)
        if is_cut and lam != 1:
            (top, bottom, left, right), lam = timm_mixup.cutmix_bbox_and_lam(  # noqa: PLW2901
                (3, height, width), lam, theirs.cutmix_minmax, theirs.correct_lam
            )
            box = (left, top, right, bottom)
        drawn.append((lam, bool(is_cut and any(box)), *box))
    mix = TimmMixup(**values, mode=mode)
    if mode == "batch":
        each = [mix.draw(0, batch, 2, height, width) for batch in range(count)]
        own = [np.concatenate(parts) for parts in zip(*each, strict=True)]
    else:
        own = list(mix.draw(0, 0, count, height, width))
    lam, is_cut, boxes = own
    found = np.column_stack([lam, is_cut & boxes.any(1), boxes]).astype(np.float64)
    for ours, other in zip(found.T, np.array(drawn, np.float64).T, strict=True):
        points = np.union1d(ours, other)
        shares = [np.searchsorted(np.sort(each), points, "right") / count for each in (ours, other)]
        # Kolmogorov and Smirnov: equal distributions differ by more once in a thousand.
        assert np.abs(shares[0] - shares[1]).max() < 1.95 * np.sqrt(2 / count)
