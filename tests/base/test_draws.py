"""Names of draws: their numbers, which never change."""

from __future__ import annotations

from typing import Any

import pytest

from fastinet.base.draws import checked_draws, draws_number


def test_numbers_stay_what_they_are() -> None:
    """Rows hang on them: a run that goes on after an update has the crops that it had."""
    assert draws_number("") == 0, "a loader without a name draws what loaders always drew"
    assert draws_number("local") == 0x7AC9E972D2040DAA
    assert draws_number("global") == 0x5D78A12160A475FA
    numbers = {draws_number(f"view {number}") for number in range(1000)}
    assert len(numbers) == 1000
    assert all(0 < number < 2**64 for number in numbers)


@pytest.mark.parametrize("draws", [1, None, b"local", ("local",)])
def test_a_name_is_a_string(draws: Any) -> None:
    with pytest.raises(TypeError, match='draws must be a name such as "local", not '):
        checked_draws(draws)
    assert checked_draws("local") == "local"
