"""Where items lie: views and concatenations share archives, and other processes open them anew."""

from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import numpy as np
import pytest

import fastinet
from fastinet.errors import ReadError
from fastinet.testing.archives import train_tar

FILES = {wnid: {f"{wnid}_{i}.JPEG": b"%s %d" % (wnid.encode(), i) for i in range(3)}
         for wnid in ("n01440764", "n01443537")}  # fmt: skip
CONTENTS = [content for files in FILES.values() for content in files.values()]


@pytest.fixture
def dataset(tmp_path: Path) -> fastinet.Dataset:
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar(FILES))
    return fastinet.open(path, index=False)


def test_columns_say_where_the_bytes_are(dataset: fastinet.Dataset) -> None:
    data = Path(dataset.path).read_bytes()
    columns = dataset.columns
    assert len(columns) == len(dataset) == 6
    extents = zip(columns.offsets.tolist(), columns.sizes.tolist(), strict=True)
    assert [data[start : start + size] for start, size in extents] == CONTENTS
    assert [columns.read(item) for item in range(6)] == CONTENTS
    assert columns.read(4, 2, 5) == CONTENTS[4][2:7]
    for column in (columns.offsets, columns.sizes):
        with pytest.raises(ValueError, match="read-only"):
            column[0] = 1


def test_a_view_takes_rows_and_shares_what_is_opened(dataset: fastinet.Dataset) -> None:
    view = dataset.select([4, 1]).select([1, 0, 1])
    assert [view.read(item) for item in range(3)] == [CONTENTS[1], CONTENTS[4], CONTENTS[1]]
    text, starts = view.columns.packed_keys()
    keys = [text[a:b].tobytes().decode() for a, b in itertools.pairwise(starts.tolist())]
    assert keys == list(view.keys) == [dataset.keys[row] for row in (1, 4, 1)]
    joined = fastinet.concatenate([view, dataset])
    opened = dataset.columns.sources()[0]
    assert view.columns.sources()[0] is opened
    assert [source is opened for source in joined.columns.sources()] == [True, True]
    np.testing.assert_array_equal(view.columns.whole().offsets, dataset.columns.offsets)


def test_what_is_sent_opens_its_archives_itself(dataset: fastinet.Dataset) -> None:
    view = dataset.select([5, 0])
    opened = view.columns.sources()[0]
    sent = pickle.loads(pickle.dumps(view))  # noqa: S301
    assert sent.columns.sources()[0] is not opened
    assert [sent.read(item) for item in range(2)] == [CONTENTS[5], CONTENTS[0]]
    assert list(sent.keys) == list(view.keys)


def test_errors_name_the_member(dataset: fastinet.Dataset) -> None:
    path = Path(dataset.path)
    path.write_bytes(path.read_bytes()[: int(dataset.columns.offsets[3])])
    with pytest.raises(ReadError, match=r"n01443537_0\.JPEG"):
        dataset.columns.read(3)
