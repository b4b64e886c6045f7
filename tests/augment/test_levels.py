"""Are tables of magnitudes torch's, to the last bit?"""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from fastinet.augment.levels import linspace, posterize_bits

# (start, end, count) of torch 2.14's linspace: the beginning of the SHA-256 of its float32 values.
TORCHS = {
    (0.0, 0.3, 31): "b888948dde60c30e",
    (0.0, 0.3, 10): "36c42588ba2ec52e",
    (0.0, 0.99, 31): "04d6553cff74556d",
    (0.0, 0.9, 31): "6c25ecf4a682dbf7",
    (0.0, 30.0, 31): "ccad373fafc3e066",
    (0.0, 135.0, 31): "6f48d8031a798eae",
    (255.0, 0.0, 31): "12aa268b84c8d699",
    (1.0, 0.0, 31): "f8b35afaca5b4d75",
    (1.0, 0.0, 10): "4c588872448ce7ac",
    (0.0, 150.0 / 331.0 * 224, 31): "54ee21e80b323e6c",
    (0.0, 32.0, 31): "18c0cbdd0747a514",
}


@pytest.mark.parametrize(("start", "end", "count"), TORCHS)
def test_numbers_are_those_that_torch_gave(start: float, end: float, count: int) -> None:
    digest = hashlib.sha256(np.float32(linspace(start, end, count)).tobytes()).hexdigest()
    assert digest[:16] == TORCHS[start, end, count]


def test_numbers_are_those_of_the_torch_that_is_installed() -> None:
    torch = pytest.importorskip("torch")
    for start, end in ((0.0, 0.3), (0.0, 0.99), (255.0, 0.0), (1.0, 0.0), (0.0, 150 / 331 * 97)):
        for count in range(2, 130):
            expected = torch.linspace(start, end, count).tolist()
            assert list(linspace(start, end, count)) == expected, (start, end, count)


def test_a_table_of_tens_by_hand() -> None:
    assert linspace(0, 2, 3) == (0, 1, 2)
    assert linspace(1, 0, 2) == (1, 0)
    # 0.3 / 9 * 3 is 0.1 in float32, one unit in the last place above the nearest to 0.1.
    assert linspace(0, 0.3, 10)[3] == float(np.nextafter(np.float32(0.1), np.float32(1)))


def test_bits_go_down_evenly() -> None:
    assert posterize_bits(8, 4, 10) == (8, 8, 7, 7, 6, 6, 5, 5, 4, 4)
    assert posterize_bits(8, 6, 31) == tuple(8 - round(i / 5) for i in range(31))
    assert posterize_bits(4, 4, 10)[:3] == (4, 4, 3)
