"""torchvision's transforms of tensors without the part that depends on the machine: their grids.

torchvision multiplies the coordinates of all pixels by a matrix, x a + y b + 1 c, and reads the
image there. How these sums are rounded is left to torch's library of matrices: MKL fuses them on
Intel's processors with AVX-512, and not on AMD's. A last bit of a coordinate decides on a pixel
where two are equally near, and on a level where a mean of four is halfway.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fastinet.testing.reference_tensors import grid_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

_UNIT = 2.0**-24  # the most that rounding to float32 changes a number of its own size
_ROUNDINGS = 3  # that a term goes through: as a product, and in two sums


def assert_rounded(grid: NDArray[np.float32], theta: NDArray[np.float32]) -> None:
    """A grid [H, W, 2] has the sums of the rule, added in whichever order, fused or not.

    Rounding n times changes a term by n u / (1 - n u) of it at most. The rule's grid and the other
    one may lie on either side of the exact sum.
    """
    height, width, _ = grid.shape
    y = np.abs(np.arange(height) - (height - 1) / 2)[:, None]
    x = np.abs(np.arange(width) - (width - 1) / 2)
    halves = np.array([width, height], np.float32) / np.float32(2)
    axes = np.abs(theta / halves[:, None]).astype(float)
    terms = np.stack([x * a + y * b + c for a, b, c in axes], axis=-1)
    bound = 2 * _ROUNDINGS * _UNIT / (1 - _ROUNDINGS * _UNIT) * terms
    distance = np.abs(grid.astype(float) - grid_of(theta, width, height))
    assert (distance <= bound).all()


def give_rules_grids(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Gives torchvision the rule's grids from now on, after a look at those that it makes.

    Returns:
        Width and height of each grid that it asks for from now on.
    """
    torch = pytest.importorskip("torch")
    old = pytest.importorskip("torchvision.transforms._functional_tensor")
    new = pytest.importorskip("torchvision.transforms.v2.functional._geometry")
    asked: list[tuple[int, int]] = []

    def give(module: Any, name: str) -> None:
        make = getattr(module, name)

        def grid(theta: Any, w: int, h: int, ow: int, oh: int) -> Any:
            assert (w, h) == (ow, oh)
            matrix = theta[0].numpy().copy()  # version 2 divides theta in its place
            theirs = make(theta, w=w, h=h, ow=ow, oh=oh)
            assert_rounded(theirs[0].numpy(), matrix)
            asked.append((w, h))
            return torch.from_numpy(grid_of(matrix, w, h))[None]

        monkeypatch.setattr(module, name, grid)

    give(old, "_gen_affine_grid")
    give(new, "_affine_grid")
    return asked
