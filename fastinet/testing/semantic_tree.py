"""Writes miniatures of ``imagenet21k_miil_tree.pth``."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from fastinet.testing.torch_files import legacy_torch_file, zip_torch_file

__all__ = ["semantic_tree_content", "write_semantic_tree"]


def semantic_tree_content(
    wnids: Sequence[str], parents: Sequence[int], names: Sequence[str] | None = None
) -> dict[str, Any]:
    """What the file holds, as Python values.

    Args:
        wnids: [C] in label order.
        parents: [C] parent of each class as a label; -1 is a root.
        names: [C]; None makes them up.
    """
    chains: list[list[int]] = []
    for label in range(len(wnids)):
        chain = [label]
        while parents[chain[-1]] >= 0:
            chain.append(parents[chain[-1]])
        chains.append(chain)
    names = [f"class {label}" for label in range(len(wnids))] if names is None else names
    return {
        "class_tree_list": chains,
        "class_list": list(wnids),
        "class_description": dict(zip(wnids, names, strict=True)),
        # The official file has more, of which no use is known.
        "child_2_parent": {
            wnids[chain[0]]: wnids[chain[1]] if len(chain) > 1 else None for chain in chains
        },
        "counts": np.arange(len(wnids)),
    }


def write_semantic_tree(
    path: str | os.PathLike[str],
    wnids: Sequence[str],
    parents: Sequence[int],
    names: Sequence[str] | None = None,
    *,
    form: Literal["legacy", "zip"] = "zip",
    changes: Mapping[str, Any] | None = None,
) -> Path:
    """Writes a tree as torch does; arguments as for :func:`semantic_tree_content`.

    Args:
        path: file to write.
        wnids: see there.
        parents: see there.
        names: see there.
        form: container.
        changes: values to put in place of the right ones, by key.

    Returns:
        ``path``.
    """
    content = semantic_tree_content(wnids, parents, names) | dict(changes or {})
    path = Path(path)
    path.write_bytes(legacy_torch_file(content) if form == "legacy" else zip_torch_file(content))
    return path
