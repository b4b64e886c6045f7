"""Label sets by themselves: chosen, compared, relabelled, as targets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

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


sets_of_labels = st.lists(st.sets(st.integers(0, 8), max_size=4).map(sorted), max_size=8)


@given(lists=sets_of_labels, data=st.data())
def test_rows_are_taken_and_compared_as_lists_are(
    lists: list[list[int]], data: st.DataObject
) -> None:
    sets = label_sets(lists)
    rows = st.lists(st.integers(0, len(lists) - 1), max_size=8) if lists else st.just([])
    chosen = data.draw(rows)
    others = data.draw(st.permutations(chosen))
    ours, theirs = np.array(chosen, np.int64), np.array(others, np.int64)
    taken = sets.take(ours)
    assert list(taken) == [lists[row] for row in chosen]
    assert taken.item.tolist() == [item for item, row in enumerate(chosen) for _ in lists[row]]
    assert sets.differ(ours, theirs).tolist() == [
        lists[row] != lists[other] for row, other in zip(chosen, others, strict=True)
    ]


@given(lists=sets_of_labels, kept=st.sets(st.integers(0, 8)))
def test_labels_are_renumbered_and_those_that_go_are_left_out(
    lists: list[list[int]], kept: set[int]
) -> None:
    rank = {label: new for new, label in enumerate(sorted(kept))}
    new_label = np.array([rank.get(label, -1) for label in range(9)])
    found = label_sets(lists).relabel(new_label)
    assert list(found) == [[rank[label] for label in labels if label in rank] for labels in lists]
