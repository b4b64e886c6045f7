"""Facts from the headers of images (format, sampling, quality, size), and how common each is."""

from __future__ import annotations

import collections
import functools
import io
from typing import TYPE_CHECKING, Any

from fastinet.cli.output import print_facts, say

if TYPE_CHECKING:
    from collections.abc import Mapping

    from PIL import Image

_MOST_COMMON = 8  # values of each header field that are told
_SAMPLINGS = {(1, 1): "4:4:4", (2, 1): "4:2:2", (2, 2): "4:2:0", (1, 2): "4:4:0", (4, 1): "4:1:1"}


class HeaderTally:
    """Counts of formats, samplings, qualities and sizes."""

    def __init__(self) -> None:
        self.images = 0
        self._tallies: dict[str, collections.Counter[str]] = collections.defaultdict(
            collections.Counter
        )

    def add(self, facts: Mapping[str, str]) -> None:
        """Takes in what `header_facts` tells of an image."""
        self.images += 1
        for name, value in facts.items():
            self._tallies[name][value] += 1

    def mix(self) -> dict[str, Any]:
        """How many "images" there were, and for each field the shares of its commonest values."""
        mix: dict[str, Any] = {"images": self.images}
        for name, tally in self._tallies.items():
            commonest = tally.most_common(_MOST_COMMON)
            mix[name] = {value: number / self.images for value, number in commonest}
        return mix


def print_mix(mix: Mapping[str, Any]) -> None:
    """Prints what `HeaderTally.mix` gives, if there were images."""
    if not mix["images"]:
        return
    say(f"\n[bold]The headers of {mix['images']} images[/]")
    print_facts(
        (name, ", ".join(f"{value} ({share:.1%})" for value, share in shares.items()))
        for name, shares in mix.items()
        if name != "images"
    )


def header_facts(data: bytes) -> dict[str, str]:
    """What the header of one image tells."""
    from PIL import Image  # noqa: PLC0415 - only this needs Pillow

    try:
        image = Image.open(io.BytesIO(data))
    except (OSError, Image.DecompressionBombError):  # no image, a damaged one, one beyond all size
        return {"format": "unknown"}
    width, height = image.size
    facts = {"size": f"{width} x {height}"}
    if image.format != "JPEG":
        return {"format": str(image.format), **facts}
    kind = "progressive" if "progressive" in image.info else "baseline"
    components = image.layer  # type: ignore[attr-defined]
    if len(components) == 1:
        sampling = "grey"
    else:
        sampling = _SAMPLINGS.get(components[0][1:3], "other")
        sampling += " of 4 components" if len(components) == 4 else ""
    quality = _quality_of_table().get(_luma_table(image), "own tables")
    return {"format": f"JPEG {kind}", "sampling": sampling, "quality": quality, **facts}


def _luma_table(image: Image.Image) -> tuple[int, ...]:
    """Quantisation table 0 of a JPEG; empty where a damaged one has none."""
    return tuple(image.quantization.get(0, ()))  # type: ignore[attr-defined]


@functools.cache
def _quality_of_table() -> Mapping[tuple[int, ...], str]:
    """Quality by luma quantisation table, for the tables of the Independent JPEG Group.

    Found by asking the encoder itself. The qualities that share a table go by the lowest.
    """
    from PIL import Image  # noqa: PLC0415 - only this needs Pillow

    qualities = {}
    for quality in range(100, 0, -1):
        file = io.BytesIO()
        Image.new("L", (8, 8)).save(file, "JPEG", quality=quality)
        table = _luma_table(Image.open(file))
        qualities[table] = f"{quality}"
    return qualities
