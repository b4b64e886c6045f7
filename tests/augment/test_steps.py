"""Steps: which there are, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import fastinet
from fastinet.augment import STEP_ARGUMENTS, Invert, Step
from fastinet.augment.steps import native_steps


def test_missing_parts_are_the_usual_ones() -> None:
    full = ("rotate", (30.0,), "bicubic", (1, 2, 3))
    given = [Step("invert"), ("posterize", [3]), full]
    assert native_steps(given) == [
        ("invert", (), "nearest", (0, 0, 0)),
        ("posterize", (3.0,), "nearest", (0, 0, 0)),
        full,
    ]


def test_every_step_is_one_that_the_core_has() -> None:
    """With arguments that all of them take."""
    pixels = np.full((3, 3, 3), 7, np.uint8)
    for op, names in STEP_ARGUMENTS.items():
        arguments = (1.0,) * len(names) if op != "hue" else (0.5,)
        begin = [Step("mix_start", (1.0,))] if op in ("mix_chain", "mix_end") else []
        end = [Step("mix_end", (1.0,))] if op in ("mix_start", "mix_chain") else []
        changed = fastinet.apply_steps(pixels, [*begin, Step(op, arguments), *end])
        assert changed.shape == (3, 3, 3), op


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (("blur", (1,)), "there is no step 'blur'; there are brightness, contrast"),
        ((3,), "there is no step 3"),
        (("invert", (1,)), "'invert' takes no arguments"),
        (("affine", (1, 0, 0)), "'affine' takes a, b, c, d, e, f"),
        (("rotate", ("left",)), "must be a tuple of numbers"),
        (("rotate", (10**400,)), "must be a tuple of numbers"),
        (("rotate", (1,), "nearest", (1.5, 0, 0)), "fill must be"),
        (("rotate", (1,), "nearest", (float("inf"), 0, 0)), "fill must be"),
        (("rotate", (1,), "lanczos"), "sampling must be one of .*'bicubic'.*, not 'lanczos'"),
        (("rotate", 30), "arguments must be a tuple of numbers, not 30"),
        (("rotate", (1,), "nearest", 0), "fill must be three numbers from 0 to 255, not 0"),
        (("rotate", (1,), "nearest", (0, 0)), "fill must be three numbers"),
        (("rotate", (1,), "nearest", (0, 0, 256)), "fill must be three numbers"),
        (("posterize", (9,)), "argument 0 .* a whole number from 0.* to 8.*, not 9"),
        (("posterize", (2.5,)), "whole number"),
        (("hue", (0.6,)), "from -0.5.* to 0.5"),
        (("brightness", (-0.1,)), "from 0"),
        (("contrast", (float("nan"),)), "not nan"),
        (("affine", (float("inf"), 0, 0, 0, 1, 0)), "argument 0"),
        (("kernel_blur", (4, 1)), "odd number of taps, not 4"),
        (("kernel_blur", (3, 0)), "argument 1"),
        (("kernel_blur", (11, 1)), "11 taps .* not 9 x 5"),
    ],
)
def test_steps_that_make_no_sense_are_refused(step: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fastinet.apply_steps(np.zeros((5, 9, 3), np.uint8), [step])


@pytest.mark.parametrize("steps", ["invert", 3, [3], [Step], [Invert()]])
def test_what_is_no_list_of_steps_is_refused(steps: Any) -> None:
    with pytest.raises(TypeError, match=r"such as .*Step\(\"invert\"\)"):
        native_steps(steps)


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step("invert"), "Step('invert')"),
        (Step("hue", (0.25,)), "Step('hue', (0.25,))"),
        (Step("rotate", (3.0,), "bicubic"), "Step('rotate', (3.0,), 'bicubic')"),
        (Step("rotate", (3.0,), fill=(1, 2, 3)), "Step('rotate', (3.0,), 'nearest', (1, 2, 3))"),
    ],
)
def test_a_step_is_printed_as_it_is_written(step: Step, text: str) -> None:
    assert repr(step) == text
    assert eval(text) == step  # noqa: S307


def test_a_single_step_is_no_list_of_them() -> None:
    with pytest.raises(TypeError, match=r"steps must be a list of them, .* not Step\('rotate'"):
        native_steps(Step("rotate", (30,)))
