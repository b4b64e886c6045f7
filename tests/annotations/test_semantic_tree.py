"""The semantic tree of ImageNet-21K-P: its file, its levels and targets."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.small_tree import PARENTS, WNIDS, chain_of

import fastinet
from fastinet.annotations.semantic_tree import SemanticTree, read_semantic_tree
from fastinet.errors import CorruptError, MissingError, UnsupportedError
from fastinet.testing.archives import train_tar
from fastinet.testing.semantic_tree import semantic_tree_content, write_semantic_tree
from fastinet.testing.small import small_jpeg
from fastinet.testing.torch_files import zip_torch_file


@pytest.fixture
def tree(tmp_path: Path) -> SemanticTree:
    return read_semantic_tree(write_semantic_tree(tmp_path / "tree.pth", WNIDS, PARENTS))


@pytest.mark.parametrize("form", ["legacy", "zip"])
def test_a_tree_is_read(tmp_path: Path, form: Any) -> None:
    path = write_semantic_tree(tmp_path / "t.pth", WNIDS, PARENTS, list("abcdefghij"), form=form)
    tree = read_semantic_tree(path)
    assert tree.wnids == tuple(WNIDS)
    assert tree.names == tuple("abcdefghij")
    assert tree.depths.tolist() == [0, 0, 1, 1, 1, 0, 2, 2, 2, 3]
    assert tree.parents.tolist() == PARENTS
    assert tree.ancestors[9].tolist() == [1, 4, 8, 9]
    assert tree.ancestors[3].tolist() == [0, 3, -1, -1]
    assert (tree.depths.dtype, tree.ancestors.dtype) == (np.int64, np.int64)
    assert repr(tree) == "<SemanticTree of 10 classes in 3 levels>"


def test_levels(tree: SemanticTree) -> None:
    """Depth 3 is the deepest, which the reference leaves out."""
    assert tree.level_depths == (0, 1, 2)
    assert [classes.tolist() for classes in tree.level_classes] == [[0, 1, 5], [2, 3, 4], [6, 7, 8]]
    assert tree.level_weights.tolist() == [1.0, 10 / 7, 10 / 4]


def test_targets(tree: SemanticTree) -> None:
    targets = tree.targets([9, 6, 5, -1, 3])
    assert targets.dtype == np.int64
    assert targets.tolist() == [[1, 2, 2], [0, 0, 0], [2, -1, -1], [-1, -1, -1], [0, 1, -1]]
    assert tree.targets(np.zeros(0, np.int64)).shape == (0, 3)


def test_a_level_of_one_class_is_left_out(tmp_path: Path) -> None:
    path = write_semantic_tree(tmp_path / "t.pth", WNIDS[:6], [-1, 0, 0, 1, 1, 3])
    tree = read_semantic_tree(path)
    assert tree.level_depths == (1, 2)
    assert tree.targets([5, 0]).tolist() == [[0, 0], [-1, -1]]


def test_weights_end_at_twenty(tmp_path: Path) -> None:
    """Of 100 classes two reach depth 1, and one depth 2."""
    wnids = [f"n{i:08d}" for i in range(100)]
    parents = [-1] * 97 + [0, 0, 97]
    tree = read_semantic_tree(write_semantic_tree(tmp_path / "t.pth", wnids, parents))
    assert tree.level_depths == (0, 1)
    assert tree.level_weights.tolist() == [1.0, 20.0]


parents_of_trees = st.integers(1, 30).flatmap(
    lambda count: st.tuples(*(st.integers(-1, label - 1) for label in range(count)))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parents=parents_of_trees, seed=st.integers(0, 9))
def test_any_tree_in_any_order(tmp_path: Path, parents, seed) -> None:
    """Against plain Python, with labels shuffled so that parents may come after children."""
    order = np.random.default_rng(seed).permutation(len(parents)).tolist()
    shuffled = [0] * len(parents)
    for label, parent in enumerate(parents):
        shuffled[order[label]] = -1 if parent < 0 else order[parent]
    wnids = [f"n{label:08d}" for label in range(len(parents))]
    tree = read_semantic_tree(write_semantic_tree(tmp_path / "t.pth", wnids, shuffled))
    chains = [chain_of(shuffled, label) for label in range(len(shuffled))]
    depth = [len(chain) - 1 for chain in chains]
    assert tree.depths.tolist() == depth
    levels = [level for level in range(max(depth)) if depth.count(level) > 1]
    assert tree.level_depths == tuple(levels)
    expected = []
    for chain in chains:
        row = []
        for level in levels:
            members = [label for label in range(len(chains)) if depth[label] == level]
            row.append(members.index(chain[level]) if level < len(chain) else -1)
        expected.append(row)
    assert tree.targets(range(len(chains))).tolist() == expected
    for level, weight in zip(levels, tree.level_weights, strict=True):
        assert weight == min(20, len(depth) / sum(other >= level for other in depth))


def test_arrays_and_tensors_serve_as_lists(tmp_path: Path) -> None:
    content = semantic_tree_content(WNIDS, PARENTS)
    content["class_tree_list"] = [np.array(chain) for chain in content["class_tree_list"]]
    path = tmp_path / "t.pth"
    path.write_bytes(zip_torch_file(content))
    assert read_semantic_tree(path).parents.tolist() == PARENTS


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"class_list": WNIDS[:-1]}, "10 chains of ancestors for 9 classes"),
        ({"class_list": ["x", *WNIDS[1:]]}, "class 0 is called 'x'"),
        ({"class_list": [WNIDS[1], *WNIDS[1:]]}, "comes twice"),
        ({"class_list": []}, "no classes"),
        ({"class_list": "n00000100"}, "no list of texts"),
        ({"class_list": [1, 2]}, "no list of texts"),
        ({"class_tree_list": None}, "no semantic tree"),
        ({"class_tree_list": [[0]] * 10}, "the chain of class 1 does not begin with it"),
        ({"class_tree_list": [[label, 10] for label in range(10)]}, "descends from 10"),
        ({"class_tree_list": [[label, -1] for label in range(10)]}, "descends from -1"),
        ({"class_tree_list": [[], *([label] for label in range(1, 10))]}, "class 0 does not"),
        ({"class_tree_list": [[0, 1], *([label] for label in range(1, 9)), [9, 0]]}, "its parent"),
        ({"class_tree_list": [[0, 1], [1, 0], *([i] for i in range(2, 10))]}, "its parent"),
        ({"class_tree_list": [[0.0], *([label] for label in range(1, 10))]}, "lists of numbers"),
        ({"class_tree_list": [[0] * 99, *([label] for label in range(1, 10))]}, "a chain of 99"),
        ({"class_description": None}, "no semantic tree"),
    ],
)
def test_what_is_no_tree(tmp_path: Path, changes: dict[str, Any], cause: str) -> None:
    path = write_semantic_tree(tmp_path / "t.pth", WNIDS, PARENTS, changes=changes)
    with pytest.raises(CorruptError, match=cause) as caught:
        read_semantic_tree(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("key", ["class_list", "class_tree_list", "class_description"])
def test_a_key_is_missing(tmp_path: Path, key: str) -> None:
    content = semantic_tree_content(WNIDS, PARENTS)
    del content[key]
    path = tmp_path / "t.pth"
    path.write_bytes(zip_torch_file(content))
    with pytest.raises(CorruptError, match=f"key '{key}' is missing"):
        read_semantic_tree(path)


def test_other_files(tmp_path: Path) -> None:
    path = tmp_path / "t.pth"
    with pytest.raises(MissingError):
        read_semantic_tree(path)
    path.write_bytes(zip_torch_file([1, 2]))
    with pytest.raises(CorruptError, match="no dictionary"):
        read_semantic_tree(path)
    path.write_bytes(b"\x80\x02cos\nsystem\n.")
    with pytest.raises(CorruptError, match="no torch file"):
        read_semantic_tree(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tree/data.pkl", b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.")
    with pytest.raises(UnsupportedError, match=r"os\.system"):
        read_semantic_tree(path)


@pytest.mark.parametrize("labels", [[10], [-2], [0.5], [[0]]])
def test_labels_that_the_tree_lacks(tree: SemanticTree, labels: Any) -> None:
    with pytest.raises(ValueError, match="label"):
        tree.targets(labels)


def test_the_order_of_classes_is_checked(tmp_path: Path) -> None:
    image = {"1.JPEG": small_jpeg(np.random.default_rng(0))}
    archive = tmp_path / "t.tar"
    archive.write_bytes(train_tar(dict.fromkeys(WNIDS[:3], image)))
    dataset = fastinet.open(archive)

    def tree_of(wnids: list[str]) -> SemanticTree:
        path = write_semantic_tree(tmp_path / "t.pth", wnids, [-1] * len(wnids))
        return read_semantic_tree(path)

    tree_of(WNIDS[:3]).check(dataset)
    with pytest.raises(ValueError, match=f"label 1 is {WNIDS[2]}, the dataset's is {WNIDS[1]}"):
        tree_of([WNIDS[0], WNIDS[2], WNIDS[1]]).check(dataset)
    with pytest.raises(ValueError, match="4 classes, the dataset 3"):
        tree_of(WNIDS[:4]).check(dataset)
