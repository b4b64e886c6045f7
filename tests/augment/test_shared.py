"""What views share is drawn once for them; all else is drawn as it is without."""

from __future__ import annotations

import pickle

import pytest
from support.epoch_rows import each_row

import fastinet
from fastinet import ColorJitter, Loader, MultiCrop, RandomResizedCrop, SameCrop, View
from fastinet.augment import (
    AugMix,
    GaussianBlur,
    Grayscale,
    OneOf,
    RandAugment,
    Rotate,
    Shared,
    Solarize,
    draw_steps,
)

JITTER = ColorJitter(0.4, 0.4, 0.2, 0.1, p=0.8)
COLOURS = Shared((JITTER, Grayscale(p=0.2)))
WIDE = RandomResizedCrop(20, augment=(COLOURS, GaussianBlur()))
LOCAL = RandomResizedCrop(9, augment=(Solarize(128, p=0.5), COLOURS, Shared(Rotate())))
VIEWS = MultiCrop(View(WIDE, 2), View(LOCAL, 3), View(SameCrop(1, augment=COLOURS)))
COUNT = 6


def test_views_of_a_copy_share_their_steps(dataset: fastinet.Dataset) -> None:
    loader = Loader(dataset, 7, VIEWS, seed=3, shuffle=True, repeats=2, record=True, threads=2)
    drawn = set()
    for batch, row, item in each_row(loader.epoch(4), 43):
        copy, steps = int(batch.copies[row]), batch.steps
        assert steps is not None
        own: list[list[fastinet.augment.Step]] = []
        for view, (transform, size) in enumerate(
            [(WIDE, 20)] * 2 + [(LOCAL, 9)] * 3 + [(SameCrop(augment=COLOURS), 20)]
        ):
            number = copy * COUNT + view
            options = {"seed": 3, "epoch": 4, "item": item, "view": number}
            assert steps[row][view] == draw_steps(transform.augment, size, **options, views=COUNT)
            colours = ("brightness", "contrast", "saturation", "hue", "grayscale")
            own.append([step for step in steps[row][view] if step.op in colours])
        assert all(each == own[0] for each in own)
        drawn.add(str(own[0]))
        rotations = {steps[row][view][-1].arguments for view in (2, 3, 4)}
        assert len(rotations) == 1
        blurs = {steps[row][view][-1].arguments for view in (0, 1)}
        assert len(blurs) == 2, "what is not shared is drawn for each view"
    assert len(drawn) > 30, "copies and items draw their own"


def test_what_stands_beside_it_draws_what_it_did() -> None:
    """Bits of other operations do not move when something shared comes before them."""
    policy = RandAugment()
    for item in range(20):
        options = {"seed": 1, "epoch": 2, "item": item, "view": 5}
        shared = draw_steps(Shared(Rotate()), 30, **options)
        both = draw_steps((Shared(Rotate()), policy, JITTER), 30, **options)
        assert both == shared + draw_steps((policy, JITTER), 30, **options)
        assert shared == draw_steps(Shared(Rotate()), 30, **{**options, "view": 0})
        assert shared != draw_steps(Shared(Rotate()), 30, **options, views=5)


def test_mixtures_may_be_shared() -> None:
    first, second = (
        draw_steps(Shared(AugMix()), 16, seed=0, epoch=0, item=4, view=view) for view in (0, 3)
    )
    assert first == second
    assert first[0].op == "mix_start"


def test_descriptions_are_values() -> None:
    assert Shared([JITTER, Grayscale(p=0.2)]) == COLOURS
    assert hash(Shared([JITTER, Grayscale(p=0.2)])) == hash(COLOURS)
    assert pickle.loads(pickle.dumps(COLOURS)) == COLOURS  # noqa: S301
    assert repr(Shared(Solarize(3))) == "Shared(operations=(Solarize(threshold=3, p=1.0),))"


def test_what_makes_no_sense() -> None:
    with pytest.raises(ValueError, match="an operation at least"):
        Shared(())
    with pytest.raises(ValueError, match="Shared within Shared"):
        Shared((Grayscale(), COLOURS))
    with pytest.raises(TypeError, match="operations must be an operation"):
        Shared("3a")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="what views share cannot be a part of another operation"):
        RandomResizedCrop(8, augment=OneOf([COLOURS, Grayscale()]))
    with pytest.raises(ValueError, match=r"Shared number 1 of group 1 is Shared.*Grayscale"):
        MultiCrop(
            View(RandomResizedCrop(8, augment=(COLOURS, Shared(Rotate())))),
            View(RandomResizedCrop(8, augment=(COLOURS, Shared(Grayscale())))),
        )
    with pytest.raises(ValueError, match="views must be"):
        draw_steps(COLOURS, 8, seed=0, epoch=0, item=0, views=0)
