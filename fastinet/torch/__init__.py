"""fastinet for PyTorch. ``import fastinet`` does not import PyTorch; this module does.

Two roads. The loader's own, which is the fast one::

    loader = fastinet.torch.Loader(ds, 256, fastinet.RandomResizedCrop(224), shuffle=True,
                                   device="cuda", dtype="bfloat16", mean="imagenet", std="imagenet",
                                   channels_last=True, drop_last=True)
    for images, labels in loader:  # bfloat16 [256, 3, 224, 224] and int64 [256], on the GPU
        ...

And for those who keep ``torch.utils.data.DataLoader``, with its samplers and workers, a map-style
dataset: `ImageDataset`. `IterableDataset` is what torchdata's ``StatefulDataLoader`` takes.
"""

from fastinet.torch.datasets import ImageDataset, IterableDataset
from fastinet.torch.loader import Batch, Loader

__all__ = ["Batch", "ImageDataset", "IterableDataset", "Loader"]
