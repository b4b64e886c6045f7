"""Mixup, CutMix and ColOut: what happens to whole batches, and soft labels, for any array library.

Images stay where they are: PyTorch tensors on their device, JAX arrays on theirs, NumPy arrays.
What is drawn is a function of (seed, epoch, batch) alone, so a run that resumes mixes as the
unbroken one does::

    mix = OneOf(Mixup(1000, alpha=0.2, seed=0), CutMix(1000, seed=0))
    batches = iter(loader)
    first = len(loader) - len(batches)  # 0, or where a state goes on
    for number, (images, labels) in enumerate(batches, first):
        images, targets = mix(images, labels, epoch=epoch, batch=number * world + rank)

A global JAX array is one batch of all processes, which have to agree: there it is ``batch=number``.
A batch of a loader knows all of that: ``for batch in loader: images, targets = mix(batch)``. What
is given arrays without ``epoch=`` and ``batch=`` counts them; see `Way`.

The semantics are torchvision's (``torchvision.transforms.v2.MixUp``, ``CutMix``): every row is
mixed with the one before it in the batch, the first with the last, and one weight serves the batch.
Label smoothing is timm's (``timm.data.mixup``). Labels may be soft before, as ReLabel's are.

Views of an item keep its label: all of them, in all groups of a `MultiCrop`, are mixed with the
same other item's, view by view, and by the same weight. So there is one target for each item::

    for number, (crops, labels) in enumerate(loader):  # crops: one array a group of views
        crops, targets = mix(crops, labels, epoch=epoch, batch=number)
"""

from fastinet.mixing.parts import soft_labels
from fastinet.mixing.timm_mixup import TimmMixup
from fastinet.mixing.turns import Way
from fastinet.mixing.ways import ColOut, CutMix, InTurn, Mixup, OneOf, Unmixed

__all__ = [
    "ColOut",
    "CutMix",
    "InTurn",
    "Mixup",
    "OneOf",
    "TimmMixup",
    "Unmixed",
    "Way",
    "soft_labels",
]
