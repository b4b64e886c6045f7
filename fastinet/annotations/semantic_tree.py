"""The semantic tree of ImageNet-21K-P, and the per-level targets of its semantic softmax.

``imagenet21k_miil_tree.pth`` is a dictionary that torch has saved. Three of its keys are read:

=====================  =============================================================================
``class_list``         wnids in label order
``class_tree_list``    for each class, in label order: the class, its parent, and so on to a root
``class_description``  names by wnid
=====================  =============================================================================

The classes of a tree are nodes at every depth, not leaves alone, so a label says something at each
depth down to its own: which ancestor it has there. Semantic softmax (Ridnik et al., "ImageNet-21K
Pretraining for the Masses", NeurIPS 2021, section 3.2, and Alibaba-MIIL/ImageNet21K,
``src_files/semantic``) applies a softmax to the classes of each depth by themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastinet.datasets.scanned import wnid_number
from fastinet.errors import CorruptError
from fastinet.formats.torch_files import read_torch_file

if TYPE_CHECKING:
    import os

    from fastinet.datasets.items import Items

__all__ = ["SemanticTree", "read_semantic_tree"]

Ints = NDArray[np.int64]

_MOST_WEIGHT = 20.0  # max_normalization_factor of the reference
_MOST_DEPTH = 64  # WordNet's nouns have less than 20


@dataclass(frozen=True, eq=False)
class SemanticTree:
    """A tree, or several, of C classes. Made by :func:`read_semantic_tree`.

    Attributes:
        wnids: [C] in label order.
        names: [C] English names; "" where the file has none.
        ancestors: int64 [C, D + 1], D the largest depth: the class's ancestor at each depth as a
            label, itself at its own depth, -1 below.
    """

    wnids: tuple[str, ...]
    names: tuple[str, ...]
    ancestors: Ints

    def __len__(self) -> int:
        """C, the number of classes."""
        return len(self.wnids)

    def __repr__(self) -> str:
        return f"<SemanticTree of {len(self)} classes in {len(self.level_depths)} levels>"

    @property
    def depths(self) -> Ints:
        """Depth of each class, int64 [C]; roots have depth 0."""
        return np.asarray(np.count_nonzero(self.ancestors >= 0, axis=1) - 1, np.int64)

    @property
    def parents(self) -> Ints:
        """Parent of each class as a label, int64 [C]; -1: a root."""
        depths = self.depths
        above = self.ancestors[np.arange(len(self)), np.maximum(depths - 1, 0)]
        return np.where(depths > 0, above, -1)

    @property
    def level_depths(self) -> tuple[int, ...]:
        """Depths of the L levels: all with more than one class, but for the deepest of the tree.

        The reference runs over ``range(max(depths))`` and leaves levels of one class out.
        """
        counts = np.bincount(self.depths)
        return tuple(depth for depth in range(len(counts) - 1) if counts[depth] > 1)

    @property
    def level_classes(self) -> tuple[Ints, ...]:
        """[L] the labels of each level's classes, rising: ``logits[:, classes]`` are its logits."""
        depths = self.depths
        return tuple(np.flatnonzero(depths == depth) for depth in self.level_depths)

    @property
    def level_weights(self) -> NDArray[np.float64]:
        """Weight of each level in the loss, float64 [L].

        The number of classes, over the number of those that reach the level; 20 at most.
        """
        depths = self.depths
        reaching = [np.count_nonzero(depths >= depth) for depth in self.level_depths]
        return np.minimum(len(self) / np.array(reaching, np.float64), _MOST_WEIGHT)

    def targets(self, labels: ArrayLike) -> Ints:
        """Targets of semantic softmax for each level.

        Args:
            labels: int [N]; -1 is an item without a label.

        Returns:
            int64 [N, L]: index into ``level_classes[i]`` of the label's ancestor at level i, itself
            included; -1 where the label is not that deep, or is none.

        Raises:
            ValueError: a label that the tree does not have.
        """
        chosen = np.asarray(labels)
        if chosen.ndim != 1 or (chosen.size and chosen.dtype.kind not in "iu"):
            raise ValueError(f"labels are int [N], not {chosen.dtype} {list(chosen.shape)}")
        chosen = chosen.astype(np.int64)
        wrong = np.flatnonzero((chosen < -1) | (chosen >= len(self)))
        if len(wrong):
            raise ValueError(
                f"item {wrong[0]} has label {chosen[wrong[0]]}; the tree has {len(self)} classes"
            )
        target = np.full(len(self) + 1, -1, np.int64)  # the last one is for -1, no ancestor
        for classes in self.level_classes:
            target[classes] = np.arange(len(classes))
        at_levels = target[self.ancestors[:, list(self.level_depths)]]
        nothing = np.full((1, at_levels.shape[1]), -1, np.int64)
        return np.take(np.concatenate([at_levels, nothing]), chosen, axis=0)

    def check(self, dataset: Items) -> None:
        """Compares the tree's classes with a dataset's: labels of both must mean the same.

        Raises:
            ValueError: they differ; it says where first.
        """
        others = [info.wnid for info in dataset.classes]
        for label, (ours, theirs) in enumerate(zip(self.wnids, others, strict=False)):
            if ours != theirs:
                raise ValueError(
                    f"the tree's label {label} is {ours}, the dataset's is {theirs}: the tree is of"
                    " other classes (the fall 2011 and the winter 2021 release have a tree each)"
                )
        if len(self) != len(others):
            raise ValueError(f"the tree has {len(self)} classes, the dataset {len(others)}")


def read_semantic_tree(path: str | os.PathLike[str]) -> SemanticTree:
    """The tree in ``imagenet21k_miil_tree.pth``. No code in the file can run.

    Raises:
        MissingError, ReadError: the file is not there or cannot be read.
        CorruptError: it is no torch file, is damaged, or is no tree: a class that is not there,
            chains that contradict each other, a wnid that comes twice.
        UnsupportedError: it asks for something that is no plain data; see
            :func:`fastinet.formats.torch_files.read_torch_file`.
    """
    name = str(path)
    content = read_torch_file(path)
    if not isinstance(content, dict):
        raise CorruptError("no semantic tree: no dictionary", archive=name)
    try:
        wnids = _texts(content["class_list"])
        chains = [_numbers(chain) for chain in content["class_tree_list"]]
        descriptions = content["class_description"]
        names = tuple(str(descriptions.get(wnid, "")) for wnid in wnids)
    except KeyError as error:
        raise CorruptError(f"no semantic tree: key {error} is missing", archive=name) from None
    except (TypeError, ValueError, AttributeError) as error:
        raise CorruptError(f"no semantic tree: {error}", archive=name) from None
    _check_wnids(wnids, name)
    return SemanticTree(wnids, names, _ancestors(chains, len(wnids), name))


def _texts(values: Any) -> tuple[str, ...]:
    """Texts out of a list or an array of such."""
    texts = values.tolist() if isinstance(values, np.ndarray) else values
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        raise TypeError("class_list is no list of texts")
    return tuple(texts)


def _numbers(chain: Any) -> tuple[int, ...]:
    """Ints out of a list, array or tensor of such."""
    numbers = chain.tolist() if isinstance(chain, np.ndarray) else chain
    if not isinstance(numbers, list | tuple) or not all(type(number) is int for number in numbers):
        raise TypeError("class_tree_list is no list of lists of numbers")
    return tuple(numbers)


def _check_wnids(wnids: tuple[str, ...], name: str) -> None:
    if not wnids:
        raise CorruptError("no semantic tree: it has no classes", archive=name)
    seen = set()
    for label, wnid in enumerate(wnids):
        if wnid_number(wnid) < 0:
            raise CorruptError(f"class {label} is called {wnid!r}, which is no wnid", archive=name)
        if wnid in seen:
            raise CorruptError(f"{wnid} comes twice among the classes", archive=name)
        seen.add(wnid)


def _ancestors(chains: list[tuple[int, ...]], classes: int, name: str) -> Ints:
    """The chains as a table; each must be its class and then its parent's chain."""
    if len(chains) != classes:
        raise CorruptError(f"{len(chains)} chains of ancestors for {classes} classes", archive=name)
    deepest = max(map(len, chains))
    if deepest > _MOST_DEPTH:
        raise CorruptError(f"a chain of {deepest} ancestors", archive=name)
    ancestors = np.full((classes, deepest), -1, np.int64)
    for label, chain in enumerate(chains):
        if not chain or chain[0] != label:
            raise CorruptError(f"the chain of class {label} does not begin with it", archive=name)
        unknown = [number for number in chain if not 0 <= number < classes]
        if unknown:
            raise CorruptError(
                f"class {label} descends from {unknown[0]}, and there are {classes} classes",
                archive=name,
            )
        if len(chain) > 1 and chain[1:] != chains[chain[1]]:
            raise CorruptError(
                f"class {label} has another chain of ancestors than its parent {chain[1]}",
                archive=name,
            )
        ancestors[label, : len(chain)] = chain[::-1]
    return ancestors
