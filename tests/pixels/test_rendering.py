"""Options of rendering: the Pillow that is equalled, what is turned, and what is too large."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from fastinet.base.limits import Limits
from fastinet.pixels import rendering
from fastinet.pixels.rendering import RenderOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULTS = {"pass_order": "pillow13", "apply_orientation": False, "max_scans": 1000}


@pytest.fixture(autouse=True)
def forget_pillow() -> Iterator[None]:
    """Its version is looked up once."""
    rendering._pillow_major.cache_clear()
    yield
    rendering._pillow_major.cache_clear()


@pytest.mark.parametrize(
    ("version", "order"),
    [
        ("12.1.0", "horizontal first"),
        ("9.5", "horizontal first"),
        ("13.0.0", "pillow13"),
        ("14", "pillow13"),
        ("unreadable", "pillow13"),
        (None, "pillow13"),
    ],
)
def test_exact_is_the_pillow_that_is_installed(
    monkeypatch: pytest.MonkeyPatch, version: str | None, order: str
) -> None:
    def installed(name: str) -> str:
        assert name == "pillow"
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version

    monkeypatch.setattr(importlib.metadata, "version", installed)
    assert RenderOptions(exact=True).native()["pass_order"] == order
    assert RenderOptions(exact=False).native() == {**DEFAULTS, "max_pixels": Limits().pixels}


def test_what_the_engine_is_told() -> None:
    assert RenderOptions(max_pixels=5).native() == {**DEFAULTS, "max_pixels": 5}
    turned = RenderOptions(exif_orientation=True, max_pixels=np.int32(7))  # type: ignore[arg-type]
    assert turned.native()["apply_orientation"] is True
    assert type(turned.max_pixels) is int


def test_the_default_limit_is_pillows() -> None:
    image = pytest.importorskip("PIL.Image")
    assert Limits().pixels == 2 * image.MAX_IMAGE_PIXELS


@pytest.mark.parametrize("pixels", [0, -1, 2**40 + 1, 1.5, "7"])
def test_limits_that_make_no_sense(pixels: Any) -> None:
    with pytest.raises(ValueError, match=r"^max_pixels must be "):
        RenderOptions(max_pixels=pixels)


def test_options_are_values() -> None:
    assert RenderOptions(max_pixels=2**40) == RenderOptions(max_pixels=2**40)
    with pytest.raises(dataclasses.FrozenInstanceError):
        RenderOptions().exact = True  # type: ignore[misc]
