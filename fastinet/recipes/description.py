"""What a recipe says: transforms, mixing, repeats and normalisation that belong together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastinet.mixing import ColOut, CutMix, InTurn, Mixup, OneOf, Unmixed
from fastinet.mixing.parts import Layout
from fastinet.pixels.output import IMAGENET_MEAN, IMAGENET_STD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastinet.pixels.view_groups import Transform

__all__ = ["Mixing", "Recipe"]

Mixer = Mixup | CutMix | Unmixed | OneOf | InTurn


@dataclass(frozen=True)
class Mixing:
    """How the images of a batch are mixed, and how labels become targets.

    Called, it gives what does it: ``mix = recipe.mixing(seed=0)``, and then ``images, targets =
    mix(images, labels, epoch=epoch, batch=number)``; see `fastinet.mixing`.

    Attributes:
        mixup: alpha of Mixup, 0 for none.
        cutmix: alpha of CutMix, 0 for none.
        switch: share of the mixed batches that CutMix gets, where there are both.
        p: share of the batches that are mixed.
        smoothing: label smoothing, of mixed and other batches alike.
        colout: share of the rows and of the columns of pixels that ColOut leaves out of a batch
            before it is mixed, which makes its images smaller.

    Raises:
        ValueError: a value that makes no sense; the message names it.
    """

    mixup: float = 0.0
    cutmix: float = 0.0
    switch: float = 0.5
    p: float = 1.0
    smoothing: float = 0.0
    colout: float = 0.0

    def __post_init__(self) -> None:
        for name in ("switch", "p"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {getattr(self, name)!r}")
        for name in ("mixup", "cutmix"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be 0 or positive, not {getattr(self, name)!r}")
        self()  # which refuses the rest

    def __call__(self, *, classes: int = 1000, seed: int = 0, layout: Layout = "NCHW") -> Mixer:
        """What mixes batches so.

        Args:
            classes: number of classes.
            seed: of what is drawn for each batch.
            layout: of the images that CutMix and ColOut are given.
        """
        mixer = self._mixer(classes, seed, layout)
        if self.colout == 0:
            return mixer
        return InTurn(ColOut(self.colout, self.colout, seed, layout), mixer)

    def _mixer(self, classes: int, seed: int, layout: Layout) -> Mixer:
        """What makes the targets."""
        cut = self.switch if self.mixup > 0 else 1.0
        share = self.p if self.mixup > 0 or self.cutmix > 0 else 0.0
        ways: list[tuple[float, Mixer]] = [(1 - share, Unmixed(classes, self.smoothing))]
        if self.cutmix > 0:
            cutmix = CutMix(classes, self.cutmix, self.smoothing, seed, layout)
            ways.insert(0, (share * cut, cutmix))
        else:
            cut = 0.0
        if self.mixup > 0:
            mixup = Mixup(classes, self.mixup, self.smoothing, seed)
            ways.insert(0, (share * (1 - cut), mixup))
        drawn = [(weight, way) for weight, way in ways if weight > 0]
        if len(drawn) == 1:
            return drawn[0][1]
        return OneOf(*(way for _, way in drawn), weights=[weight for weight, _ in drawn], seed=seed)


@dataclass(frozen=True)
class Recipe:
    """A published way to prepare images for training and validation.

    Attributes:
        name: what `fastinet.recipe` takes.
        title: what it is, in a few words.
        train: transform of training images.
        val: transform of validation images; where the recipe trains without labels, that of its
            linear evaluation.
        mixing: how batches are mixed and labels smoothed; None: not at all.
        repeats: how often each item comes within a round, see `Loader`.
        mean: of the normalisation, in units of 0..1.
        std: likewise.
        sizes: progressive resizing, see `Loader`; empty for none.
        source: where the recipe is published: repository and files.
        note: what belongs to it besides, and where fastinet's pixels differ from its authors'.
        not_verified: what of it was not read in a source; empty where everything was.
    """

    name: str
    title: str
    train: Transform
    val: Transform
    mixing: Mixing | None = None
    repeats: int = 1
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    sizes: Mapping[int, int] = field(default_factory=dict, hash=False)
    source: str = ""
    note: str = ""
    not_verified: str = ""

    def train_options(self) -> dict[str, Any]:
        """Arguments of a training loader: ``Loader(ds, 256, **recipe.train_options(), ...)``.

        They are `transform`, `mean` and `std`, and where the recipe has them `repeats` and `sizes`;
        without `dtype`, which mean and std need.
        """
        options: dict[str, Any] = {"transform": self.train, "mean": self.mean, "std": self.std}
        if self.repeats > 1:
            options["repeats"] = self.repeats
        if self.sizes:
            options["sizes"] = self.sizes
        return options

    def val_options(self) -> dict[str, Any]:
        """Arguments of a loader for validation: `transform`, `mean` and `std`."""
        return {"transform": self.val, "mean": self.mean, "std": self.std}
