"""What the engine is told of rows: nothing of transform, format and options is left out."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from support.comparing import jpeg, picture, rng_of

import fastinet
from fastinet import CenterCrop, ColorJitter, MultiCrop, RandomResizedCrop, Resize, View
from fastinet._native import _engine
from fastinet.augment import Grayscale, Invert
from fastinet.pixels.item_spec import item_spec
from fastinet.pixels.output import OutputFormat
from fastinet.pixels.rendering import RenderOptions
from fastinet.testing.archives import tar

FORMAT = OutputFormat("float32", "NCHW", "imagenet", "imagenet")
RENDER = RenderOptions(max_pixels=9)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What specs are made of: of the groups of views, which come first, and of the whole."""
    calls: list[dict[str, Any]] = []

    def take(**arguments: Any) -> dict[str, Any]:
        calls.append(arguments)
        return arguments

    monkeypatch.setattr(_engine, "ViewSpec", take)
    monkeypatch.setattr(_engine, "ItemSpec", lambda groups, **parts: take(groups=groups, **parts))
    return calls


@pytest.mark.parametrize(
    "transform",
    [
        Resize(8, "bicubic"),
        CenterCrop((6, 7), resize=9),
        RandomResizedCrop(8, views=3, color_jitter=ColorJitter(0.4, 0.3, 0.2, 0.1)),
        RandomResizedCrop(8),
        RandomResizedCrop(8, color_jitter=ColorJitter(0.4), augment=(Invert(), Grayscale(0.2))),
    ],
)
def test_everything_is_told(told: list[dict[str, Any]], transform: Any) -> None:
    item_spec(transform, FORMAT, RENDER)
    view, whole = told
    assert whole["groups"] == [view]
    for part, arguments in ((transform, view), (FORMAT, whole), (RENDER, whole)):
        for name, value in part.native().items():
            assert np.array_equal(arguments[name], value), name
    assert view["interpolation"] == transform.interpolation
    assert view["count"] == (getattr(transform, "views", None) or 1)
    jitter = getattr(transform, "color_jitter", None)
    expected = len(getattr(transform, "augment", ())) + (jitter is not None)
    assert len(view["operations"]) == expected


def test_each_group_is_told(told: list[dict[str, Any]]) -> None:
    views = MultiCrop(View(RandomResizedCrop(8), count=3), View(Resize(6, "bicubic")))
    item_spec(views, FORMAT, RENDER)
    first, second, whole = told
    assert whole["groups"] == [first, second]
    assert (first["kind"], first["size"], first["count"]) == ("RandomResizedCrop", (8, 8), 3)
    assert (second["kind"], second["size"], second["count"]) == ("Resize", (6, 6), 1)
    assert second["interpolation"] == "bicubic"


def test_rows_are_what_a_spec_says() -> None:
    """By way of a loader, beside the one-shot functions."""
    data = jpeg(picture(rng_of("spec"), 40, 30), quality=90)
    options: dict[str, Any] = {"dtype": "float32", "layout": "NCHW", "mean": 0.5, "std": 0.25}
    archive = io.BytesIO(tar({"n01440764/n01440764_1.JPEG": data}))
    stream = fastinet.open_stream(archive, classes="imagenet1k")
    (batch,) = fastinet.StreamLoader(stream, 1, CenterCrop((6, 7), resize=9), **options)
    expected = fastinet.decode(data, transform=CenterCrop((6, 7), resize=9), **options)
    assert np.array_equal(batch.images[0], expected)
