"""timm's Mixup, with its arguments: Mixup and CutMix drawn for each batch, row, or pair of rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from fastinet.base.array_library import as_dtype, library_of, range_beside
from fastinet.base.checks import checked_seed
from fastinet.mixing.parts import (
    TIMM,
    Layout,
    check_layout_name,
    check_smoothing,
    each_group,
    groups_of,
    height_width,
    random_of,
    scaled,
    targets_of,
)
from fastinet.mixing.turns import Way

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fastinet.mixing.batch_draws import Draws

__all__ = ["TimmMixup"]

Mode = Literal["batch", "elem", "pair", "half"]
_MODES = ("batch", "elem", "pair", "half")


class TimmDraw(NamedTuple):
    """What is drawn for a batch. In mode "batch" there is one of each for all rows."""

    lam: NDArray[np.floating]
    """[n]: the weight of a row's own label, and of its own pixels where it is blended."""
    is_cut: NDArray[np.bool_]
    """[n]: whether CutMix it is, in rows whose weight is below 1."""
    boxes: NDArray[np.int64]
    """[n, 4]: (left, top, right, bottom) [pixels] of what CutMix pastes; zeros where nothing."""


class TimmMixup(Way):
    """Mixes as ``timm.data.Mixup`` does, and in mode "half" as ``timm.data.FastCollateMixup``.

    Its arguments are timm's, and what comes out is distributed as timm's is; what is drawn is a
    function of (seed, epoch, batch, rows) in place of NumPy's global random numbers. Row j is mixed
    with row ``B - 1 - j``; of an odd B, which timm refuses, the one in the middle
    stays as it is. Images of whole numbers are blended in float32 and rounded, as
    ``FastCollateMixup`` does it; others as ``Mixup`` does.

    Args:
        mixup_alpha: of Mixup's Beta(alpha, alpha); 0 for none.
        cutmix_alpha: of CutMix's; 0 for none.
        cutmix_minmax: smallest and largest side of CutMix's rectangle, as parts of the image's; it
            lies inside then, and ``cutmix_alpha`` is 1. None: sides are ``sqrt(1 - lam)``.
        prob: share of the batches, rows or pairs that are mixed.
        switch_prob: share of these that CutMix gets, where there are both.
        mode: what has random numbers of its own: "batch", each row ("elem"), or each pair of rows
            that are mixed with one another ("pair"). "half" gives the first half of the rows alone,
            each mixed for itself: B / 2 images and targets.
        correct_lam: weight labels by the area that is left where a rectangle reaches beyond the
            image; without, by what was drawn.
        label_smoothing: share of the labels' weight that goes to all classes alike.
        num_classes: number of classes, C.
        multi_label: labels are float [B, C], each of them smoothed towards 0.5.
        seed: 0 .. 2**64 - 1.
        layout: where images have their rows and columns: "NCHW" or "NHWC".

    Attributes:
        mixup_enabled: False leaves images as they are from then on, as timm's scripts set it for
            their last epochs.

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    def __init__(
        self,
        mixup_alpha: float = 1.0,
        cutmix_alpha: float = 0.0,
        cutmix_minmax: Sequence[float] | None = None,
        prob: float = 1.0,
        switch_prob: float = 0.5,
        mode: Mode = "batch",
        correct_lam: bool = True,
        label_smoothing: float = 0.1,
        num_classes: int = 1000,
        multi_label: bool = False,
        *,
        seed: int = 0,
        layout: Layout = "NCHW",
    ) -> None:
        check_smoothing(num_classes, label_smoothing)
        check_layout_name(layout)
        for name, value in (("prob", prob), ("switch_prob", switch_prob)):
            if not 0 <= value <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {value!r}")
        for name, value in (("mixup_alpha", mixup_alpha), ("cutmix_alpha", cutmix_alpha)):
            if not 0 <= value < math.inf:
                raise ValueError(f"{name} must be 0 or positive, not {value!r}")
        if mode not in _MODES:
            raise ValueError(f"mode must be one of {', '.join(_MODES)}, not {mode!r}")
        if cutmix_minmax is not None:
            cutmix_minmax = tuple(cutmix_minmax)
            if len(cutmix_minmax) != 2 or not 0 <= cutmix_minmax[0] < cutmix_minmax[1] <= 1:
                raise ValueError(f"cutmix_minmax must be 0 <= min < max <= 1, not {cutmix_minmax}")
            cutmix_alpha = 1.0
        if mixup_alpha == cutmix_alpha == 0:
            raise ValueError(
                "nothing is mixed with mixup_alpha=0 and cutmix_alpha=0; "
                "fastinet.mixing.Unmixed makes targets alone"
            )
        self.mixup_alpha = mixup_alpha
        self.cutmix_alpha = cutmix_alpha
        self.cutmix_minmax = cutmix_minmax
        self.prob = prob
        self.switch_prob = switch_prob
        self.mode = mode
        self.correct_lam = correct_lam
        self.label_smoothing = label_smoothing
        self.num_classes = num_classes
        self.multi_label = multi_label
        self.seed = checked_seed(seed)
        self.layout = layout
        self.mixup_enabled = True

    def draw(self, epoch: int, batch: int, rows: int, height: int, width: int) -> TimmDraw:
        """What is drawn for a batch of so many rows: once, for each row, or for each pair.

        In modes "pair" and "half" that are ``rows // 2``.
        """
        count = {"batch": 1, "elem": rows}.get(self.mode, rows // 2)
        random = random_of(self.seed, epoch, batch, TIMM)
        # All is drawn, needed or not, so that no option shifts what another one draws.
        switched = random.uniform(count) < self.switch_prob
        cut_lam = _beta(random, self.cutmix_alpha, count)
        mix_lam = _beta(random, self.mixup_alpha, count)
        is_mixed = random.uniform(count) < self.prob
        if self.mixup_alpha == 0 or self.cutmix_alpha == 0:
            switched = np.full(count, self.mixup_alpha == 0)
        lam = np.where(is_mixed, np.where(switched, cut_lam, mix_lam), 1.0)
        if self.mode != "batch":  # whose weight timm does not round
            lam = lam.astype(np.float32)
        is_cut = switched & (lam != 1)
        boxes = self._boxes(random, lam, height, width)
        boxes[~is_cut] = 0
        if self.correct_lam or self.cutmix_minmax is not None:
            inside = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
            lam = np.where(is_cut, 1.0 - inside / (height * width), lam)
        return TimmDraw(lam, is_cut, boxes)

    def mixed(self, images: Any, labels: Any, epoch: int, batch: int) -> tuple[Any, Any]:
        """What becomes of a batch.

        Args:
            images: [B, 3, H, W] or, under "NHWC", [B, H, W, 3], of any dtype; with views
                [B, V, ...], or a tuple of such arrays, the groups of a `MultiCrop`. B is even in
                mode "half".
            labels: int [B], or soft ones, float [B, C].
            epoch: 0 .. 2**32 - 1.
            batch: where in the epoch, 0 .. 2**32 - 1.

        Returns:
            Images like those given, and float32 targets [B, C]; of B / 2 rows in mode "half".

        Raises:
            ValueError: an odd number of rows in mode "half", or images or labels of another shape.
        """
        first = groups_of(images)[0]
        rows = int(first.shape[0])
        if rows % 2 and self.mode == "half":
            raise ValueError(
                f'mode="half" mixes half of the rows with the others, and {rows} are odd: take an '
                'even batch size and drop_last=True or pad_last="wrap"'
            )
        if self.multi_label and len(labels.shape) == 1:
            raise ValueError(
                f"multi_label=True needs labels [B, {self.num_classes}], not {list(labels.shape)}"
            )
        height, width = height_width("timm's mixup", self.layout, first.shape)
        kept = rows // 2 if self.mode == "half" else rows
        targets = targets_of(
            labels,
            self.num_classes,
            self.label_smoothing,
            towards=0.5 if self.multi_label else None,
        )
        if not self.mixup_enabled:
            whole = each_group(lambda array: array[:kept], images)
            return whole, as_dtype(targets[:kept], library_of(targets).float32)
        drawn = self.draw(epoch, batch, rows, height, width)
        lam, is_cut, boxes = (self._of_rows(each, rows)[:kept] for each in drawn)
        if rows % 2:
            lam[rows // 2], is_cut[rows // 2] = 1.0, False
        return (
            each_group(lambda array: self._mix(array, lam, is_cut, boxes, (height, width)), images),
            self._weighed(targets, lam),
        )

    def _boxes(
        self, random: Draws, lam: NDArray[np.floating], height: int, width: int
    ) -> NDArray[np.int64]:
        """A rectangle for each weight, [n, 4]: (left, top, right, bottom)."""
        edges = []
        for side in (height, width):
            if self.cutmix_minmax is not None:
                least, most = (int(side * part) for part in self.cutmix_minmax)
                if most <= least:
                    raise ValueError(
                        f"no rectangle has sides of {self.cutmix_minmax} of {height} x {width} "
                        "pixels: give cutmix_minmax more room"
                    )
                length = least + random.below([most - least] * len(lam))
                low = random.below((side - length + 1).tolist())
                edges.append((low, low + length))
            else:
                length = (side * np.sqrt(1.0 - lam)).astype(np.int64)
                centre = random.below([side] * len(lam))
                low, high = centre - length // 2, centre + (length + 1) // 2
                edges.append((np.clip(low, 0, side), np.clip(high, 0, side)))
        (top, bottom), (left, right) = edges
        return np.stack([left, top, right, bottom], axis=1)

    def _of_rows(self, drawn: NDArray[Any], rows: int) -> NDArray[Any]:
        """What was drawn, for every row."""
        if self.mode == "batch":
            return np.repeat(drawn, rows, axis=0)
        if self.mode == "pair":
            middle = np.zeros_like(drawn, shape=(rows % 2, *drawn.shape[1:]))
            return np.concatenate([drawn, middle, drawn[::-1]])
        return drawn

    def _weights(self, lam: NDArray[np.floating]) -> tuple[NDArray[Any], NDArray[Any]]:
        """The weights of a row's own and of the other one, with the bits that timm has."""
        own = lam.astype(np.float32)
        other = 1.0 - lam if self.mode == "batch" else np.float32(1) - own
        return own, other.astype(np.float32)

    def _mix(
        self,
        array: Any,
        lam: NDArray[np.floating],
        is_cut: NDArray[np.bool_],
        boxes: NDArray[np.int64],
        drawn_for: tuple[int, int],
    ) -> Any:
        """The images of one group of views."""
        xp = library_of(array)
        here, there = array[: len(lam)], xp.flip(array, (0,))[: len(lam)]
        behind = (1,) * (len(array.shape) - 1)

        def beside(values: NDArray[Any]) -> Any:
            """A value for each row."""
            like = {"device": array.device} if xp.__name__ == "torch" else {}
            return xp.asarray(values, **like).reshape(len(lam), *behind)

        mixed = here
        if (blended := ~is_cut & (lam < 1)).any():
            own, other = map(beside, self._weights(lam))
            wide = array.dtype if "float64" in str(array.dtype) else xp.float32
            both = as_dtype(here, wide) * own + as_dtype(there, wide) * other
            if "int" in str(array.dtype):
                both = xp.round(both)
            mixed = xp.where(beside(blended), as_dtype(both, array.dtype), mixed)
        if is_cut.any():
            sides = height_width("timm's mixup", self.layout, array.shape)
            rows, columns = (range_beside(xp, side, array) for side in sides)
            if self.layout == "NCHW":
                rows = rows[:, None]
            else:
                rows, columns = rows[:, None, None], columns[:, None]
            left, top, right, bottom = (
                beside(scaled(boxes[:, edge], drawn_for[1 - edge % 2], sides[1 - edge % 2]))
                for edge in range(4)
            )
            inside = (rows >= top) & (rows < bottom) & (columns >= left) & (columns < right)
            mixed = xp.where(inside, there, mixed)
        return mixed

    def _weighed(self, targets: Any, lam: NDArray[np.floating]) -> Any:
        """The targets of rows and those of the others, by their weights."""
        xp = library_of(targets)
        like = {"device": targets.device} if xp.__name__ == "torch" else {}
        behind = (1,) * (len(targets.shape) - 1)
        own, other = (
            xp.asarray(each, **like).reshape(len(lam), *behind) for each in self._weights(lam)
        )
        targets = as_dtype(targets, xp.float32)
        return targets[: len(lam)] * own + xp.flip(targets, (0,))[: len(lam)] * other


def _beta(random: Draws, alpha: float, count: int) -> NDArray[np.float64]:
    return random.beta(alpha or 1.0, count)  # 1: of what is not there, and not looked at
