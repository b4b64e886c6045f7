"""Label sets by themselves: chosen, compared, relabelled, as targets."""

from __future__ import annotations

import numpy as np
import pytest

from fastinet.metrics.labels import LabelSets, label_sets


def test_multi_hot() -> None:
    sets = label_sets([[3, 1], [], [0]])
    targets = sets.multi_hot(4)
    assert targets.dtype == np.float32
    assert targets.tolist() == [[0, 1, 0, 1], [0, 0, 0, 0], [1, 0, 0, 0]]
    assert sets.multi_hot(4, bool).dtype == bool
    assert LabelSets(np.zeros(2, np.int64), np.zeros(0, np.int64)).multi_hot(3).shape == (2, 3)
    with pytest.raises(ValueError, match="label 3"):
        sets.multi_hot(3)
