"""Mixup and CutMix against loops over rows and pixels, and on every array library that there is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet.augment import Grayscale
from fastinet.mixing import ColOut, CutMix, InTurn, Mixup, OneOf, TimmMixup, Unmixed, soft_labels

CLASSES = 7
BATCH = {"epoch": 3, "batch": 5}


def batch_of(rows: int = 6, height: int = 9, width: int = 12) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    images = rng.normal(size=(rows, 3, height, width)).astype(np.float32)
    return images, rng.integers(CLASSES, size=rows)


def mixed_targets(labels: Any, lam: float, smoothing: float) -> Any:
    """Soft labels, one number at a time: timm's rule for one class, then the weighted sum."""
    targets = np.zeros((len(labels), CLASSES))
    for row in range(len(labels)):
        for label, weight in ((labels[row], lam), (labels[row - 1], 1 - lam)):
            for column in range(CLASSES):
                targets[row, column] += weight * smoothing / CLASSES
            targets[row, label] += weight * (1 - smoothing)
    return targets


@given(
    alpha=st.floats(0.05, 5),
    smoothing=st.floats(0, 0.9),
    seed=st.integers(0, 2**64 - 1),
    epoch=st.integers(0, 2**32 - 1),
    batch=st.integers(0, 2**32 - 1),
)
def test_mixup(alpha: float, smoothing: float, seed: int, epoch: int, batch: int) -> None:
    images, labels = batch_of()
    way = Mixup(CLASSES, alpha, smoothing, seed)
    lam = way.draw(epoch, batch)
    assert 0 <= lam <= 1
    before = images.copy()
    mixed, targets = way(images, labels, epoch=epoch, batch=batch)
    assert np.array_equal(images, before)
    for row in range(len(images)):  # row - 1 of the first row is the last one
        expected = images[row] * np.float64(lam) + images[row - 1] * np.float64(1 - lam)
        np.testing.assert_allclose(mixed[row], expected, atol=1e-6)
    np.testing.assert_allclose(targets, mixed_targets(labels, lam, smoothing), atol=1e-6)
    np.testing.assert_allclose(targets.sum(1), 1, atol=1e-6)
    assert (mixed.dtype, targets.dtype) == (np.float32, np.float32)


@given(
    alpha=st.floats(0.05, 5),
    seed=st.integers(0, 2**64 - 1),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    layout=st.sampled_from(["NCHW", "NHWC"]),
)
def test_cutmix(alpha: float, seed: int, height: int, width: int, layout: Any) -> None:
    images, labels = batch_of(4, height, width)
    way = CutMix(CLASSES, alpha, 0.1, seed, layout)
    (left, top, right, bottom), lam = way.draw(3, 5, height, width)
    assert 0 <= left <= right <= width
    assert 0 <= top <= bottom <= height
    expected, inside = images.copy(), 0
    for y in range(height):
        for x in range(width):
            if left <= x < right and top <= y < bottom:
                inside += 1
                for row in range(len(images)):
                    expected[row, :, y, x] = images[row - 1, :, y, x]
    assert lam == pytest.approx(1 - inside / (height * width))
    given_images = images if layout == "NCHW" else np.moveaxis(images, 1, -1)
    mixed, targets = way(given_images, labels, **BATCH)
    assert np.array_equal(mixed if layout == "NCHW" else np.moveaxis(mixed, -1, 1), expected)
    np.testing.assert_allclose(targets, mixed_targets(labels, lam, 0.1), atol=1e-6)


@given(seed=st.integers(0, 2**64 - 1), batch=st.integers(0, 1000))
def test_the_rectangle_follows_torchvisions_rule(seed: int, batch: int) -> None:
    """Sides of twice int(half of sqrt(1 - lam)) around a centre inside the image, cut off there."""
    height, width = 224, 160
    way = CutMix(CLASSES, 1.0, seed=seed)
    lam = Mixup(CLASSES, 1.0, seed=seed).draw(0, batch)  # before it is corrected: the same draw
    (left, top, right, bottom), _ = way.draw(0, batch, height, width)
    half_width, half_height = (int(0.5 * math.sqrt(1 - lam) * side) for side in (width, height))
    for low, high, half, side in (
        (left, right, half_width, width),
        (top, bottom, half_height, height),
    ):
        centres = [
            at for at in range(side) if (max(at - half, 0), min(at + half, side)) == (low, high)
        ]
        assert centres, "no centre gives this rectangle"


def groups_of_views(layout: str = "NCHW") -> tuple[Any, ...]:
    """Two views of 12 x 16 and three of 9 x 6, of the same six items."""
    rng = np.random.default_rng(1)
    groups = [rng.normal(size=(6, 2, 3, 12, 16)), rng.normal(size=(6, 3, 3, 9, 6))]
    return tuple(g if layout == "NCHW" else np.moveaxis(g, 2, -1) for g in groups)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_mixup_of_groups_of_views(smoothing: float) -> None:
    """Each view is mixed with the same view of the item before, all by the weight of the batch."""
    groups, labels = groups_of_views(), batch_of()[1]
    way = Mixup(CLASSES, 1.0, smoothing)
    lam = way.draw(3, 5)
    mixed, targets = way(groups, labels, **BATCH)
    assert isinstance(mixed, tuple)
    for group, before in zip(mixed, groups, strict=True):
        for row in range(6):
            for view in range(before.shape[1]):
                expected = before[row, view] * lam + before[row - 1, view] * (1 - lam)
                np.testing.assert_allclose(group[row, view], expected, atol=1e-12)
    np.testing.assert_allclose(targets, mixed_targets(labels, lam, smoothing), atol=1e-6)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
@pytest.mark.parametrize("batch", range(4))
def test_cutmix_of_groups_of_views(layout: Any, batch: int) -> None:
    """The rectangle has its place and extent in all of them, and one weight: the first group's."""
    groups, labels = groups_of_views(layout), batch_of()[1]
    way = CutMix(CLASSES, 2.0, layout=layout)
    (left, top, right, bottom), lam = way.draw(3, batch, 12, 16)
    assert left < right, "no rectangle, which shows nothing"
    mixed, targets = way(groups, labels, epoch=3, batch=batch)
    for group, before in zip(mixed, groups, strict=True):
        lies, was = (np.moveaxis(g, -1, 2) if layout == "NHWC" else g for g in (group, before))
        height, width = was.shape[-2:]
        expected = was.copy()
        for y in range(height):
            for x in range(width):
                # An edge through the middle of a pixel is rounded up: to its other side.
                across = left * width < (x + 0.5) * 16 <= right * width
                if across and top * height < (y + 0.5) * 12 <= bottom * height:
                    expected[..., y, x] = np.roll(was, 1, 0)[..., y, x]
        assert np.array_equal(lies, expected)
    np.testing.assert_allclose(targets, mixed_targets(labels, lam, 0), atol=1e-6)
    alone, alone_targets = way(groups[0], labels, epoch=3, batch=batch)
    assert np.array_equal(alone, mixed[0])
    assert np.array_equal(alone_targets, targets)


def test_one_of_several_ways_to_mix_groups() -> None:
    groups, labels = groups_of_views(), batch_of()[1]
    ways = (Mixup(CLASSES), CutMix(CLASSES), Unmixed(CLASSES))
    mix = OneOf(*ways)
    for batch in range(8):
        got, targets = mix(groups, labels, epoch=0, batch=batch)
        way = mix.draw(0, batch)
        expected, expected_targets = way(groups, labels, epoch=0, batch=batch)
        assert all(np.array_equal(a, b) for a, b in zip(got, expected, strict=True))
        assert np.array_equal(targets, expected_targets)


def test_soft_labels_of_views_are_mixed_view_by_view() -> None:
    """A loader with label maps has a soft label for each view, which differs with its crop."""
    labels = np.random.default_rng(2).random((6, 2, CLASSES)).astype(np.float32)
    labels[4] = 0  # a masked row
    targets = soft_labels(labels, CLASSES, 0.7, 0.1)
    for view in range(2):
        assert np.array_equal(targets[:, view], soft_labels(labels[:, view], CLASSES, 0.7, 0.1))


def test_groups_of_different_batches_are_refused() -> None:
    first, second = groups_of_views()
    for mix in (Mixup(CLASSES), CutMix(CLASSES)):
        with pytest.raises(ValueError, match=r"as many rows, not \[5, 6\]"):
            mix((first, second[1:]), batch_of()[1], **BATCH)


def test_cutmix_takes_whole_numbers() -> None:
    images, labels = batch_of()
    pixels = (images * 50 + 128).astype(np.uint8)
    mixed, _ = CutMix(CLASSES)(pixels, labels, **BATCH)
    assert mixed.dtype == np.uint8
    assert set(np.unique(mixed)) <= set(np.unique(pixels))


def test_draws_depend_on_seed_epoch_and_batch_alone() -> None:
    drawn = {
        (seed, epoch, batch): (
            Mixup(CLASSES, seed=seed).draw(epoch, batch),
            CutMix(CLASSES, seed=seed).draw(epoch, batch, 224, 224),
        )
        for seed in (0, 1, 2**64 - 1)
        for epoch in (0, 1, 2**32 - 1)
        for batch in (0, 1, 2**32 - 1)
    }
    assert len({mixup for mixup, _ in drawn.values()}) == len(drawn)
    for (seed, epoch, batch), (mixup, cutmix) in reversed(drawn.items()):
        assert Mixup(CLASSES, seed=seed).draw(epoch, batch) == mixup
        assert CutMix(CLASSES, seed=seed).draw(epoch, batch, 224, 224) == cutmix


def test_lambda_has_betas_moments() -> None:
    """Mean 1/2, variance 1 / (4 (2 alpha + 1))."""
    for alpha in (0.2, 1.0, 3.0):
        way = Mixup(CLASSES, alpha)
        drawn = np.array([way.draw(0, batch) for batch in range(4000)])
        assert drawn.mean() == pytest.approx(0.5, abs=0.03)
        assert drawn.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.08)


def test_one_of_several_ways() -> None:
    ways = [Mixup(2), Mixup(3), CutMix(4)]
    drawn = [OneOf(*ways, weights=[1, 0, 3], seed=4).draw(1, batch) for batch in range(2000)]
    assert drawn == [OneOf(*ways, weights=[1, 0, 3], seed=4).draw(1, b) for b in range(2000)]
    assert drawn.count(ways[1]) == 0
    assert drawn.count(ways[2]) == pytest.approx(1500, abs=100)
    images, labels = batch_of()
    mixup = Mixup(CLASSES)
    for ours, theirs in zip(
        OneOf(mixup)(images, labels, **BATCH), mixup(images, labels, **BATCH), strict=True
    ):
        assert np.array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_unmixed_batches_have_targets(dtype: Any) -> None:
    images, labels = batch_of()
    images = images.astype(dtype)
    same, targets = Unmixed(CLASSES, 0.1)(images, labels, **BATCH)
    assert same is images
    np.testing.assert_allclose(targets, mixed_targets(labels, 1.0, 0.1), atol=1e-6)
    assert targets.dtype == np.float32


def test_a_label_of_minus_one_is_no_class() -> None:
    assert np.array_equal(soft_labels(np.array([2, -1]), 3), [[0, 0, 1], [0, 0, 0]])


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_a_label_beyond_the_classes_is_refused(library: str) -> None:
    """It would be learnt as none, since it is equal to no class."""
    images, labels = np.zeros((3, 3, 8, 8), np.float32), np.array([0, 5, 2])
    given: Any = (images, labels)
    if library == "torch":
        torch = pytest.importorskip("torch")
        given = tuple(map(torch.from_numpy, given))
    for make in (Mixup, CutMix, Unmixed, lambda n: TimmMixup(num_classes=n)):
        with pytest.raises(ValueError, match="label 5 is none of 5 classes: give as many as"):
            make(5)(*given)
        assert make(6)(*given)[1].shape == (3, 6)


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("soft", [False, True])
def test_nothing_is_learnt_of_a_row_without_label(library: str, soft: bool) -> None:
    """Neither by smoothing nor where it is mixed; its neighbour's own share stays."""
    lam, labels = 0.75, np.array([2, -1, 0])
    given: Any = soft_labels(labels, 4) if soft else labels
    if library != "numpy":
        module = pytest.importorskip("torch" if library == "torch" else "jax.numpy")
        given = module.asarray(given)
    targets = np.asarray(soft_labels(given, 4, lam, smoothing=0.2))
    off, own = 0.05, 0.85
    two, none, zero = np.array([[off, off, own, off], [0] * 4, [own, off, off, off]])
    expected = [
        lam * two + (1 - lam) * zero,
        lam * none + (1 - lam) * two,
        lam * zero + (1 - lam) * none,
    ]
    assert np.allclose(targets, expected, atol=1e-7)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_soft_labels_are_mixed_like_classes(smoothing: float) -> None:
    images, labels = batch_of()
    for way in (Mixup(CLASSES, smoothing=smoothing), CutMix(CLASSES, smoothing=smoothing)):
        expected = way(images, labels, **BATCH)
        for dtype in (np.float32, np.float64, np.int64):
            got = way(images, np.eye(CLASSES, dtype=dtype)[labels], **BATCH)
            assert np.array_equal(got[0], expected[0])
            assert got[1].dtype == np.float32
            np.testing.assert_allclose(got[1], expected[1], atol=1e-6)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: soft_labels(np.zeros((2, 3)), 4),
            r"labels must be \[B\] or \[B, 4\], .* not \[2, 3\]",
        ),
        (lambda: soft_labels(np.zeros((2, 3, 5)), 4), r"not \[2, 3, 5\]"),
        (lambda: Mixup(0), "classes must be"),
        (lambda: Mixup(10, alpha=0), "alpha must be positive, not 0"),
        (lambda: Mixup(10, alpha=float("nan")), "alpha must be positive"),
        (lambda: CutMix(10, smoothing=1), "smoothing must be 0 to below 1, not 1"),
        (lambda: CutMix(10, seed=-1), "seed must be"),
        (lambda: CutMix(10, layout="CHW"), "layout must be"),  # type: ignore[arg-type]
        (lambda: Unmixed(0), "classes must be"),
        (lambda: Unmixed(10, 1.0), "smoothing must be 0 to below 1, not 1.0"),
        (OneOf, "at least one way"),
        (InTurn, "at least one way"),
        (lambda: ColOut(1.0), "p_row must be 0 to below 1, not 1.0"),
        (lambda: ColOut(p_col=-0.1), "p_col must be 0 to below 1, not -0.1"),
        (lambda: ColOut(layout="CHW"), "layout must be"),  # type: ignore[arg-type]
        (lambda: ColOut(0.9).draw(0, 0, 5, 5), "nothing is left of 5 x 5 pixels"),
        (
            lambda: ColOut()(np.zeros((2, 8, 8, 3)), [0, 1], epoch=0, batch=0),
            r'colout with layout="NCHW" has channels on axis 1',
        ),
        (lambda: OneOf(1, 2, weights=[1]), "weights must be 2 numbers"),
        (lambda: OneOf(1, 2, weights=[0, 0]), "weights must be 2 numbers"),
        (lambda: Mixup(10).draw(-1, 0), "epoch must be"),
        (lambda: Mixup(10).draw(0, 2**32), "batch must be"),
        (lambda: CutMix(10)(np.zeros((2, 3)), np.zeros(2), epoch=0, batch=0), "four axes"),
        (lambda: Mixup(10)((), [0], epoch=0, batch=0), "not none at all"),
        (lambda: CutMix(10)((), [0], epoch=0, batch=0), "not none at all"),
        (
            lambda: CutMix(10)(np.zeros((2, 8, 8, 3)), np.zeros(2), epoch=0, batch=0),
            r'layout="NCHW" has channels on axis 1, and images are \(2, 8, 8, 3\)',
        ),
        (
            lambda: CutMix(10, layout="NHWC")(np.zeros((2, 3, 8, 8)), [0, 1], epoch=0, batch=0),
            r'layout="NHWC" has channels on axis 3, and images are \(2, 3, 8, 8\)',
        ),
    ],
)
def test_arguments(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("library", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("layout", ["NCHW", "NHWC"])
def test_colout_leaves_the_same_rows_and_columns_of_all_images(library: str, layout: Any) -> None:
    images, labels = batch_of(height=20, width=31)
    way = ColOut(0.15, 0.3, seed=4, layout=layout)
    rows, columns = way.draw(**BATCH, height=20, width=31)
    assert (len(rows), len(columns)) == (int(0.85 * 20), int(0.7 * 31))
    assert sorted(set(rows.tolist())) == rows.tolist()
    given = images if layout == "NCHW" else images.transpose(0, 2, 3, 1)
    if library != "numpy":
        module = pytest.importorskip("torch" if library == "torch" else "jax.numpy")
        given = (module.from_numpy if library == "torch" else module.asarray)(given)
    smaller, same = way(given, labels, **BATCH)
    assert same is labels
    expected = np.array([[[[c[y, x] for x in columns] for y in rows] for c in i] for i in images])
    found = np.asarray(smaller)
    assert np.array_equal(found if layout == "NCHW" else found.transpose(0, 3, 1, 2), expected)


def test_each_row_and_column_is_left_out_as_often() -> None:
    kept = [ColOut(0.25, 0.5, seed=1).draw(0, batch, 8, 10) for batch in range(2000)]
    for side, count, share in ((0, 8, 0.75), (1, 10, 0.5)):
        often = np.bincount(np.concatenate([pair[side] for pair in kept]), minlength=count) / 2000
        assert np.abs(often - share).max() < 4.5 * math.sqrt(share * (1 - share) / 2000)
    assert len({pair[0].tobytes() for pair in kept}) == math.comb(8, 2)


def test_ways_in_turn_are_one_after_another() -> None:
    images, labels = batch_of()
    shrink, mix = ColOut(seed=2), Mixup(CLASSES, seed=3)
    mixed, targets = InTurn(shrink, mix)(images, labels, **BATCH)
    wanted, wanted_targets = mix(shrink(images, labels, **BATCH)[0], labels, **BATCH)
    assert np.array_equal(mixed, wanted)
    assert np.array_equal(targets, wanted_targets)
    with pytest.raises(TypeError, match=r"such as Mixup\(1000\)"):
        InTurn(shrink, 3)


@pytest.mark.parametrize("way", [Grayscale(), [Mixup(10), CutMix(10)], 1])
def test_what_cannot_mix_is_refused(way: Any) -> None:
    with pytest.raises(TypeError, match=r"such as Mixup\(1000\), not .*fastinet\.augment\.OneOf"):
        OneOf(Mixup(10), way)


def test_mixup_needs_floats() -> None:
    with pytest.raises(TypeError, match="float dtype, not uint8"):
        Mixup(10)(np.zeros((2, 3, 4, 4), np.uint8), np.zeros(2, np.int64), epoch=0, batch=0)
    mix = OneOf(CutMix(10), Mixup(10), weights=[1, 0])  # however rarely it is drawn
    with pytest.raises(TypeError, match="float dtype, not uint8"):
        mix(np.zeros((2, 3, 4, 4), np.uint8), np.zeros(2, np.int64), epoch=0, batch=0)


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16", "uint8"])
@pytest.mark.parametrize("channels_last", [False, True])
def test_torch_tensors(dtype: str, channels_last: bool) -> None:
    torch = pytest.importorskip("torch")
    images, labels = batch_of()
    tensors = torch.from_numpy(images).to(getattr(torch, dtype))
    if channels_last:
        tensors = tensors.contiguous(memory_format=torch.channels_last)
    ways = [CutMix(CLASSES, smoothing=0.1)]
    if dtype != "uint8":
        ways.append(Mixup(CLASSES, 0.4, 0.1))  # type: ignore[arg-type]
    for way in ways:
        mixed, targets = way(tensors, torch.from_numpy(labels), **BATCH)
        expected, expected_targets = way(tensors.float().numpy(), labels, **BATCH)
        assert mixed.dtype == tensors.dtype
        assert targets.dtype == torch.float32
        tolerance = {"float32": 1e-6, "float16": 1e-2, "bfloat16": 5e-2, "uint8": 0}[dtype]
        np.testing.assert_allclose(mixed.float().numpy(), expected, atol=tolerance)
        np.testing.assert_allclose(targets.numpy(), expected_targets, atol=1e-6)
        if channels_last:
            assert mixed.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize(
    ("way", "name", "message"),
    [
        (Mixup, "num_classes", "Mixup has no num_classes=: it is called classes="),
        (CutMix, "switch_prob", r"CutMix has no switch_prob=: OneOf\(Mixup"),
        (Mixup, "prob", r"Unmixed\(...\) among them .*; TimmMixup\("),
        (Mixup, "mode", 'TimmMixup.* mode="elem"'),
        (CutMix, "smooth", r"did you mean smoothing=\?"),
    ],
)
def test_names_of_other_libraries_are_answered(way: Any, name: str, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        way(10, **{name: 1})


@pytest.mark.parametrize("name", ["prob", "p", "mode", "mixup_alpha", "cutmix_minmax", "classes"])
def test_names_of_other_libraries_are_answered_by_what_holds_ways(name: str) -> None:
    for kind in (OneOf, InTurn):
        with pytest.raises(TypeError, match=rf"fastinet.mixing.{kind.__name__} has no {name}=: "):
            kind(Mixup(10), **{name: 1})
