"""What fastinet does of a pipeline equals what the pipeline does, and draws what it draws."""

from __future__ import annotations

import io
import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.comparing import jpeg, picture, rng_of

torch = pytest.importorskip("torch")

from support import torchvision_stand_ins  # noqa: E402

from fastinet.torch.crop_fronts import front_of  # noqa: E402


def libraries() -> dict[str, Any]:
    """Where transforms come from: the stand-ins, and torchvision's two versions where it is."""
    found: dict[str, Any] = {"stand-ins": torchvision_stand_ins}
    try:
        from torchvision import transforms
        from torchvision.transforms import v2
    except (ImportError, RuntimeError):  # the latter: it is of another torch
        return found
    functions = {name: getattr(transforms.InterpolationMode, name.upper()) for name in NAMES}
    for name, module in (("torchvision", transforms), ("torchvision.v2", v2)):
        found[name] = SimpleNamespace(**vars(module), named=functions)
    return found


NAMES = ("nearest", "bilinear", "bicubic", "lanczos")
LIBRARIES = libraries()


def mode(library: Any, name: str) -> Any:
    return library.named[name] if hasattr(library, "named") else name


def pipelines(t: Any) -> dict[str, Any]:
    """Those that begin with what fastinet does."""
    return {
        "train": t.Compose([t.RandomResizedCrop(24), t.RandomHorizontalFlip()]),
        "oblong": t.RandomResizedCrop((9, 31)),
        "bicubic": t.Compose([t.RandomResizedCrop(24, interpolation=mode(t, "bicubic"))]),
        "lanczos": t.RandomResizedCrop(24, interpolation=mode(t, "lanczos")),
        "nearest": t.RandomResizedCrop(24, interpolation=mode(t, "nearest")),
        "validation": t.Compose([t.Resize(32), t.CenterCrop(28)]),
        "odd": t.Compose([t.Resize(33, interpolation=mode(t, "bicubic")), t.CenterCrop((32, 30))]),
        "simple": t.Compose([t.Resize(32), t.RandomCrop(32), t.RandomHorizontalFlip()]),
        "resize": t.Compose([t.Resize(17), t.RandomHorizontalFlip()]),
        "squashed": t.Compose([t.Resize((20, 41)), t.CenterCrop(16)]),
        "middle": t.CenterCrop(21),
        "anywhere": t.RandomCrop((20, 22)),
        "nested": t.Compose([t.Compose([t.RandomResizedCrop(8)]), t.RandomHorizontalFlip()]),
        "sequence": torch.nn.Sequential() if t is torchvision_stand_ins else sequence(t),
    }


def sequence(t: Any) -> Any:
    return torch.nn.Sequential(t.RandomResizedCrop(8), t.RandomHorizontalFlip())


CASES = [
    (library, name)
    for library, module in LIBRARIES.items()
    for name, pipeline in pipelines(module).items()
    if pipeline != torch.nn.Sequential() and not (library == "stand-ins" and name == "sequence")
]


def seeded() -> None:
    torch.manual_seed(3)
    random.seed(3)


def generators() -> tuple[float, float]:
    """The next number of each: where they stand."""
    return torch.rand(1).item(), random.random()


@pytest.mark.parametrize(("library", "name"), CASES)
def test_the_pixels_and_the_generators_are_the_pipelines(library: str, name: str) -> None:
    transform = pipelines(LIBRARIES[library])[name]
    rng = rng_of(name)
    for width, height, subsampling in [(61, 47, 2), (40, 90, 1), (33, 33, 0)]:
        data = jpeg(picture(rng, width, height), subsampling=subsampling)
        image = Image.open(io.BytesIO(data)).convert("RGB")
        seeded()
        expected, after = transform(image), generators()
        front = front_of(transform)
        assert front is not None
        for by_pillow in (False, True):
            seeded()
            cut = front.draw(height, width)
            assert cut is not None
            found = cut.pillow(image) if by_pillow else Image.fromarray(cut.native(data))
            for step in front.rest:
                found = step(found)
            assert generators() == after
            np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


@pytest.mark.parametrize("library", LIBRARIES)
def test_what_is_left_to_pillow(library: str) -> None:
    t = LIBRARIES[library]
    kinds = {
        "none": None,
        "another": t.RandomHorizontalFlip(),
        "behind another": t.Compose([t.RandomHorizontalFlip(), t.RandomResizedCrop(8)]),
        "a function": np.asarray,
        "its own": type("Own", (t.RandomResizedCrop,), {})(8),
    }
    limited = t.Resize(8)
    limited.max_size = 9
    kinds["limited"] = limited
    other = t.Resize(8)
    other.interpolation = "box"
    kinds["another filter"] = other
    assert [name for name, each in kinds.items() if front_of(each) is not None] == []


@pytest.mark.parametrize("library", LIBRARIES)
def test_nothing_is_drawn_where_a_crop_pads(library: str) -> None:
    t = LIBRARIES[library]
    for transform in (
        t.RandomCrop(20, padding=4),
        t.CenterCrop(50),
        t.Compose([t.Resize(20), t.CenterCrop(24)]),
        t.Compose([t.Resize(20), t.RandomCrop(20, padding=2)]),
    ):
        front = front_of(transform)
        assert front is not None
        seeded()
        assert front.draw(47, 61) is None
        drawn = generators()
        seeded()
        assert drawn == generators()
    front = front_of(t.RandomCrop(50))
    assert front is not None
    with pytest.raises(ValueError, match="Required crop size"):
        front.draw(47, 61)


def test_hooks_and_changed_objects_see_their_images() -> None:
    class Watched(torch.nn.Module):
        size, scale, ratio, interpolation = (8, 8), (0.1, 1.0), (0.7, 1.4), "bilinear"

    Watched.__module__, Watched.__qualname__ = torchvision_stand_ins.MODULE, "RandomResizedCrop"
    watched, changed = Watched(), Watched()
    assert front_of(watched) is not None
    changed.forward = lambda image: image
    assert front_of(changed) is None, "what it does is not what its class does"
    watched.register_forward_hook(lambda *_: None)
    assert front_of(watched) is None


def test_timms_choice_of_an_interpolation() -> None:
    """It is chosen after the box, with Python's generator."""

    class Crop:
        size, scale, ratio, interpolation = (8, 8), (0.1, 1.0), (0.7, 1.4), ("bilinear", "bicubic")

        def get_params(self, image: Any, *_: Any) -> tuple[int, int, int, int]:
            assert image.size == (image.shape[-1], image.shape[-2])  # timm 0.4 asks for this one
            return 0, 0, image.shape[-2] - random.randint(1, 9), 20

    Crop.__module__ = "timm.data.transforms"
    Crop.__qualname__ = "RandomResizedCropAndInterpolation"
    front = front_of(Crop())
    assert front is not None
    seeded()
    before, put_back = random.getstate(), front.remembered()
    cuts = [front.draw(30, 40) for _ in range(20)]
    assert random.getstate() != before
    put_back()
    assert random.getstate() == before
    seeded()
    for cut in cuts:
        height = 30 - random.randint(1, 9)
        assert cut is not None
        assert cut.box == (0, 0, 20, height)
        assert cut.interpolation == random.choice(Crop.interpolation)
