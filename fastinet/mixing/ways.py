"""Ways to mix a batch as a whole: Mixup, CutMix, and ColOut; one of several, several in turn."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from fastinet.base.arguments import explains_unknown
from fastinet.base.array_library import as_dtype, library_of, range_beside
from fastinet.base.checks import checked_seed
from fastinet.mixing.parts import (
    CENTRE,
    CHOICE,
    COLUMNS,
    LAMBDA,
    ROWS,
    Layout,
    check_layout_name,
    check_smoothing,
    each_group,
    groups_of,
    height_width,
    random_of,
    refuse_whole_numbers,
    scaled,
    soft_labels,
)
from fastinet.mixing.turns import Way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["ColOut", "CutMix", "InTurn", "Mixup", "OneOf", "Unmixed"]

Kind = TypeVar("Kind")

_TIMMS: Final = "TimmMixup(...) has timm's arguments"
_BOTH: Final = "OneOf(Mixup(...), CutMix(...), weights=...) draws one of these for each batch"
_OTHER_NAMES: Final = {
    "num_classes": "it is called classes= here",
    "label_smoothing": "it is called smoothing= here",
    "mixup_alpha": f"Mixup(alpha=...) is that, and {_TIMMS}",
    "cutmix_alpha": f"CutMix(alpha=...) is that, and {_TIMMS}",
    "cutmix_minmax": _TIMMS,
    "switch_prob": f"{_BOTH}; {_TIMMS}",
    "prob": f"{_BOTH}, and Unmixed(...) among them leaves a batch as it is; {_TIMMS}",
    "mode": f'a batch is mixed as a whole; {_TIMMS}, mode="elem", "pair" and "half" among them',
    "p": "Unmixed(...) in OneOf(..., weights=...) leaves batches as they are",
    "mixup": "Mixup(alpha=...) is that",
    "cutmix": "CutMix(alpha=...) is that",
    "correct_lam": "labels are always weighted by the area that is left; leave it out",
}


def _with_answers(kind: type[Kind]) -> type[Kind]:
    """Lets a way to mix say what takes the place of timm's and torchvision's arguments."""
    explained = explains_unknown(f"fastinet.mixing.{kind.__name__}", _OTHER_NAMES)
    kind.__init__ = explained(kind.__init__)  # type: ignore[method-assign]
    return kind


@_with_answers
@dataclass(frozen=True)
class Mixup(Way):
    """Blends every image with the one before it: ``image * lam + other * (1 - lam)``.

    Zhang et al., "mixup: Beyond Empirical Risk Minimization", ICLR 2018.

    Attributes:
        classes: number of classes, C.
        alpha: `lam` is drawn from Beta(alpha, alpha), once a batch; positive.
        smoothing: share of the labels' weight that goes to all classes alike, 0 to below 1.
        seed: 0 .. 2**64 - 1.

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    classes: int
    alpha: float = 0.2
    smoothing: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        _check(self)

    def draw(self, epoch: int, batch: int) -> float:
        """The weight of the images' own pixels in a batch."""
        return _beta(self.alpha, self.seed, epoch, batch)

    def mixed(self, images: Any, labels: Any, epoch: int, batch: int) -> tuple[Any, Any]:
        """Mixes a batch.

        Args:
            images: float [B, ...]; or a tuple of such arrays, the groups of a `MultiCrop`.
            labels: int [B], or soft ones, such as ReLabel's: float [B, C], with views [B, V, C].
            epoch: 0 .. 2**32 - 1.
            batch: where in the epoch, 0 .. 2**32 - 1; ``batch * world + rank`` lets ranks differ.

        Returns:
            Images like those given, and float32 targets [B, C].

        Raises:
            TypeError: images of whole numbers, which cannot be blended.
            ValueError: labels of another shape, or groups of other batches.
        """
        refuse_whole_numbers(images)
        lam = self.draw(epoch, batch)

        def blended(array: Any) -> Any:
            mixed = array * lam + library_of(array).roll(array, 1, 0) * (1.0 - lam)
            return as_dtype(mixed, array.dtype)

        return each_group(blended, images), soft_labels(labels, self.classes, lam, self.smoothing)


@_with_answers
@dataclass(frozen=True)
class CutMix(Way):
    """Pastes a rectangle of the image before it into every image.

    Yun et al., "CutMix: Regularization Strategy to Train Strong Classifiers with Localizable
    Features", ICCV 2019. The rectangle's sides are ``sqrt(1 - lam)`` of the image's, its centre is
    anywhere; what reaches beyond the image is cut off, and labels are weighted by the area that is
    left.

    All views of a batch have the same rectangle. In groups of another size than the first, its
    edges are at the same parts of height and width, rounded to whole pixels, the half up; labels
    are weighted by its area in the first group.

    Attributes:
        classes: number of classes, C.
        alpha: `lam` is drawn from Beta(alpha, alpha), once a batch; positive.
        smoothing: share of the labels' weight that goes to all classes alike, 0 to below 1.
        seed: 0 .. 2**64 - 1.
        layout: where images have their rows and columns: "NCHW" (also in ``channels_last`` memory)
            or "NHWC".

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    classes: int
    alpha: float = 1.0
    smoothing: float = 0.0
    seed: int = 0
    layout: Layout = "NCHW"

    def __post_init__(self) -> None:
        _check(self)
        check_layout_name(self.layout)

    def draw(
        self, epoch: int, batch: int, height: int, width: int
    ) -> tuple[tuple[int, int, int, int], float]:
        """The rectangle (left, top, right, bottom) [pixels], and the weight of what is around."""
        lam = _beta(self.alpha, self.seed, epoch, batch)
        random = random_of(self.seed, epoch, batch, CENTRE)
        x, y = random.below([width, height]).tolist()
        half = 0.5 * math.sqrt(1.0 - lam)
        half_width, half_height = int(half * width), int(half * height)
        left, right = max(x - half_width, 0), min(x + half_width, width)
        top, bottom = max(y - half_height, 0), min(y + half_height, height)
        inside = (right - left) * (bottom - top) / (width * height)
        return (left, top, right, bottom), 1.0 - inside

    def mixed(self, images: Any, labels: Any, epoch: int, batch: int) -> tuple[Any, Any]:
        """Mixes a batch.

        Args:
            images: [B, 3, H, W] or, under "NHWC", [B, H, W, 3]; of any dtype. With views
                [B, V, ...], or a tuple of such arrays, the groups of a `MultiCrop`.
            labels: int [B], or soft ones, such as ReLabel's: float [B, C], with views [B, V, C].
            epoch: 0 .. 2**32 - 1.
            batch: where in the epoch, 0 .. 2**32 - 1; ``batch * world + rank`` lets ranks differ.

        Returns:
            Images like those given, and float32 targets [B, C].

        Raises:
            ValueError: images or labels of another shape, or groups of other batches.
        """
        height, width = height_width("cutmix", self.layout, groups_of(images)[0].shape)
        box, lam = self.draw(epoch, batch, height, width)

        def pasted(array: Any) -> Any:
            xp = library_of(array)
            sides = height_width("cutmix", self.layout, array.shape)
            left, right = (scaled(edge, width, sides[1]) for edge in (box[0], box[2]))
            top, bottom = (scaled(edge, height, sides[0]) for edge in (box[1], box[3]))
            rows, columns = (range_beside(xp, side, array) for side in sides)
            lines = ((rows >= top) & (rows < bottom))[:, None]
            inside = lines & (columns >= left) & (columns < right)
            if self.layout == "NHWC":
                inside = inside[:, :, None]
            return xp.where(inside, xp.roll(array, 1, 0), array)

        return each_group(pasted, images), soft_labels(labels, self.classes, lam, self.smoothing)


@_with_answers
@dataclass(frozen=True)
class Unmixed(Way):
    """Leaves images as they are; labels become targets, as they do in the batches that are mixed.

    Among the ways of `OneOf` it stands for the batches that timm's ``--mixup-prob`` leaves alone.

    Attributes:
        classes: number of classes, C.
        smoothing: share of the labels' weight that goes to all classes alike, 0 to below 1.

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    classes: int
    smoothing: float = 0.0

    def __post_init__(self) -> None:
        check_smoothing(self.classes, self.smoothing)

    def mixed(self, images: Any, labels: Any, epoch: int, batch: int) -> tuple[Any, Any]:  # noqa: ARG002 - called as the others are
        """The images given, and float32 targets [B, C]; see `Mixup`."""
        return images, soft_labels(labels, self.classes, smoothing=self.smoothing)


@_with_answers
class OneOf(Way):
    """One of several ways to mix, drawn anew for each batch.

    Args:
        ways: `Mixup`, `CutMix`, `Unmixed`, or anything that is called as they are.
        weights: how often each is drawn, relative to the others; None: all alike.
        seed: 0 .. 2**64 - 1.

    Raises:
        TypeError: a way that cannot be called.
        ValueError: no ways, or weights that do not fit them.
    """

    def __init__(self, *ways: Any, weights: Sequence[float] | None = None, seed: int = 0) -> None:
        _refuse_no_ways(ways)
        shares = np.ones(len(ways)) if weights is None else np.asarray(weights, np.float64)
        if shares.shape != (len(ways),) or not (shares >= 0).all() or not 0 < shares.sum() < np.inf:
            raise ValueError(f"weights must be {len(ways)} numbers from 0 on, not {weights!r}")
        _check_callable(ways)
        self.ways = ways
        self.seed = checked_seed(seed)
        self._ends = np.cumsum(shares / shares.sum())

    def draw(self, epoch: int, batch: int) -> Any:
        """The way that a batch is mixed."""
        uniform = random_of(self.seed, epoch, batch, CHOICE).uniform(1)[0]
        number = int(np.searchsorted(self._ends, uniform, side="right"))
        return self.ways[min(number, len(self.ways) - 1)]

    def mixed(self, images: Any, labels: Any, epoch: int, batch: int) -> tuple[Any, Any]:
        """Mixes a batch; see `Mixup` and `CutMix`."""
        if any(isinstance(way, Mixup) for way in self.ways):
            refuse_whole_numbers(images)  # at the first batch, not when its turn comes
        mixed, targets = self.draw(epoch, batch)(images, labels, epoch=epoch, batch=batch)
        return mixed, targets


@_with_answers
@dataclass(frozen=True)
class ColOut(Way):
    """Leaves out some rows and columns of pixels, the same ones of all images of a batch.

    Composer's ColOut, on batches: batches become smaller, 224 x 224 pixels to 190 x 190. It comes
    before what mixes them, ``InTurn(ColOut(), Mixup(1000))``.

    Attributes:
        p_row: share of the rows that are left out, 0 to below 1; ``int((1 - p_row) * H)`` stay.
        p_col: likewise of the columns.
        seed: 0 .. 2**64 - 1.
        layout: where images have their rows and columns: "NCHW" or "NHWC".

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    p_row: float = 0.15
    p_col: float = 0.15
    seed: int = 0
    layout: Layout = "NCHW"

    def __post_init__(self) -> None:
        for name in ("p_row", "p_col"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be 0 to below 1, not {getattr(self, name)!r}")
        checked_seed(self.seed)
        check_layout_name(self.layout)

    def draw(
        self, epoch: int, batch: int, height: int, width: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which rows and which columns of a batch stay, in their order.

        Raises:
            ValueError: none would.
        """
        kept = []
        sides = ((ROWS, height, self.p_row), (COLUMNS, width, self.p_col))
        for use, side, share in sides:
            count = int((1 - share) * side)
            if count < 1:
                raise ValueError(f"nothing is left of {height} x {width} pixels: {self!r}")
            order = random_of(self.seed, epoch, batch, use).permutation(side)
            kept.append(np.sort(order[:count]))
        return kept[0], kept[1]

    def mixed(self, images: Any, labels: Any, epoch: int, batch: int) -> tuple[Any, Any]:
        """Makes the images of a batch smaller; labels stay as they are.

        Args:
            images: [B, 3, H, W] or, under "NHWC", [B, H, W, 3]; of any dtype. With an axis of views
                behind B, and groups of views, as for `Mixup`.
            labels: any.
            epoch: 0 .. 2**32 - 1.
            batch: where in the epoch, see `Mixup`.

        Raises:
            ValueError: images of another shape.
        """

        def made_smaller(array: Any) -> Any:
            height, width = height_width("colout", self.layout, array.shape)
            rows, columns = self.draw(epoch, batch, height, width)
            if self.layout == "NCHW":
                return array[..., rows, :][..., columns]
            return array[..., rows, :, :][..., columns, :]

        return each_group(made_smaller, images), labels


@_with_answers
class InTurn(Way):
    """Several things that happen to a batch, one after another.

    Args:
        ways: `ColOut` and the like, and then one that makes targets, such as `Mixup`.

    Raises:
        TypeError: a way that cannot be called.
        ValueError: no ways.
    """

    def __init__(self, *ways: Any) -> None:
        _refuse_no_ways(ways)
        _check_callable(ways)
        self.ways = ways

    def mixed(self, images: Any, labels: Any, epoch: int, batch: int) -> tuple[Any, Any]:
        """What the last of them gives; see `Mixup`."""
        for way in self.ways:
            images, labels = way(images, labels, epoch=epoch, batch=batch)
        return images, labels


def _refuse_no_ways(ways: Sequence[Any]) -> None:
    if not ways:
        raise ValueError("give at least one way to mix")


def _check_callable(ways: Sequence[Any]) -> None:
    for way in ways:
        if not callable(way):
            raise TypeError(
                "a way to mix is called with images and labels, such as Mixup(1000), not "
                f"{way!r}; operations on an image are chosen by fastinet.augment.OneOf"
            )


def _check(way: Mixup | CutMix) -> None:
    check_smoothing(way.classes, way.smoothing)
    checked_seed(way.seed)
    if not 0 < way.alpha < math.inf:
        raise ValueError(f"alpha must be positive, not {way.alpha!r}")


def _beta(alpha: float, seed: int, epoch: int, batch: int) -> float:
    return float(random_of(seed, epoch, batch, LAMBDA).beta(alpha, 1)[0])
