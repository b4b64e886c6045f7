"""The split rule: Python's and the engine's on the same paths, against the rule in plain words."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.streamed import streamed

from fastinet.datasets import path_splits
from fastinet.datasets.names import Names
from fastinet.datasets.path_splits import OTHERWISE, PATH_SPLITS
from fastinet.errors import MissingError
from fastinet.testing.archives import tar


def split_of(name: str) -> str:
    """The rule in other words."""
    path = PurePosixPath("/" + name)
    for split in ("val", "test"):
        prefix = f"ILSVRC2012_{split}_"
        number, behind = path.name[len(prefix) :][:8], path.name[len(prefix) + 8 :][:1]
        digits = len(number) == 8 and number.isascii() and number.isdigit()
        if path.name.startswith(prefix) and digits and behind in ("", ".", "_"):
            return split
    for folder in reversed(path.parts[1:-1]):
        for split in PATH_SPLITS:
            if folder in (split, f"imagenet21k_{split}") and (split, folder) not in (
                ("small_classes", "small_classes"),
                ("test", "imagenet21k_test"),
            ):
                return split
        if folder.endswith("-format-val"):
            return "val"
    return "train"


FOLDERS = st.sampled_from([
    "train", "val", "test", "value", "imagenet21k_train", "imagenet21k_val",
    "imagenet21k_small_classes", "small_classes", "imagenetv2-format-val", "-format-val",
    "format-val", "x-format-val2", "imagenet21k_test", "n01440764", "Val", "é",
])  # fmt: skip
BASES = st.sampled_from([
    "a.jpg", "ILSVRC2012_val_00000001.jpg", "ILSVRC2012_val_00000001", "val", "val.jpg",
    "ILSVRC2012_val_00000000.jpg",
    "ILSVRC2012_test_00000002_n01440764.jpg", "ILSVRC2012_val_1.jpg", "ILSVRC2012_val_.jpg",
    "ILSVRC2012_val_000000012.jpg", "ILSVRC2012_val_0000000x.jpg", "xILSVRC2012_val_00000001.jpg",
])  # fmt: skip
PATHS = st.builds("/".join, st.builds(lambda a, b: [*a, b], st.lists(FOLDERS, max_size=4), BASES))


@given(st.lists(PATHS, min_size=1, max_size=8, unique=True))
def test_what_paths_tell(names: list[str]) -> None:
    told = path_splits.ANY_FAMILY.of(Names.of(names)).tolist()
    splits = [OTHERWISE if split < 0 else PATH_SPLITS[split] for split in told]
    assert splits == [split_of(name) for name in names]
    data = tar(dict.fromkeys(names, b"\xff\xd8\xff\xe0"))
    for wanted in PATH_SPLITS:
        stream = streamed(data, split=wanted)
        expected = [name for name, split in zip(names, splits, strict=True) if split == wanted]
        if expected:
            assert [item.key for item in stream.items()] == expected
        else:
            with pytest.raises(MissingError, match=f"{len(names)} members are of others"):
                list(stream.items())
