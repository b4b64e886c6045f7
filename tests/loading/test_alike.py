"""Loops that draw from the same random numbers at the same time, and loaders that do not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import fastinet
from fastinet import CenterCrop, Loader, RandomResizedCrop
from fastinet.augment import GaussianBlur, draw_steps
from fastinet.errors import FastinetWarning
from fastinet.loading import alike
from fastinet.testing.archives import train_tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from pathlib import Path

# Elsewhere in the tests loaders are compared, and draw alike on purpose.
pytestmark = pytest.mark.filterwarnings("error:two loaders of")

WIDE = RandomResizedCrop(12, scale=(0.4, 1))
LOCAL = RandomResizedCrop(8, scale=(0.05, 0.4))


@pytest.fixture(autouse=True)
def _untold(monkeypatch: pytest.MonkeyPatch) -> None:
    """What other tests were told counts for nothing."""
    monkeypatch.setattr(alike, "_told", set())


def loader_of(dataset: fastinet.Dataset, transform: Any, **options: Any) -> Loader:
    return Loader(dataset, 16, transform, shuffle=True, seed=5, **options)


def test_two_loops_that_draw_alike_are_told_of_once(dataset: fastinet.Dataset) -> None:
    wide, local = loader_of(dataset, WIDE), loader_of(dataset, LOCAL)
    with pytest.warns(
        FastinetWarning, match='run epoch 0 at the same time .* draws="local"'
    ) as told:
        pairs = [*zip(wide, local, strict=True), *zip(wide, local, strict=True)]
    assert len(told) == 1
    for ours, theirs in pairs:
        assert np.array_equal(ours.indices, theirs.indices)
        assert np.array_equal(ours.flips, theirs.flips), "this is what the warning is about"


@pytest.mark.parametrize(
    ("transform", "options"),
    [(LOCAL, {"draws": "local"}), (WIDE, {}), (CenterCrop(8), {})],
    ids=["another name", "the same transform", "nothing is drawn"],
)
def test_others_are_not(dataset: fastinet.Dataset, transform: Any, options: Any) -> None:
    other = loader_of(dataset, transform, **options)
    list(zip(loader_of(dataset, WIDE), other, strict=True))


def test_one_after_the_other_is_no_matter(dataset: fastinet.Dataset) -> None:
    """Nor is an iterator that somebody has made and not used, or one of another epoch."""
    wide, local = loader_of(dataset, WIDE), loader_of(dataset, LOCAL)
    unused = iter(wide)
    list(local)
    list(unused)
    list(zip(wide.epoch(3), local.epoch(4), strict=True))
    for _ in wide:
        break
    list(local)


# Names of draws


def rows(loader: Loader) -> dict[str, Any]:
    batches = list(loader.epoch(2))
    names = ("indices", "boxes", "flips", "images", "copies")
    return {name: np.concatenate([getattr(b, name) for b in batches]) for name in names}


@pytest.mark.parametrize("more", [{}, {"repeats": 3}, {"views": 2}, {"shuffle": "blocked"}])
def test_a_name_changes_what_is_drawn_and_not_the_order(
    dataset: fastinet.Dataset, more: dict[str, Any]
) -> None:
    options: dict[str, Any] = {"shuffle": True, "seed": 2**63 + 7, **more}
    plain, one, same, two = (
        rows(Loader(dataset, 9, WIDE, draws=draws, **options)) for draws in ("", "a", "a", "b")
    )
    for name in ("indices", "copies"):
        assert np.array_equal(plain[name], one[name])
        assert np.array_equal(plain[name], two[name])
    for name in ("boxes", "flips", "images"):
        assert np.array_equal(one[name], same[name])
        assert not np.array_equal(plain[name], one[name])
        assert not np.array_equal(one[name], two[name])


def test_names_draw_independently(dataset: fastinet.Dataset) -> None:
    """Flips agree in half of the rows, and the places of crops do not hang together."""
    many = dataset.select(np.arange(43).repeat(40))
    boxes, flips = [], []
    for draws in ("", "local"):
        batches = list(Loader(many, 860, RandomResizedCrop(2), seed=1, draws=draws, threads=2))
        boxes.append(np.concatenate([batch.boxes for batch in batches]).astype(float))
        flips.append(np.concatenate([batch.flips for batch in batches]))
    sizes = np.concatenate([batch.image_sizes for batch in batches])
    assert 0.45 < np.mean(flips[0] == flips[1]) < 0.55  # 1720 rows: 4 standard deviations
    places = [(box[:, 0] + box[:, 2] / 2) / sizes[:, 1] for box in boxes]
    assert abs(np.corrcoef(*places)[0, 1]) < 0.1


def test_steps_of_a_name_can_be_drawn_again(dataset: fastinet.Dataset) -> None:
    crop = RandomResizedCrop(8, augment=GaussianBlur(p=0.5))
    loader = Loader(dataset, 43, crop, seed=3, draws="local", record=True)
    (batch,) = loader.epoch(1)
    steps = batch.steps
    assert steps is not None
    expected, others = (
        [draw_steps(crop.augment, 8, seed=3, epoch=1, item=i, draws=d) for i in range(43)]
        for d in ("local", "")
    )
    assert steps == expected
    assert steps != others


def test_what_replaces_a_bad_item_is_the_same_for_all_names(tmp_path: Path) -> None:
    """So that pairs of two loaders show the same items there, too."""
    rng = np.random.default_rng(0)
    images = {f"n01440764_{n}.JPEG": small_jpeg(rng) if n % 3 else b"no image" for n in range(12)}
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01440764": images}))
    bad = fastinet.open(path, index=False)
    shown = []
    for draws in ("", "local"):
        with pytest.warns(FastinetWarning, match="4 items gave no row"):
            (batch,) = Loader(bad, 12, WIDE, on_error="replace", draws=draws)
        shown.append(batch.indices.tolist())
    assert shown[0] == shown[1]


def test_states_carry_a_name_and_refuse_another(dataset: fastinet.Dataset) -> None:
    loader = loader_of(dataset, WIDE, draws="local")
    next(loader.epoch(2))
    state = loader.state_dict()
    assert (state["version"], state["draws"]) == (4, "local")
    again = loader_of(dataset, WIDE, draws="local")
    again.load_state_dict(state)
    assert next(iter(again)).boxes.tolist() == next(loader.epoch(2, 1)).boxes.tolist()
    for other in (loader_of(dataset, WIDE), loader_of(dataset, WIDE, draws="b")):
        with pytest.raises(ValueError, match="state has draws='local', the loader "):
            other.load_state_dict(state)
    plain = loader_of(dataset, WIDE).state_dict()
    assert plain["version"] == 2
    assert "draws" not in plain
    with pytest.raises(ValueError, match="state has draws='', the loader 'local'"):
        again.load_state_dict(plain)
    copies = loader_of(dataset, WIDE, draws="local", repeats=2).state_dict()
    assert (copies["version"], copies["repeats"], copies["draws"]) == (4, 2, "local")
