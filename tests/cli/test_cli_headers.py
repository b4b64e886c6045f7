"""Facts from headers are those that the image was written with, and how common each is."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.commands import run_json

from fastinet.cli.headers import HeaderTally, header_facts, print_mix
from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg

pytestmark = pytest.mark.usefixtures("own_cache")


def test_info_takes_damaged_headers(tmp_path: Path) -> None:
    """A header cut anywhere, without its tables, or of an absurd size ends no command."""
    image = small_jpeg(np.random.default_rng(0))
    members = {f"n01440764_{cut}.JPEG": image[:cut] for cut in range(0, 700, 7)}
    members["n01440764_no_table.JPEG"] = image.replace(
        b"\xff\xdb\x00\x43\x00", b"\xff\xdb\x00\x43\x03"
    )
    frame = image.index(b"\xff\xc0")
    huge = image[: frame + 5] + b"\xff" * 4 + image[frame + 9 :]
    members["n01440764_huge.JPEG"] = huge
    archive = tmp_path / "n01440764.tar"
    archive.write_bytes(tar(members))
    mix = run_json("info", str(archive))["sample"]
    assert mix["images"] == len(members)
    assert mix["format"]["unknown"] > 0.3
    assert sum(mix["format"].values()) == pytest.approx(1)


def facts_of(image: Image.Image, **options: Any) -> dict[str, str]:
    file = io.BytesIO()
    image.save(file, options.pop("format", "JPEG"), **options)
    return header_facts(file.getvalue())


@pytest.mark.parametrize("quality", [1, 30, 75, 92, 100])
@pytest.mark.parametrize(("subsampling", "name"), [(0, "4:4:4"), (1, "4:2:2"), (2, "4:2:0")])
def test_what_the_encoder_was_told(quality: int, subsampling: int, name: str) -> None:
    image = Image.new("RGB", (30, 20))
    facts = facts_of(image, quality=quality, subsampling=subsampling)
    expected = {"format": "JPEG baseline", "sampling": name, "quality": f"{quality}"}
    assert facts == {**expected, "size": "30 x 20"}


def test_other_images() -> None:
    image = Image.new("RGB", (9, 5))
    assert facts_of(image, progressive=True)["format"] == "JPEG progressive"
    assert facts_of(image.convert("L"))["sampling"] == "grey"
    assert facts_of(image.convert("CMYK"))["sampling"] == "4:4:4 of 4 components"
    assert facts_of(image, qtables=[[7] * 64, [9] * 64])["quality"] == "own tables"
    assert facts_of(image, format="PNG") == {"format": "PNG", "size": "9 x 5"}
    assert facts_of(image, format="GIF") == {"format": "GIF", "size": "9 x 5"}
    assert header_facts(b"no image") == {"format": "unknown"}


def test_shares_of_the_commonest_values() -> None:
    tally = HeaderTally()
    assert tally.mix() == {"images": 0}
    for number in range(40):
        tally.add({"format": "PNG" if number % 4 else "JPEG baseline", "size": f"{number // 4}"})
    mix = tally.mix()
    assert mix["images"] == 40
    assert mix["format"] == {"PNG": 0.75, "JPEG baseline": 0.25}
    assert list(mix["size"].values()) == [0.1] * 8, "the others are left out"
    tally.add({"format": "unknown"})  # has no size
    assert tally.mix()["format"]["unknown"] == 1 / 41


def test_nothing_is_printed_of_no_image(capsys: pytest.CaptureFixture[str]) -> None:
    print_mix({"images": 0})
    assert capsys.readouterr().out == ""
    print_mix({"images": 2, "format": {"PNG": 0.5, "GIF": 0.5}})
    printed = capsys.readouterr().out
    assert "The headers of 2 images" in printed
    assert "PNG (50.0%), GIF (50.0%)" in printed
