"""fastinet for PyTorch. ``import fastinet`` does not import PyTorch; this module does.

There are two ways to batches. The fast one is a loader whose batches are tensors on a device::

    loader = fastinet.torch.Loader(ds, 256, fastinet.RandomResizedCrop(224), shuffle=True,
                                   device="cuda", dtype="bfloat16", mean="imagenet", std="imagenet",
                                   channels_last=True, drop_last=True)
    for images, labels in loader:  # bfloat16 [256, 3, 224, 224] and int64 [256], on the GPU
        ...

The other keeps ``torch.utils.data.DataLoader`` with its samplers and workers: `ImageDataset` is a
map-style dataset for it, and `CopySampler` lets items that come again in an epoch differ.
`IterableDataset` is what torchdata's ``StatefulDataLoader`` takes. `ImageFolder` takes the place of
torchvision's in a script as it is, transforms included.

`train_loader` and `val_loader` are the first way for training scripts that exist: recipes by name.
"""

from fastinet.torch.datasets import CopySampler, ImageDataset, IterableDataset
from fastinet.torch.image_folder import ImageFolder
from fastinet.torch.loader import Batch, Loader
from fastinet.torch.recipe_loaders import train_loader, val_loader
from fastinet.torch.roots import open_root
from fastinet.torch.trainer_loader import TrainerLoader

__all__ = [
    "Batch",
    "CopySampler",
    "ImageDataset",
    "ImageFolder",
    "IterableDataset",
    "Loader",
    "TrainerLoader",
    "open_root",
    "train_loader",
    "val_loader",
]
