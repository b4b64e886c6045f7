"""The keys of a dataset are a sequence of texts."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.small_train import ITEMS, TRAIN, write

from fastinet.datasets.keys import Keys
from fastinet.items.opening import open as open_archive
from fastinet.testing.archives import train_tar


def test_keys_are_a_sequence(tmp_path: Path) -> None:
    keys = open_archive(write(tmp_path / "t.tar", train_tar(TRAIN))).keys
    names = [key for key, _, _ in ITEMS]
    assert isinstance(keys, Keys)
    assert list(keys) == names
    assert keys[-1] == names[-1]
    assert list(keys[1:]) == names[1:]
    assert list(keys[::-1]) == names[::-1]
    assert names[1] in keys
    assert keys.index(names[2]) == 2
    assert repr(keys[:1]) == f"<1 keys: {names[0]!r}>"
    with pytest.raises(IndexError):
        keys[3]
