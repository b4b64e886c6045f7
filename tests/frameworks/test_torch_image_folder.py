"""`fastinet.torch.ImageFolder` is what torchvision's is over the extracted archive."""

from __future__ import annotations

import io
import pickle
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.comparing import jpeg, picture, rng_of

import fastinet
from fastinet.errors import FastinetWarning
from fastinet.testing.archives import tar, train_tar

torch = pytest.importorskip("torch")

from support import torchvision_stand_ins as t  # noqa: E402
from torch.utils import data  # noqa: E402

from fastinet.torch import ImageFolder  # noqa: E402
from fastinet.torch.image_folder import pil_loader  # noqa: E402

WNIDS = ["n01440764", "n02123045", "n15075141"]


def encoded(pixels: Any, kind: str, mode: str = "RGB", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images of every kind, in no order."""
    rng = rng_of("image folder")

    def pixels() -> Any:
        return picture(rng, 40 + int(rng.integers(9)), 36)

    classes = {
        WNIDS[2]: {"n15075141_9.JPEG": jpeg(pixels()), "n15075141_10.JPEG": jpeg(pixels(), "CMYK")},
        WNIDS[0]: {
            "n01440764_2.JPEG": jpeg(pixels(), "L"),
            "n01440764_1.JPEG": encoded(pixels(), "PNG", "RGBA"),
            "n01440764_11.JPEG": encoded(pixels(), "PNG", "P"),
        },
        WNIDS[1]: {
            "n02123045_3.JPEG": jpeg(pixels(), progressive=True),
            "n02123045_1.JPEG": jpeg(pixels(), exif=b"Exif\0\0"),
        },
    }
    path = tmp_path_factory.mktemp("folder") / "train.tar"
    path.write_bytes(train_tar(classes))
    return path


@pytest.fixture(scope="module")
def opened(archive: Path) -> fastinet.Dataset:
    return fastinet.open(archive, index=False)


def loaded(opened: fastinet.Dataset, path: str) -> Any:
    """The image behind a path, as Pillow has it."""
    content = opened.read(list(opened.keys).index(path))
    return Image.open(io.BytesIO(content)).convert("RGB")


def same(image: Any, expected: Any) -> None:
    assert (image.mode, image.size, image.tobytes()) == (
        expected.mode, expected.size, expected.tobytes(),
    )  # fmt: skip


def test_classes_and_samples(archive: Path, opened: fastinet.Dataset) -> None:
    for folder in (ImageFolder(str(archive)), ImageFolder(archive), ImageFolder(opened)):
        assert folder.classes == folder.wnids == WNIDS
        assert folder.class_to_idx == folder.wnid_to_idx == {w: i for i, w in enumerate(WNIDS)}
        names = [
            "n01440764_1", "n01440764_11", "n01440764_2",
            "n02123045_1", "n02123045_3", "n15075141_10", "n15075141_9",
        ]  # fmt: skip
        assert folder.samples == [
            (f"{name.partition('_')[0]}/{name}.JPEG", WNIDS.index(name.partition("_")[0]))
            for name in names
        ]
        assert folder.imgs is folder.samples
        assert folder.targets == [0, 0, 0, 1, 1, 2, 2]
        assert len(folder) == 7
        assert folder.root == str(archive)
        assert (folder.transform, folder.target_transform) == (None, None)
        assert folder.loader is pil_loader


def test_images_are_pillows(opened: fastinet.Dataset) -> None:
    folder = ImageFolder(opened, target_transform=str)
    for (path, target), (image, given) in zip(folder.samples, folder, strict=True):
        same(image, loaded(opened, path))
        assert given == str(target)


def test_a_pipeline_gives_what_it_gives_on_pillows_images(opened: fastinet.Dataset) -> None:
    folder = ImageFolder(opened)
    for transform in (
        t.Compose([t.RandomResizedCrop(16), t.RandomHorizontalFlip()]),
        t.Compose([t.Resize(20), t.CenterCrop(18)]),
        t.Compose([t.RandomHorizontalFlip(), t.RandomResizedCrop(16)]),
        t.RandomCrop(12, padding=3),
        t.CenterCrop(99),
    ):
        folder.transform = transform
        for number, (path, _) in enumerate(folder.samples):
            torch.manual_seed(number)
            expected, after = transform(loaded(opened, path)), torch.rand(1)
            torch.manual_seed(number)
            same(folder[number][0], expected)
            assert torch.rand(1) == after


def test_the_pipeline_may_be_changed_as_scripts_do(opened: fastinet.Dataset) -> None:
    folder = ImageFolder(opened, t.Compose([t.Resize(20), t.CenterCrop(10)]))
    assert folder[0][0].size == (10, 10)
    folder.transform.transforms[0] = t.Resize(9)
    folder.transform.transforms[1] = t.CenterCrop(7)
    assert folder[0][0].size == (7, 7)
    folder.transform = None
    assert folder[0][0].size != (7, 7)


def test_samples_may_be_changed_as_scripts_do(opened: fastinet.Dataset) -> None:
    folder = ImageFolder(opened)
    last = folder[6][0]
    folder.samples = [(str(folder.samples[6][0]), 5), folder.samples[0]]
    assert len(folder) == 2
    same(folder[0][0], last)
    assert folder[0][1] == 5
    folder.samples.append(("n01440764/nowhere.JPEG", 0))
    with pytest.raises(KeyError, match="nowhere"):
        folder[2]
    with pytest.raises(IndexError):
        folder[3]


def small(image: Any) -> Any:
    return np.array(image.resize((10, 9)))


def test_it_is_a_dataset_of_torchs(opened: fastinet.Dataset) -> None:
    folder = ImageFolder(opened, small)
    expected = [image for image, _ in folder]
    copied = pickle.loads(pickle.dumps(folder))  # noqa: S301
    assert copied.samples == folder.samples
    assert all(map(np.array_equal, expected, (image for image, _ in copied)))
    for workers in (0, 1):
        batches = list(data.DataLoader(folder, 3, num_workers=workers))
        assert np.array_equal(torch.cat([images for images, _ in batches]), expected)
        assert torch.cat([targets for _, targets in batches]).tolist() == folder.targets
    first, second = data.random_split(folder, [4, 3], torch.Generator().manual_seed(0))
    assert len(first) + len(second) == 7
    assert np.array_equal(data.Subset(folder, [5])[0][0], expected[5])


def test_loaders(opened: fastinet.Dataset) -> None:
    def size_and_name(file: Any) -> tuple[int, str]:
        return len(file.read()), Path(file.name).name

    folder = ImageFolder(opened, loader=size_and_name, transform=lambda given: given[::-1])
    item = list(opened.keys).index(folder.samples[6][0])
    assert folder[6][0] == ("n15075141_9.JPEG", len(opened.read(item)))

    def default_loader(path: Any) -> Any:
        raise AssertionError(path)

    default_loader.__module__ = "torchvision.datasets.folder"
    assert ImageFolder(opened, loader=default_loader).loader is pil_loader


def test_some_of_the_items(opened: fastinet.Dataset) -> None:
    kept = {"n15075141/n15075141_9.JPEG", "n02123045/n02123045_3.JPEG"}
    with pytest.warns(FastinetWarning, match="the 2 classes that items have"):
        folder = ImageFolder(opened, is_valid_file=kept.__contains__)
    assert folder.classes == WNIDS[1:]
    assert folder.targets == [0, 1]
    whole = ImageFolder(opened, is_valid_file=kept.__contains__, allow_empty=True)
    assert whole.classes == WNIDS
    assert whole.targets == [1, 2]
    with pytest.raises(FileNotFoundError, match="no item"):
        ImageFolder(opened, is_valid_file=lambda _key: False)
    with pytest.raises(ValueError, match="split goes with a path"):
        ImageFolder(opened, split="train")


def test_items_without_labels(tmp_path: Path) -> None:
    path = tmp_path / "ILSVRC2012_img_test.tar"
    image = jpeg(picture(rng_of("test"), 20, 20))
    path.write_bytes(tar({f"ILSVRC2012_test_{number:08}.JPEG": image for number in (1, 2)}))
    with pytest.raises(ValueError, match="2 of 2 items have no label"):
        ImageFolder(path)


def test_damaged_images(tmp_path: Path) -> None:
    """Pillow has the last word, with the crop that was drawn; and the message names the key."""
    whole = jpeg(picture(rng_of("damaged"), 60, 60), quality=95)
    images = {"n01440764_1.JPEG": whole[: len(whole) // 3], "n01440764_2.JPEG": b"\xff\xd8 none"}
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({WNIDS[0]: images, WNIDS[1]: {"n02123045_1.JPEG": whole}}))
    folder = ImageFolder(fastinet.open(path, index=False))
    for transform in (None, t.CenterCrop(60), t.Resize(20)):
        folder.transform = transform
        for number in (0, 1):
            with pytest.raises(OSError, match=f"n01440764/n01440764_{number + 1}.JPEG"):
                folder[number]
    folder.transform = t.CenterCrop(60)
    assert folder[2][0].size == (60, 60)


def test_a_damaged_image_moves_no_generator(tmp_path: Path) -> None:
    """Torchvision's class opens an image before its crop is drawn: a script may go on behind it."""
    whole = jpeg(picture(rng_of("moves"), 60, 60), quality=95)
    images = {"n01440764_1.JPEG": whole[: len(whole) // 3]}
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({WNIDS[0]: images, WNIDS[1]: {"n02123045_1.JPEG": whole}}))
    folder = ImageFolder(fastinet.open(path, index=False))
    for transform in (t.RandomResizedCrop(16), t.RandomCrop(12), t.Resize(20)):
        folder.transform = transform
        states = torch.get_rng_state(), random.getstate()
        with pytest.raises(OSError, match="n01440764_1"):
            folder[0]
        assert torch.equal(torch.get_rng_state(), states[0])
        assert random.getstate() == states[1]
    folder.transform = t.RandomCrop(12)
    folder[1]
    assert not torch.equal(torch.get_rng_state(), states[0])


def test_root_is_the_path_that_scripts_make(archive: Path) -> None:
    """``os.path.join(args.data_path, "train")``, where no folder of that name is."""
    folder = ImageFolder(archive.with_name("train"))
    assert folder.samples == ImageFolder(archive).samples
    same(folder[0][0], ImageFolder(archive)[0][0])
    with pytest.raises(FileNotFoundError):
        ImageFolder(archive.with_name("val"))
