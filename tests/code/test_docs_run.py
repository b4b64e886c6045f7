"""The Python of README and docs/ runs, on miniatures that have the names which the pages call.

The blocks under one heading are one program. `PROGRAMS` says what the page takes for granted there,
what is made shorter, and what holds at the end; a heading that is not in it needs nothing.
"""

from __future__ import annotations

import importlib.util
import io
import types
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from support.documented_files import TRAIN_IMAGES, VAL_IMAGES, write_documented_files
from support.markdown_pages import Block, command_lines, programs, read_page

import fastinet
from fastinet.cli import main

ROOT = Path(__file__).resolve().parents[2]

TRAIN = 'ds = fastinet.open("ILSVRC2012_img_train.tar")\n'
VALIDATION = 'val_ds = fastinet.open("ILSVRC2012_img_val.tar")\n'
TRANSFORM = "transform = fastinet.RandomResizedCrop(224)\n"
LOADER = f"{TRAIN}{TRANSFORM}loader = fastinet.Loader(ds, 64, transform, shuffle=True)\n"
MODEL = "model = predict = lambda images: np.eye(1000)[np.arange(len(images))]\n"
VAL_LOADER = f"""{VALIDATION}val = val_ds
transform = fastinet.CenterCrop(224, resize=256)
loader = fastinet.Loader(val_ds, 6, transform, pad_last="mask")
"""
NETWORK = """
class Network(torch.nn.Linear):
    def forward(self, images):
        return super().forward(images.float().mean((2, 3)))
model = Network(3, 1000)
optimizer = torch.optim.SGD(model.parameters(), 0.1)
"""
QUIET = "import warnings\nwarnings.simplefilter('ignore')\n"  # of what trainers advise


@dataclass(frozen=True)
class Program:
    """What the blocks under a heading need.

    Attributes:
        before: what runs before them.
        shorter: texts that are replaced, so that the miniature is enough, or time is saved.
        after: what is true when they have run.
        needs: frameworks, without which nothing is run.
    """

    before: str = ""
    shorter: tuple[tuple[str, str], ...] = ()
    after: str = "True"
    needs: tuple[str, ...] = ()


# What the scripts of trainers have where a line is added; images are small, to save time.
SCRIPT = """
from types import SimpleNamespace
import fastinet.torch
args = SimpleNamespace(data_path="imagenette2", batch_size=2, seed=3, start_epoch=1)
args.batch_size_per_gpu = 2
train_dir = traindir = "imagenette2/train"
val_dir = "imagenette2/val"
config = SimpleNamespace(
    DATA=SimpleNamespace(DATA_PATH="imagenette2", BATCH_SIZE=2), SEED=3
)
"""


def script(loader: str, after: str) -> Program:
    """What a page of a trainer needs, whose line makes this loader."""
    return Program(
        before=SCRIPT,
        after=f"(made := next(iter({loader}))) and {after} and len({loader}) > 1"
        f" and {loader}.sampler.set_epoch(4) is None",
        needs=("torch",),
    )


SMALL = "made[0].shape == (2, 3, 224, 224) and made[1].shape == (2,)"
PROGRAMS: dict[tuple[str, str], Program] = {
    ("README.md", "fastinet"): Program(
        after="images.shape[1:] == (224, 224, 3) and images.dtype == np.uint8"
        " and labels.dtype == np.int64 and len(images) < 256 < len(ds)"
    ),
    ("docs/archives.md", "Training images"): Program(
        after="len(ds.classes) == 2 and len(val.classes) == 2"
    ),
    ("docs/archives.md", "Validation images"): Program(
        after=f"len(val) == {VAL_IMAGES} and val.keys[0] == 'ILSVRC2012_val_00000001.JPEG'"
        " and val.label_sets[1] == []"
    ),
    ("docs/archives.md", "Test images"): Program(after="set(test.labels) == {-1}"),
    ("docs/archives.md", "Other packagings"): Program(
        after=f"len(val) == {VAL_IMAGES} and val.labels.tolist() == "
        "fastinet.open('ILSVRC2012_img_val.tar').labels.tolist()"
    ),
    ("docs/archives.md", "ImageNet-21K and its relatives"): Program(
        after="max(map(len, everything.label_sets)) == 3"
    ),
    ("docs/archives.md", "ImageNet-21K-P"): Program(
        after="len(targets) == len(ds) and targets.ndim == 2"
    ),
    ("docs/archives.md", "ImageNet-V2"): Program(after="len(ds.classes) == 1000"),
    ("docs/archives.md", "ImageNet-C"): Program(
        after="ds.split == 'gaussian_noise/3' and len(both.splits) == 9"
    ),
    ("docs/archives.md", "Tiny-ImageNet"): Program(after="val.labels.tolist() == [2, 1, 0]"),
    ("docs/archives.md", "ImageNet-A, -O, -R and -Sketch"): Program(
        after="len(ds.classes) == 1000 and set(ds.labels) <= set(columns) and len(columns) == 200"
    ),
    ("docs/archives.md", "ObjectNet"): Program(
        after="len(overlapping) == 8 and pixels.shape == (28, 38, 3)"
    ),
    ("docs/archives.md", "Class folders by names"): Program(
        before="data = arriving('image.jpg').read()\n"
        "for each in ('train/cat/1', 'train/cat/2', 'train/dog/3', 'val/cat/4', 'val/dog/5'):\n"
        "    file = Path('pets', f'{each}.jpg')\n"
        "    file.parent.mkdir(parents=True, exist_ok=True)\n"
        "    file.write_bytes(data)\n",
        after="train.labels.tolist() == [0, 0, 1] and val.labels.tolist() == [0, 1]"
        " and [each.wnid for each in train.classes] == ['0', '1']",
    ),
    ("docs/archives.md", "WebDataset shards"): Program(after="len(ds) == 300"),
    ("docs/archives.md", "A tar while it arrives"): Program(
        shorter=(('"-"', 'arriving("ILSVRC2012_img_train.tar")'),),
        after=f"sum(len(batch) for batch in loader) == {TRAIN_IMAGES}",
    ),
    ("docs/archives.md", "Splits and classes"): Program(
        after="everything.splits == ('train', 'val') and len(everything) > len(ds)"
    ),
    ("docs/archives.md", "Some of the items or classes, or several archives"): Program(
        before='ds = fastinet.open("winter21_whole.tar.gz")\n',
        shorter=(("imagenet5k(ds)", "imagenet5k(ds, others=2)"),),
        after="len(part.classes) == 2 and len(both) == len(ds) + len(part)"
        " and train.wnids == val.wnids and len(train) == len(val)",
    ),
    ("docs/archives.md", "Annotations"): Program(
        before=TRAIN,
        after="len(maps) == len(ds) and batch.soft_labels.shape[1:] == (1000,)",
    ),
    ("docs/archives.md", "The classes and their names"): Program(
        after="ds.classes[134].zh == '鹤' and ds.classes[517].zh == '起重机'"
    ),
    ("docs/sources.md", "Streams"): Program(
        before=TRANSFORM,
        shorter=(
            (
                'fastinet.open("-", classes',
                'fastinet.open(arriving("train.tar"), classes',
            ),
            (
                'fastinet.open("-", split',
                'fastinet.open(arriving("imagenet21k_resized.tar.gz"), split',
            ),
        ),
    ),
    ("docs/training-loop.md", "What is in a batch"): Program(
        before=TRAIN + VALIDATION,
        after="images.shape[1:] == (224, 224, 3) and len(list(val)) == 1",
    ),
    ("docs/training-loop.md", "From two loaders"): Program(
        before=TRAIN,
        shorter=(("Crop(224", "Crop(32"), ("Crop(96", "Crop(16")),
        after="wide_images.shape[1] == 32 and local_images.shape[1] == 16",
    ),
    ("docs/training-loop.md", "Crops"): Program(
        before=TRAIN, after="(row == batch.images[7]).all() and row.shape == (224, 224, 3)"
    ),
    ("docs/training-loop.md", "Bad images"): Program(
        before=f"{TRAIN}data = np.fromfile(ds.path, np.uint8)\n"
        "start = int(ds.columns.offsets[3])\n"
        "data[start : start + 2] = 0\n"
        "data.tofile('bad.tar')\n"
        "ds = fastinet.open('bad.tar')\n",
        after="(len(loader.failures), failure.item, failure.action) == (1, 3, 'replaced')",
    ),
    ("docs/training-loop.md", "Several processes"): Program(
        before=f"{TRAIN}{VALIDATION}correct = 0\npredict = lambda images: np.zeros(len(images))\n",
        after="batch.valid.sum() == len(val_ds) and len(batch) == 256",
    ),
    ("docs/training-loop.md", "Resume"): Program(
        before=LOADER, shorter=(("90", "2"),), after="loader.state_dict()['epoch'] == 2"
    ),
    ("docs/training-loop.md", "Progressive resizing and colour jitter"): Program(
        before=TRAIN,
        after="loader.transform_at(29).size == 128 and loader.transform_at(30).size == 160",
    ),
    ("docs/training-loop.md", "A size for each batch"): Program(
        before=TRAIN,
        shorter=(
            ("256 * 8", "16"),
            ("256, fastinet", "2, fastinet"),
            ("(128, 176, 224, (160, 256))", "(32, 48, (16, 64))"),
        ),
        after="len(images) == 2 and images.shape[1:3] in ((32, 32), (48, 48), (16, 64))",
    ),
    ("docs/training-loop.md", "Repeated augmentation"): Program(
        before=TRAIN,
        shorter=(("256", "8"), ("RandomResizedCrop(224)", "RandomResizedCrop(32)")),
        after="len(loader) == len(ds) // 8 and set(batch.copies) == {0, 1, 2}",
    ),
    ("docs/training-loop.md", "Mixup and CutMix"): Program(
        before=f"{TRAIN}"
        "transform = fastinet.RandomResizedCrop(32)\n"
        'loader = fastinet.Loader(ds, 64, transform, dtype="float32", layout="NCHW")\n',
        after="targets.shape[1:] == (1000,) and targets.dtype == np.float32 and batch.place == 4",
    ),
    ("docs/training-loop.md", "An operation of your own"): Program(
        before=TRAIN,
        shorter=(("RandomResizedCrop(224)", "RandomResizedCrop(32)"), ("256", "8")),
        after="next(iter(medians)).images.std() < next(iter(grainy)).images.std() * 255",
    ),
    ("docs/training-loop.md", "Is the loader the bottleneck?"): Program(before=LOADER),
    ("docs/frameworks.md", "PyTorch"): Program(
        before=f"import torch\n{NETWORK}",
        shorter=(("range(90)", "range(2)"),),
        after="images.shape == (256, 3, 224, 224) and images.dtype == torch.bfloat16",
        needs=("torch",),
    ),
    ("docs/frameworks.md", "DataLoader and StatefulDataLoader"): Program(
        before=f"import torch\nimport fastinet.torch\n{TRAIN}",
        shorter=(("range(90)", "range(2)"),),
        after="images.shape[1:] == (3, 224, 224) and len(list(batches)) > 1",
        needs=("torch", "torchdata"),
    ),
    ("docs/frameworks.md", "ImageFolder"): Program(
        before="import numpy as np\nimport torch\n",
        after="images.shape[1:] == (64, 64, 3) and len(dataset) == sum(1 for _ in dataset.targets)",
        needs=("torch",),
    ),
    ("docs/frameworks.md", "JAX"): Program(
        before=TRAIN,
        after="images.shape == (256, 224, 224, 3)"
        " and images.sharding.is_equivalent_to(sharding, 4)",
        needs=("jax",),
    ),
    ("docs/frameworks.md", "Without a loader"): Program(
        before="import numpy as np\n"
        'data = arriving("image.jpg").read()\n'
        "list_of_bytes = [data] * 3\nlist_of_64 = [data] * 64\n",
        after="image.shape == (224, 224, 3) and images.shape == (64, 224, 224, 3)"
        " and (images == fastinet.decode(data, size=224)).all() and header.width == 400",
    ),
    ("docs/augmentation.md", "Operations"): Program(
        before=TRAIN,
        after="len(steps) <= 6 and three_augment and len(moco_v3.groups) == 2"
        " and (row == batch.images[7]).all()",
    ),
    ("docs/augmentation.md", "Erasing and lighting"): Program(
        before=TRAIN,
        after="batch.erased.shape == (len(batch), 1, 4) and batch.erased.any()"
        " and (images.reshape(-1, 3)[pixels] == values).all()"
        " and (grey == 0).all(-1).sum() == len(pixels)",
    ),
    ("docs/augmentation.md", "Several augmentations of one crop"): Program(
        before=TRAIN,
        shorter=(("224", "32"), ("256", "8")),
        after="images.shape == (3 * len(labels), 32, 32, 3) and loader.transform == augmix"
        " and not any((crops[a] == crops[b]).all() for a, b in ((0, 1), (0, 2), (1, 2)))",
    ),
    ("docs/augmentation.md", "Policies"): Program(after="wide.augment and deit.augment"),
    ("docs/trainers/README.md", "In the trainers that people use"): Program(
        after="len(datasets.ImageFolder('imagenette2/train')) > 1", needs=("torch",)
    ),
    ("docs/trainers/README.md", "The same weights"): Program(
        before=SCRIPT,
        after="len(data_loader) > 1 and data_loader.reseed",
        needs=("torch",),
    ),
    ("docs/trainers/timm.md", "timm: train.py and validate.py"): Program(
        before="device = 'cpu'\n",
        shorter=(("224, 224", "32, 32"),),
        after="images.shape == (64, 3, 32, 32) and len(loader) == len(dataset) // 64",
        needs=("torch",),
    ),
    ("docs/trainers/torchvision.md", "torchvision: references/classification/train.py"): script(
        "data_loader", "made[0].shape == (2, 3, 176, 176) and made[1].shape[1] > 1"
    ),
    ("docs/trainers/deit.md", "DeiT and DeiT III: main.py"): script("data_loader_train", SMALL),
    ("docs/trainers/convnext.md", "ConvNeXt: main.py"): script("data_loader_train", SMALL),
    ("docs/trainers/swin.md", "Swin Transformer: main.py"): script("data_loader_train", SMALL),
    (
        "docs/trainers/mae.md",
        "MAE: main_pretrain.py, main_linprobe.py, main_finetune.py",
    ): script("data_loader_train", SMALL),
    ("docs/trainers/dino.md", "DINO: main_dino.py"): script(
        "data_loader", "[len(view) for view in made[0]] == [2] * 8"
    ),
    ("docs/trainers/mocov3.md", "MoCo v3: main_moco.py"): script(
        "train_loader", "[len(view) for view in made[0]] == [2] * 2"
    ),
    ("docs/trainers/swav.md", "SwAV: main_swav.py, main_deepclusterv2.py"): Program(
        before=SCRIPT,
        after="[len(crops) for crops in next(iter(train_loader))] == [2] * 8"
        " and train_loader.sampler.set_epoch(4) is None",
        needs=("torch",),
    ),
    ("docs/trainers/dinov2.md", "DINOv2: dinov2/train/train.py"): Program(
        before=f"{SCRIPT}data_path, start_iter, collate_fn = train_dir, 3, list\n"
        "import dataclasses\n"
        "smaller = fastinet.recipe('dinov2')\n"
        "first, second, local = smaller.train.groups\n"
        "local = dataclasses.replace(local, count=6)\n"
        "smaller = dataclasses.replace(smaller, train=fastinet.MultiCrop(first, second, local))\n"
        "cfg = SimpleNamespace(train=SimpleNamespace(batch_size_per_gpu=2, seed=1))\n",
        after="[len(row['local_crops']) for row, _ in next(iter(data_loader))] == [6, 6]"
        " and data_loader.endless",
        shorter=(('"dinov2"', "smaller"),),
        needs=("torch",),
    ),
    ("docs/trainers/dinov3.md", "DINOv3: dinov3/train/train.py"): Program(
        before=f"{SCRIPT}start_iter, batch_size, collate_fn = 3, 2, list\n"
        "cfg = SimpleNamespace(train=SimpleNamespace(dataset_path=train_dir, seed=1))\n",
        after="[len(row['local_crops']) for row, _ in next(iter(data_loader))] == [8, 8]"
        " and data_loader.endless",
        needs=("torch",),
    ),
    ("docs/trainers/ibot.md", "iBOT: main_ibot.py"): Program(
        before=f"{SCRIPT}"
        "class Mask(fastinet.torch.ImageFolder):\n"
        "    def __getitem__(self, index):\n"
        "        output = super().__getitem__(index)\n"
        "        return output + ([view.shape[1] // 16 for view in output[0]],)\n"
        "dataset = Mask(args.data_path + '/train')\n",
        after="(made := next(iter(data_loader))) and [len(view) for view in made[0]] == [2] * 12"
        " and [mask.tolist() for mask in made[2]] == [[14, 14]] * 2 + [[6, 6]] * 10"
        " and data_loader.sampler.set_epoch(4) is None and data_loader.dataset is dataset",
        needs=("torch",),
    ),
    ("docs/trainers/ijepa.md", "I-JEPA: src/train.py"): Program(
        before=f"{SCRIPT}import torch\nroot_path, batch_size, _GLOBAL_SEED = train_dir, 2, 0\n"
        "def mask_collator(batch):\n"
        "    return torch.utils.data.default_collate(batch), [len(batch)], [len(batch)]\n",
        after="[list(part.shape) for part in next(iter(unsupervised_loader))[0]]"
        " == [[2, 3, 224, 224], [2]] and unsupervised_sampler.set_epoch(4) is None",
        needs=("torch",),
    ),
    ("docs/trainers/byol.md", "BYOL: solo-learn's main_pretrain.py"): Program(
        before=f"{SCRIPT}cfg = SimpleNamespace(\n"
        "    data=SimpleNamespace(train_path=train_dir), optimizer=SimpleNamespace(batch_size=2),\n"
        "    seed=5,\n"
        ")\n",
        after="(made := next(iter(train_loader))) and [len(view) for view in made[1]] == [2, 2]"
        " and len(made[0]) == len(made[2]) == 2",
        needs=("torch",),
    ),
    ("docs/trainers/clip.md", "CLIP: open_clip's main.py"): Program(
        before=f"{SCRIPT}import torch\nargs.train_data, start_epoch = train_dir, 1\n"
        "data = {'train': SimpleNamespace()}\n"
        "tokenizer = lambda texts: torch.tensor([len(text) for text in texts])\n"
        "open_clip = SimpleNamespace(IMAGENET_CLASSNAMES=['tench'] * 1000)\n",
        after="(made := next(iter(data['train'].dataloader)))[0].shape == (2, 3, 224, 224)"
        " and made[1].tolist() == [19, 19]",
        needs=("torch",),
    ),
    ("docs/trainers/simclr.md", "SimCLR: Lightly, and main.py of Spijkervet/SimCLR"): Program(
        before=f"import torch\nimport fastinet.torch\n{NETWORK}"
        "criterion = torch.nn.functional.mse_loss\n",
        shorter=(("256, size=224", "64, size=32"),),
        after="len(dataloader) > 1 and x1.shape == (64, 3, 32, 32)",
        needs=("torch",),
    ),
    ("docs/trainers/composer.md", "Composer"): Program(
        before=f"{QUIET}{TRAIN}import torch\n{NETWORK}"
        "from composer.models import ComposerClassifier\n"
        "model = ComposerClassifier(model, num_classes=1000)\n",
        shorter=(
            ('"90ep"', '"2ep", device="cpu", progress_bar=False'),
            ("500ba", "3ba"),
            ("224", "32"),
        ),
        after="train.state_dict()['epoch'] == 1 and trainer.state.timestamp.batch == 8",
        needs=("composer", "torch"),
    ),
    ("docs/recipes.md", "Recipes: what networks are trained on, by name"): Program(
        before=TRAIN + VALIDATION,
        after="larger.train.size == 384 and targets.shape == (len(images), 1000)",
    ),
    ("docs/augmentation.md", "Steps"): Program(
        before='data = arriving("image.jpg").read()\nfrom fastinet.augment import Step\n',
        after="image.shape == (224, 224, 3) and (image == again).all()",
    ),
    ("docs/trainers/lightning.md", "Lightning"): Program(
        before=f"{QUIET}{TRAIN}import torch\nimport lightning.pytorch as pl\n"
        "class Module(pl.LightningModule):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.linear = torch.nn.Linear(3, 1000)\n"
        "    def training_step(self, batch, batch_idx):\n"
        "        images, labels = batch\n"
        "        outputs = self.linear(images.mean((2, 3)))\n"
        "        return torch.nn.functional.cross_entropy(outputs, labels)\n"
        "    def configure_optimizers(self):\n"
        "        return torch.optim.SGD(self.parameters(), 0.1)\n"
        "model = Module()\n",
        shorter=(("max_epochs=90", "max_epochs=2, logger=False, accelerator='cpu'"), ("224", "32")),
        after="train.state_dict()['epoch'] == 1 and trainer.global_step == 2 * len(train) == 8",
        needs=("lightning", "torch"),
    ),
    ("docs/trainers/accelerate.md", "Accelerate"): Program(
        before=f"{QUIET}{TRAIN}import torch\n{NETWORK}",
        shorter=(("90", "2"), ("224", "32")),
        after="loader.state_dict()['epoch'] == 2 and images.shape == (64, 3, 32, 32)",
        needs=("accelerate", "torch"),
    ),
    ("docs/trainers/transformers.md", "Hugging Face's Trainer"): Program(
        before=f"{QUIET}{TRAIN}{VALIDATION}import torch\nimport transformers.trainer\n"
        # A folder of tests has the name of a package that transformers looks for.
        "transformers.trainer.is_datasets_available = lambda: False\n"
        "class Model(torch.nn.Linear):\n"
        "    def forward(self, pixel_values, labels):\n"
        "        logits = super().forward(pixel_values.mean((2, 3)))\n"
        "        loss = torch.nn.functional.cross_entropy(logits, labels)\n"
        "        return {'loss': loss, 'logits': logits}\n"
        "model = Model(3, 1000)\n",
        shorter=(
            ("num_train_epochs=90", "num_train_epochs=2, use_cpu=True, disable_tqdm=True"),
            ("224", "32"),
        ),
        after="trainer.state.global_step == 2 * len(train) == 8",
        needs=("transformers", "accelerate", "torch"),
    ),
    ("docs/trainers/others.md", "PyTorch Ignite, fastai, skorch, torchtnt and others"): Program(
        before=f"{QUIET}{TRAIN}import torch\n{NETWORK}",
        shorter=(("90", "2"), ("224", "32")),
        after="trainer.state.epoch == 2 and len(list(Path('out').iterdir())) == 1",
        needs=("ignite", "torch"),
    ),
    ("docs/trainers/keras.md", "Keras 3"): Program(
        before=TRAIN
        + VALIDATION
        + "import os\nos.environ.setdefault('KERAS_BACKEND', 'torch')\nimport keras\n"
        "model = keras.Sequential(\n"
        "    [keras.layers.Rescaling(1 / 255), keras.layers.GlobalAveragePooling2D(),"
        " keras.layers.Dense(1000)]\n"
        ")\n"
        "loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)\n"
        "model.compile('sgd', loss)\n"
        "model.build((None, 224, 224, 3))\n",
        shorter=(("epochs=90", "epochs=2, verbose=0"),),
        after="train.epoch == 2",
        needs=("keras", "torch"),
    ),
    ("docs/metrics.md", "From arrays"): Program(
        before="".join(
            f'{name} = np.load("{name}.npy")\n' for name in ("logits", "logits_a", "logits_o")
        ),
        after="len(columns) == 6",
    ),
    ("docs/metrics.md", "Batch by batch"): Program(
        before=f"from fastinet import metrics\n{VAL_LOADER}{MODEL}",
        after=f"scores.result(items={VAL_IMAGES})['n'] == {VAL_IMAGES}",
    ),
    ("docs/metrics.md", "Over several processes"): Program(
        before=f"{VAL_LOADER}{MODEL}world, torch = 1, one_process\n",
        after=f"gathered[0].result(items={VAL_IMAGES})['n'] == {VAL_IMAGES}",
    ),
}


# Pages whose program a test of their trainer runs, in smaller batches, and kills and resumes.
RUN_BY_OTHER_TESTS = {
    "docs/trainers/asyncio.md": "test_asyncio.py",
    "docs/trainers/jax.md": "test_resumed_pages.py",
    "docs/trainers/mlx.md": "test_resumed_pages.py",
}


def programs_of_the_pages() -> dict[tuple[str, str], list[Block]]:
    """The blocks of Python of README and docs/, by page and heading."""
    found: dict[tuple[str, str], list[Block]] = {}
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))):
        for block in read_page(path).python():
            key = (path.relative_to(ROOT).as_posix(), block.heading)
            if key[0] in RUN_BY_OTHER_TESTS:
                continue
            found.setdefault(key, []).append(block)
    return found


BLOCKS = programs_of_the_pages()


def run(blocks: list[Block], program: Program) -> dict[str, Any]:
    """Runs blocks as one program in the working directory, and gives the names that are left.

    Raises:
        AssertionError: something to be made shorter is not there, or `after` does not hold.
    """
    one_process = types.SimpleNamespace(
        distributed=types.SimpleNamespace(
            all_gather_object=lambda gathered, scores: gathered.__setitem__(0, scores)
        )
    )
    names: dict[str, Any] = {
        "np": np,
        "Path": Path,
        "fastinet": fastinet,
        "arriving": lambda name: io.BytesIO(Path(name).read_bytes()),
        "one_process": one_process,
    }
    text = "\n".join(block.text for block in blocks)
    for long, short in program.shorter:
        assert long in text, f"no {long} any more"
        text = text.replace(long, short)
    exec(compile(program.before, "before", "exec"), names)  # noqa: S102
    exec(compile(text, f"under '{blocks[0].heading}'", "exec"), names)  # noqa: S102
    assert eval(program.after, names), program.after  # noqa: S307
    return names


@pytest.fixture(scope="module")
def miniatures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("miniatures")
    write_documented_files(folder)
    return folder


def test_pages_that_other_tests_run_are_run_there() -> None:
    for page, test in RUN_BY_OTHER_TESTS.items():
        text = (ROOT / "tests" / "trainers" / test).read_text()
        name = Path(page).name
        assert f'program("{name}")' in text or f'("{name}", ' in text


def test_programs_are_of_blocks_that_are_there() -> None:
    assert set(PROGRAMS) - set(BLOCKS) == set()


@pytest.mark.parametrize("key", BLOCKS, ids=" - ".join)
def test_code_runs(key: tuple[str, str], miniatures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = PROGRAMS.get(key, Program())
    for framework in program.needs:
        if importlib.util.find_spec(framework) is None:
            pytest.skip(f"needs {framework}")
    monkeypatch.chdir(miniatures)
    with warnings.catch_warnings():
        # Of splits that are not chosen, and of what is odd in the miniatures.
        warnings.simplefilter("ignore", fastinet.errors.FastinetWarning)
        warnings.filterwarnings("ignore", "'set_vital' is deprecated")  # torchdata's business
        warnings.filterwarnings("ignore", "__array__ implementation")  # Keras's
        run(BLOCKS[key], program)


def lines_of_fastinet() -> list[list[str]]:
    """The arguments of every `fastinet` in a block of README and docs/ that runs in a moment."""
    lines = [
        arguments
        for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
        for line in command_lines(read_page(path), in_text=False)
        for program, *arguments in programs(line.text)
        if program == "fastinet" and "-" not in arguments
    ]
    return [each for each in lines if each[0] not in {"bench", "demo"}]


@pytest.mark.parametrize("arguments", lines_of_fastinet(), ids=" ".join)
def test_command_runs(
    arguments: list[str], miniatures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`verify` may find, and does, that a miniature is not the archive that was published."""
    monkeypatch.chdir(miniatures)
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code in ({0, 1} if arguments[0] == "verify" else {0}), result.output


@pytest.mark.parametrize(
    ("text", "program", "error"),
    [
        ("fastinet.opened('a.tar')", Program(), AttributeError),
        ("fastinet.open('nowhere.tar')", Program(), fastinet.errors.MissingError),
        ("for x in :", Program(), SyntaxError),
        ("x = 1", Program(after="x == 2"), AssertionError),
        ("x = 1", Program(shorter=(("range(90)", "range(2)"),)), AssertionError),
        ("x = y", Program(before="z = 1"), NameError),
    ],
)
def test_planted_fault_is_found(text: str, program: Program, error: type[Exception]) -> None:
    with pytest.raises(error):
        run([Block("Heading", "python", text, 1)], program)
