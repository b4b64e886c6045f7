"""The strings that timm describes its policies with: ``rand-m9-mstd0.5-inc1`` and their kin.

Read as ``rand_augment_transform``, ``auto_augment_transform`` and ``augment_and_mix_transform`` of
timm/data/auto_augment.py (timm 1.0.31) read them. What these pass over in silence is refused here.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

__all__ = ["AUTO_AUGMENT_NAMES", "TimmPolicy", "parse_timm_string"]

AUTO_AUGMENT_NAMES: Final = ("original", "originalr", "v0", "v0r", "3a")

_RAND = (
    "AutoContrast",
    "Equalize",
    "Invert",
    "Rotate",
    "Posterize",
    "Solarize",
    "SolarizeAdd",
    "Color",
    "Contrast",
    "Brightness",
    "Sharpness",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
)
_WITH_INCREASING = ("Posterize", "Solarize", "Color", "Contrast", "Brightness", "Sharpness")
_RAND_INCREASING = tuple(
    f"{name}Increasing" if name in _WITH_INCREASING else name for name in _RAND
)
_RAND_3A = ("SolarizeIncreasing", "Desaturate", "GaussianBlur")
_WEIGHTS: Final[Mapping[str, Mapping[str, float]]] = {
    "weights": {
        "Rotate": 3,
        "ShearX": 2,
        "ShearY": 2,
        "TranslateX": 1,
        "TranslateY": 1,
        "ColorIncreasing": 0.25,
        "SharpnessIncreasing": 0.25,
        "AutoContrast": 0.25,
        "SolarizeIncreasing": 0.05,
        "SolarizeAdd": 0.05,
        "ContrastIncreasing": 0.05,
        "BrightnessIncreasing": 0.05,
        "Equalize": 0.05,
        "PosterizeIncreasing": 0.05,
        "Invert": 0.05,
    },
    "3aw": {
        "SolarizeIncreasing": 6,
        "Desaturate": 6,
        "GaussianBlur": 6,
        "Rotate": 3,
        "ShearX": 2,
        "ShearY": 2,
        "PosterizeIncreasing": 1,
        "AutoContrast": 1,
        "ColorIncreasing": 1,
        "SharpnessIncreasing": 1,
        "ContrastIncreasing": 1,
        "BrightnessIncreasing": 1,
        "Equalize": 1,
        "Invert": 1,
    },
}
_AUGMIX = (
    "AutoContrast",
    "ColorIncreasing",
    "ContrastIncreasing",
    "BrightnessIncreasing",
    "SharpnessIncreasing",
    "Equalize",
    "Rotate",
    "PosterizeIncreasing",
    "SolarizeIncreasing",
    "ShearX",
    "ShearY",
    "TranslateX",
    "TranslateY",
)


@dataclass(frozen=True)
class TimmPolicy:
    """What a string says."""

    kind: str
    """"rand", "augmix", or one of AUTO_AUGMENT_NAMES."""
    names: tuple[str, ...] = ()
    """Of the operations that are chosen from: not of AutoAugment, which has a table."""
    weights: tuple[float, ...] = ()
    """How likely each is; then an image has none twice."""
    magnitude: float = 10.0
    deviation: float = 0.0
    """Of the magnitude; infinity draws it uniformly from 0."""
    most: float = 10.0
    """Magnitudes are cut here."""
    layers: int = 2
    """How many operations are chosen."""
    p: float = 0.5
    """That one which was chosen is made."""
    width: int = 3
    """Chains of AugMix."""
    depth: int = -1
    """Operations of a chain; 1, 2 or 3 where it is not positive."""
    alpha: float = 1.0
    """Of the distribution of AugMix's weights."""


def parse_timm_string(config: str) -> TimmPolicy:
    """What `config` means to timm.

    Raises:
        ValueError: nothing, or something that fastinet does not do; the message says what there is.
    """
    kind, *sections = str(config).split("-")
    if kind == "rand":
        return _rand(config, sections)
    if kind == "augmix":
        return _augmix(config, sections)
    if kind not in AUTO_AUGMENT_NAMES:
        known = ", ".join(("rand", *AUTO_AUGMENT_NAMES, "augmix"))
        raise ValueError(
            f"timm has no policy {kind!r} ({config!r}); its strings begin with {known}"
        )
    given = _numbers(config, sections, {"mstd": float})
    deviation = given.get("mstd", 0.0)
    if kind == "3a" and deviation:
        raise ValueError(
            f"{config!r} would draw the bound of a blur, and then the blur: fastinet has no such "
            "draw. Leave out mstd"
        )
    return TimmPolicy(kind, deviation=deviation)


def _rand(config: str, sections: list[str]) -> TimmPolicy:
    choices = [section[1:] for section in sections if section.startswith("t")]
    readers = {"m": int, "n": int, "p": float, "mstd": float, "mmax": int, "inc": int}
    rest = [section for section in sections if not section.startswith("t")]
    given = _numbers(config, rest, readers, ("t",))
    # Earlier versions of timm asked whether there is a text behind inc, and took inc0 for inc1.
    names = _RAND_INCREASING if given.get("inc", 0) else _RAND
    weights: tuple[float, ...] = ()
    if len(choices) > 1:
        raise ValueError(f"{config!r} has several sections that begin with t")
    if choices == ["3a"]:
        names = _RAND_3A
    elif choices and choices[0] in _WEIGHTS:
        table = _WEIGHTS[choices[0]]
        names, weights = tuple(table), tuple(table.values())
    elif choices:
        known = ", ".join(f"t{name}" for name in ("3a", *_WEIGHTS))
        raise ValueError(f"timm has no choice t{choices[0]} ({config!r}); there are {known}")
    deviation = given.get("mstd", 0.0)
    policy = TimmPolicy(
        "rand",
        names,
        weights,
        magnitude=given.get("m", 10),
        deviation=math.inf if deviation > 100 else deviation,
        most=given.get("mmax", 0) or 10.0,
        layers=int(given.get("n", 2)),
        p=given.get("p", 0.5),
    )
    if policy.p > 1:
        raise ValueError(f"p must be a probability, 0 to 1 ({config!r})")
    if weights and policy.layers > len(names):
        raise ValueError(
            f"{config!r} asks for {policy.layers} different operations of {len(names)}"
        )
    return policy


def _augmix(config: str, sections: list[str]) -> TimmPolicy:
    readers = {"m": int, "w": int, "d": int, "a": float, "b": int, "mstd": float}
    given = _numbers(config, sections, readers)
    if given.get("b", 0):
        raise ValueError(
            f"{config!r}: fastinet does not blend chain by chain (b), which timm calls not well "
            "tested. Leave it out"
        )
    alpha = given.get("a", 1.0)
    if not 1e-3 <= alpha <= 1e4:
        raise ValueError(f"a, of the weights' distribution, must be 0.001 to 10000 ({config!r})")
    if given.get("w", 3) < 1:
        raise ValueError(f"{config!r}: there must be a chain to mix, w1 or more")
    return TimmPolicy(
        "augmix",
        _AUGMIX,
        magnitude=given.get("m", 3),
        deviation=given.get("mstd", math.inf),
        width=int(given.get("w", 3)),
        depth=int(given.get("d", -1)),
        alpha=alpha,
        p=1.0,
    )


def _numbers(
    config: str,
    sections: list[str],
    readers: Mapping[str, Callable[[str], float]],
    others: Sequence[str] = (),
) -> dict[str, float]:
    """The numbers of sections such as m9, by their letters; there may be `others` beside these."""
    given: dict[str, float] = {}
    known = ", ".join([*readers, *others])
    for section in sections:
        found = re.fullmatch(r"(\D*)(\d.*)", section)
        if found is None:
            raise ValueError(
                f"{section!r} has no number, so that timm passes it over ({config!r}); leave it "
                f"out, or give it one. Sections are {known}"
            )
        key, text = found.groups()
        if key not in readers:
            raise ValueError(f"{section!r} is no section of {config!r}; there are {known}")
        if key in given:
            raise ValueError(f"{config!r} has {key!r} twice")
        try:
            number = readers[key](text)
        except ValueError:
            kind = "whole number" if readers[key] is int else "number"
            raise ValueError(f"{section!r} must have a {kind} ({config!r})") from None
        if not (math.isfinite(number) and 0 <= number <= 1e6):
            raise ValueError(f"{section!r} is out of bounds, 0 to 1e6 ({config!r})")
        given[key] = number
    return given
