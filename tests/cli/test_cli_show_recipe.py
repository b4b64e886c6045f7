"""fastinet show --recipe: the tiles are the rows of the loader, the captions its steps."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray
from support.commands import run

import fastinet
from fastinet import RandomResizedCrop
from fastinet.augment import GaussianBlur, RandomErasing, Solarize, Step, draw_steps
from fastinet.cli import main, show_recipe
from fastinet.testing.archives import tar
from fastinet.testing.small import small_jpeg

pytestmark = pytest.mark.usefixtures("own_cache")

PLAIN = fastinet.recipe("torchvision-v1")
Sheet = dict[str, Any]


@pytest.fixture
def sheet(monkeypatch: pytest.MonkeyPatch) -> Sheet:
    """What was drawn last: pictures, captions and more."""
    drawn: Sheet = {}

    def keep(pictures: Any, captions: Any, _output: str, **more: Any) -> None:
        drawn.update(pictures=pictures, captions=[list(lines) for lines in captions], **more)

    monkeypatch.setattr("fastinet.cli.show_recipe.write_pictures", keep)
    return drawn


def rows(dataset: fastinet.Dataset, transform: Any, count: int, seed: int) -> NDArray[np.uint8]:
    loader = fastinet.Loader(dataset, count, transform, shuffle=True, seed=seed)
    return next(iter(loader)).images


@pytest.mark.parametrize("training", [True, False])
def test_tiles_are_the_pixels_of_the_loader(archive: str, sheet: Sheet, training: bool) -> None:
    dataset = fastinet.open(archive)
    show_recipe.show_recipe(dataset, PLAIN, "", count=3, training=training, seed=4)
    expected = rows(dataset, PLAIN.train if training else PLAIN.val, 3, 4)
    assert np.array_equal(np.stack(sheet["pictures"]), expected)
    assert sheet["columns"] == 8


def test_views_stand_side_by_side_with_what_was_done(archive: str, sheet: Sheet) -> None:
    augment = (GaussianBlur(p=0.5), Solarize(100, p=0.5))
    transform = RandomResizedCrop(32, augment=augment, views=3)
    recipe = dataclasses.replace(PLAIN, train=transform)
    dataset = fastinet.open(archive)
    show_recipe.show_recipe(dataset, recipe, "", count=None, training=True, seed=2)
    expected = rows(dataset, transform, 13, 2)  # 13 * 3 views are the most within 40 tiles
    assert np.array_equal(np.stack(sheet["pictures"]), expected.reshape(-1, 32, 32, 3))
    assert sheet["columns"] == 6  # of two images
    loader = fastinet.Loader(dataset, 8, transform, shuffle=True, seed=2)
    batch = next(iter(loader))
    captions = iter(sheet["captions"])
    for item, flips in zip(batch.indices.tolist(), batch.flips.tolist(), strict=True):
        for view, flip in enumerate(flips):
            first, *done = next(captions)
            name = dataset.classes[dataset.labels[item]].names[0]
            assert first == (f"view {view}" if view else name)
            steps = draw_steps(augment, 32, seed=2, epoch=0, item=item, view=view)
            said = [show_recipe.step_text(step) for step in steps]
            assert done == ["mirrored"] * flip + said
    assert any("solarize 100" in lines for lines in sheet["captions"])


def test_groups_of_views_come_in_their_sizes(archive: str, sheet: Sheet) -> None:
    recipe = fastinet.recipe("dino")
    dataset = fastinet.open(archive)
    show_recipe.show_recipe(dataset, recipe, "", count=None, training=True, seed=1)
    loader = fastinet.Loader(dataset, 4, recipe.train, shuffle=True, seed=1)
    groups = next(iter(loader)).crops
    expected = [view for row in range(4) for group in groups for view in group[row]]
    assert len(sheet["pictures"]) == len(expected) == 40
    for picture, view in zip(sheet["pictures"], expected, strict=True):
        assert np.array_equal(picture, view)
    assert sheet["columns"] == 10


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (Step("grayscale"), "grayscale"),
        (Step("rotate", (12.3456,), "bilinear"), "rotate 12.3"),
        (Step("affine", (1, 0.25, 0, 0, 1, 0)), "affine b=0.25"),
        (Step("affine", (1, 0, 0, 0, 1, -7.5)), "affine f=-7.5"),
        (Step("kernel_blur", (9, 0.5)), "kernel_blur 9 0.5"),
    ],
)
def test_steps_in_a_few_words(step: Step, text: str) -> None:
    assert show_recipe.step_text(step) == text


def test_the_command_writes_a_sheet(archive: str, tmp_path: Path) -> None:
    path = tmp_path / "sheet.png"
    text = run("show", archive, "-o", str(path), "-n", "3", "--recipe", "mae").stdout
    assert text.strip() == f"{path}: 3 images"
    assert path.read_bytes().startswith(b"\x89PNG")


def test_what_was_erased_is_shown_and_said(archive: str, sheet: Sheet) -> None:
    transform = RandomResizedCrop(32, erase=RandomErasing(0.5, value=9.0))
    recipe = dataclasses.replace(PLAIN, train=transform)
    dataset = fastinet.open(archive)
    show_recipe.show_recipe(dataset, recipe, "", count=8, training=True, seed=0)
    loader = fastinet.Loader(dataset, 8, transform, shuffle=True, seed=0)
    batch = next(iter(loader))
    assert batch.erased is not None
    expected = batch.images.copy()
    for row, (x, y, width, height) in enumerate(batch.erased[:, 0].tolist()):
        expected[row, y : y + height, x : x + width] = 255
        assert ("erased" in sheet["captions"][row]) == (width > 0)
    assert np.array_equal(np.stack(sheet["pictures"]), expected)
    assert 0 < sum("erased" in lines for lines in sheet["captions"]) < 8


def test_all_views_of_a_bad_image_are_crossed(tmp_path: Path, sheet: Sheet) -> None:
    rng = np.random.default_rng(0)
    members = {f"n01440764/n01440764_{i}.JPEG": small_jpeg(rng) for i in range(3)}
    members["n01440764/n01440764_1.JPEG"] = b"GIF89a"
    path = tmp_path / "some.tar"
    path.write_bytes(tar(members))
    recipe = dataclasses.replace(PLAIN, train=RandomResizedCrop(16, views=2))
    dataset = fastinet.open(path)
    show_recipe.show_recipe(dataset, recipe, "", count=3, training=True, seed=0)
    loader = fastinet.Loader(dataset, 3, recipe.train, shuffle=True, on_error="mask", log=None)
    with pytest.warns(match="gave no row"):
        bad = [row for batch in loader for row in range(3) if not batch.valid[row]]
    assert len(bad) == 1
    assert sorted(sheet["errors"]) == [bad[0] * 2, bad[0] * 2 + 1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--recipe", "xyzzy"], "there is no recipe 'xyzzy'. There are torchvision-v1,"),
        (["--recipe", "mae", "--boxes", "b.tgz"], "--boxes are drawn on images without --recipe"),
    ],
)
def test_what_cannot_be_is_refused(archive: str, options: list[str], message: str) -> None:
    result = CliRunner().invoke(main, ["show", archive, *options])
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())


def test_a_stream_has_no_recipes() -> None:
    result = CliRunner().invoke(main, ["show", "-", "--recipe", "mae"])
    assert result.exit_code == 2
    assert "--recipe needs a file" in result.stderr
