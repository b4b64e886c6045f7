"""MD5 whose state can be kept, against hashlib."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastinet._native._digest import Md5


@given(st.lists(st.binary(max_size=200), max_size=8), st.integers(0, 8))
def test_md5_is_hashlibs_saved_anywhere(pieces: list[bytes], saved_after: int) -> None:
    md5, expected = Md5(), hashlib.md5()  # noqa: S324
    for i, piece in enumerate(pieces):
        if i == saved_after:
            md5 = Md5(md5.state())
        md5.update(piece)
        expected.update(piece)
        assert md5.hexdigest() == expected.hexdigest()


def test_a_state_that_is_none() -> None:
    for state in (b"", b"x" * 24, b"x" * 100):
        with pytest.raises(ValueError, match="saved state of MD5"):
            Md5(state)


def test_md5_goes_on_from_its_state_anywhere() -> None:
    rng = np.random.default_rng(9)
    data = rng.bytes(100_000)
    for cut in [0, 1, 63, 64, 65, *rng.integers(0, len(data), 20).tolist()]:
        first = Md5()
        first.update(data[:cut])
        second = Md5(first.state())
        second.update(data[cut:])
        assert second.hexdigest() == hashlib.md5(data, usedforsecurity=False).hexdigest()
