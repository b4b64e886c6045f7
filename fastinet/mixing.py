"""Mixup, CutMix and ColOut: what happens to whole batches, and soft labels, for any array library.

Images stay where they are: PyTorch tensors on their device, JAX arrays on theirs, NumPy arrays.
What is drawn is a function of (seed, epoch, batch) alone, so a run that resumes mixes as the
unbroken one does::

    mix = OneOf(Mixup(1000, alpha=0.2, seed=0), CutMix(1000, seed=0))
    batches = iter(loader)
    first = len(loader) - len(batches)  # 0, or where a state goes on
    for number, (images, labels) in enumerate(batches, first):
        images, targets = mix(images, labels, epoch=epoch, batch=number * world + rank)

A global JAX array is one batch of all processes, which have to agree: there it is ``batch=number``.

The semantics are torchvision's (``torchvision.transforms.v2.MixUp``, ``CutMix``): every row is
mixed with the one before it in the batch, the first with the last, and one weight serves the batch.
Label smoothing is timm's (``timm.data.mixup``). Labels may be soft before, as ReLabel's are.

Views of an item keep its label: all of them, in all groups of a `MultiCrop`, are mixed with the
same other item's, view by view, and by the same weight. So there is one target for each item::

    for number, (crops, labels) in enumerate(loader):  # crops: one array a group of views
        crops, targets = mix(crops, labels, epoch=epoch, batch=number)
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

import numpy as np

from fastinet.base.arguments import explains_unknown
from fastinet.base.array_library import as_dtype, library_of, range_beside
from fastinet.base.checks import checked_epoch, checked_seed, whole_number

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

__all__ = ["ColOut", "CutMix", "InTurn", "Mixup", "OneOf", "Unmixed", "soft_labels"]

Layout = Literal["NCHW", "NHWC"]
Way = TypeVar("Way")

# What random numbers are for; each use has a counter of its own, so that none shifts another.
_LAMBDA, _CENTRE, _CHOICE, _ROWS, _COLUMNS = range(5)

_BATCH: Final = ("images", "labels")
_PLACE: Final = {"epoch", "batch"}  # where a batch is among all of a run

_BOTH: Final = "OneOf(Mixup(...), CutMix(...), weights=...) draws one of these for each batch"
_OTHER_NAMES: Final = {
    "num_classes": "it is called classes= here",
    "label_smoothing": "it is called smoothing= here",
    "mixup_alpha": "Mixup(alpha=...) is that",
    "cutmix_alpha": "CutMix(alpha=...) is that",
    "switch_prob": _BOTH,
    "prob": f"{_BOTH}, and Unmixed(...) among them leaves a batch as it is",
    "mode": 'a batch is mixed as a whole, as timm\'s mode="batch" does it',
    "p": "Unmixed(...) in OneOf(..., weights=...) leaves batches as they are",
    "mixup": "Mixup(alpha=...) is that",
    "cutmix": "CutMix(alpha=...) is that",
    "cutmix_minmax": "CutMix(alpha=...) draws the rectangle's area from Beta(alpha, alpha)",
    "correct_lam": "labels are always weighted by the area that is left; leave it out",
}


def _with_answers(kind: type[Way]) -> type[Way]:
    """Lets a way to mix say what takes the place of timm's and torchvision's arguments.

    Theirs are called as ``mix(images, labels)``; that is answered, too.
    """
    name = f"fastinet.mixing.{kind.__name__}"
    kind.__init__ = explains_unknown(name, _OTHER_NAMES)(kind.__init__)  # type: ignore[method-assign]
    call: Callable[..., tuple[Any, Any]] = kind.__call__

    @functools.wraps(call)
    def checked(self: Way, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        if len(args) > len(_BATCH) or not kwargs.keys() >= _PLACE:
            raise TypeError(
                f"{name} draws by (seed, epoch, batch), so that a run can be repeated and gone on "
                "with: write mix(images, labels, epoch=epoch, batch=number), with the number of "
                "the batch in its epoch"
            )
        return call(self, *args, **kwargs)

    kind.__call__ = checked  # type: ignore[method-assign]
    return kind


@_with_answers
@dataclass(frozen=True)
class Mixup:
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

    def __call__(self, images: Any, labels: Any, *, epoch: int, batch: int) -> tuple[Any, Any]:
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
        _refuse_whole_numbers(images)
        lam = self.draw(epoch, batch)

        def blended(array: Any) -> Any:
            mixed = array * lam + library_of(array).roll(array, 1, 0) * (1.0 - lam)
            return as_dtype(mixed, array.dtype)

        return _each_group(blended, images), soft_labels(labels, self.classes, lam, self.smoothing)


@_with_answers
@dataclass(frozen=True)
class CutMix:
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
        _check_layout_name(self.layout)

    def draw(
        self, epoch: int, batch: int, height: int, width: int
    ) -> tuple[tuple[int, int, int, int], float]:
        """The rectangle (left, top, right, bottom) [pixels], and the weight of what is around."""
        lam = _beta(self.alpha, self.seed, epoch, batch)
        random = _random(self.seed, epoch, batch, _CENTRE)
        x, y = int(random.integers(width)), int(random.integers(height))
        half = 0.5 * math.sqrt(1.0 - lam)
        half_width, half_height = int(half * width), int(half * height)
        left, right = max(x - half_width, 0), min(x + half_width, width)
        top, bottom = max(y - half_height, 0), min(y + half_height, height)
        inside = (right - left) * (bottom - top) / (width * height)
        return (left, top, right, bottom), 1.0 - inside

    def __call__(self, images: Any, labels: Any, *, epoch: int, batch: int) -> tuple[Any, Any]:
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
        height, width = _height_width("cutmix", self.layout, _groups_of(images)[0].shape)
        box, lam = self.draw(epoch, batch, height, width)

        def pasted(array: Any) -> Any:
            xp = library_of(array)
            sides = _height_width("cutmix", self.layout, array.shape)
            left, right = (_scaled(edge, width, sides[1]) for edge in (box[0], box[2]))
            top, bottom = (_scaled(edge, height, sides[0]) for edge in (box[1], box[3]))
            rows, columns = (range_beside(xp, side, array) for side in sides)
            lines = ((rows >= top) & (rows < bottom))[:, None]
            inside = lines & (columns >= left) & (columns < right)
            if self.layout == "NHWC":
                inside = inside[:, :, None]
            return xp.where(inside, xp.roll(array, 1, 0), array)

        return _each_group(pasted, images), soft_labels(labels, self.classes, lam, self.smoothing)


@_with_answers
@dataclass(frozen=True)
class Unmixed:
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
        _check_targets(self)

    def __call__(self, images: Any, labels: Any, *, epoch: int, batch: int) -> tuple[Any, Any]:  # noqa: ARG002 - called as the others are
        """The images given, and float32 targets [B, C]; see `Mixup`."""
        return images, soft_labels(labels, self.classes, smoothing=self.smoothing)


@_with_answers
class OneOf:
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
        uniform = _random(self.seed, epoch, batch, _CHOICE).random()
        number = int(np.searchsorted(self._ends, uniform, side="right"))
        return self.ways[min(number, len(self.ways) - 1)]

    def __call__(self, images: Any, labels: Any, *, epoch: int, batch: int) -> tuple[Any, Any]:
        """Mixes a batch; see `Mixup` and `CutMix`."""
        if any(isinstance(way, Mixup) for way in self.ways):
            _refuse_whole_numbers(images)  # at the first batch, not when its turn comes
        mixed, targets = self.draw(epoch, batch)(images, labels, epoch=epoch, batch=batch)
        return mixed, targets


@_with_answers
@dataclass(frozen=True)
class ColOut:
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
        _check_layout_name(self.layout)

    def draw(
        self, epoch: int, batch: int, height: int, width: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which rows and which columns of a batch stay, in their order.

        Raises:
            ValueError: none would.
        """
        kept = []
        sides = ((_ROWS, height, self.p_row), (_COLUMNS, width, self.p_col))
        for use, side, share in sides:
            count = int((1 - share) * side)
            if count < 1:
                raise ValueError(f"nothing is left of {height} x {width} pixels: {self!r}")
            order = _random(self.seed, epoch, batch, use).permutation(side)
            kept.append(np.sort(order[:count]))
        return kept[0], kept[1]

    def __call__(self, images: Any, labels: Any, *, epoch: int, batch: int) -> tuple[Any, Any]:
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
            height, width = _height_width("colout", self.layout, array.shape)
            rows, columns = self.draw(epoch, batch, height, width)
            if self.layout == "NCHW":
                return array[..., rows, :][..., columns]
            return array[..., rows, :, :][..., columns, :]

        return _each_group(made_smaller, images), labels


@_with_answers
class InTurn:
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

    def __call__(self, images: Any, labels: Any, *, epoch: int, batch: int) -> tuple[Any, Any]:
        """What the last of them gives; see `Mixup`."""
        for way in self.ways:
            images, labels = way(images, labels, epoch=epoch, batch=batch)
        return images, labels


def soft_labels(labels: Any, classes: int, lam: float = 1.0, smoothing: float = 0.0) -> Any:
    """Targets of rows that are `lam` their own label and ``1 - lam`` that of the row before.

    A class has ``1 - smoothing + smoothing / classes``, and every other one ``smoothing /
    classes``. A label of -1, as in rows that pad a batch or are masked, is no class: its targets
    are all zero, so that nothing is learnt of what is not there. Labels that are soft already are
    smoothed and mixed alike, as ReLabel's training code and torchvision do it; rows that are all
    zero stay so.

    Args:
        labels: int [B], or soft ones, float [B, C]; or [B, V, C] where each view has its own.
        classes: number of classes, C.
        lam: 0 to 1.
        smoothing: 0 to below 1.

    Returns:
        float32 [B, C], beside the labels; or [B, V, C].

    Raises:
        ValueError: labels of another shape.
    """
    xp = library_of(labels)
    off = smoothing / classes
    if len(labels.shape) == 1:
        here = labels[:, None] == range_beside(xp, classes, labels)
        targets = xp.where(here, 1.0 - smoothing + off, off)
        has_label = labels >= 0
    elif len(labels.shape) in (2, 3) and labels.shape[-1] == classes:
        targets = as_dtype(labels, xp.float32) * (1.0 - smoothing) + off
        has_label = (labels != 0).any(-1)
    else:
        raise ValueError(
            f"labels must be [B] or [B, {classes}], with views [B, V, {classes}], "
            f"not {list(labels.shape)}"
        )
    targets = xp.where(has_label[..., None], targets, 0.0)
    return as_dtype(targets * lam + xp.roll(targets, 1, 0) * (1.0 - lam), xp.float32)


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


def _check_layout_name(layout: str) -> None:
    if layout not in ("NCHW", "NHWC"):
        raise ValueError(f'layout must be "NCHW" or "NHWC", not {layout!r}')


def _height_width(name: str, layout: Layout, shape: Sequence[int]) -> tuple[int, int]:
    """Of images of this shape.

    Raises:
        ValueError: they are no images, or lie the other way, so that `name` would cut channels.
    """
    if len(shape) not in (4, 5):
        raise ValueError(
            f"{name} needs images of four axes, or of five with views, not {tuple(shape)}"
        )
    here, other = (-3, -1) if layout == "NCHW" else (-1, -3)
    if shape[here] != 3 and shape[other] == 3:
        raise ValueError(
            f'{name} with layout="{layout}" has channels on axis {len(shape) + here}, and '
            f"images are {tuple(shape)}: give it the layout of the images"
        )
    height, width = shape[-2:] if layout == "NCHW" else shape[-3:-1]
    return height, width


def _groups_of(images: Any) -> tuple[Any, ...]:
    """The images of each group of views; all in one without groups.

    Raises:
        ValueError: no groups, or groups of different batches.
    """
    if not isinstance(images, tuple | list):
        return (images,)
    rows = sorted({int(group.shape[0]) for group in images})
    if len(rows) != 1:
        raise ValueError(
            f"groups of views of one batch have as many rows, not {rows or 'none at all'}"
        )
    return tuple(images)


def _each_group(mix: Callable[[Any], Any], images: Any) -> Any:
    """What `mix` makes of images, or of those of each group of views."""
    mixed = tuple(mix(group) for group in _groups_of(images))
    return mixed if isinstance(images, tuple | list) else mixed[0]


def _scaled(edge: int, side: int, other: int) -> int:
    """An edge at `edge` of a side of so many pixels, on a side of `other`; the half up."""
    return (2 * edge * other + side) // (2 * side)


def _refuse_whole_numbers(images: Any) -> None:
    for group in _groups_of(images):
        if "int" in str(group.dtype):
            raise TypeError(
                f"mixup needs images of a float dtype, not {group.dtype}: give the loader one, "
                'dtype="float32" or another'
            )


def _check(way: Mixup | CutMix) -> None:
    _check_targets(way)
    checked_seed(way.seed)
    if not 0 < way.alpha < math.inf:
        raise ValueError(f"alpha must be positive, not {way.alpha!r}")


def _check_targets(way: Mixup | CutMix | Unmixed) -> None:
    whole_number("classes", way.classes, 1, 2**31 - 1)
    if not 0 <= way.smoothing < 1:
        raise ValueError(f"smoothing must be 0 to below 1, not {way.smoothing!r}")


def _beta(alpha: float, seed: int, epoch: int, batch: int) -> float:
    return float(_random(seed, epoch, batch, _LAMBDA).beta(alpha, alpha))


def _random(seed: int, epoch: int, batch: int, use: int) -> np.random.Generator:
    """Random numbers of one use in one batch: the counter begins at (0, use, batch, epoch)."""
    epoch = checked_epoch(epoch)
    batch = whole_number("batch", batch, 0, 2**32 - 1)
    counter = np.array([0, use, batch, epoch], np.uint64)
    return np.random.Generator(np.random.Philox(key=seed, counter=counter))
