"""The sample rule: Python's on whole shards and the engine's on streams group the same members.

Where they differ on purpose, :mod:`fastinet.datasets.samples` lists it, the shards that are made
here leave out: gzip files that only their names show to be images, samples of 16 images and more,
and names with letters beyond ASCII in their extensions.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sharded import JPEG, PNG, Member, split_name
from support.streamed import streamed

import fastinet
from fastinet.datasets.companions import MOST_COMPANION_BYTES
from fastinet.datasets.samples import Samples
from fastinet.testing.archives import END, entry

pytestmark = pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")

APPLE = b"\x00\x05\x16\x07"
IMAGE_EXTENSIONS = ("jpg", "JPEG", "png", "Jpg", "depth.jpg", "left.view.PNG")
OTHER_EXTENSIONS = ("cls", "CLS", "json", "txt", "Meta.Json", "seg.npy", "", "jpg.txt")

FOLDERS = st.sampled_from(["", "", "a/", "a.b/", "a/b/", "a.jpg/"])
STEMS = st.sampled_from(["0", "1", "00", ".hidden", "._0"])

Item = tuple[str, bytes, dict[str, bytes]]


@st.composite
def shard_members(draw: st.DrawFn) -> list[Member]:
    """Members in runs of one folder and stem, the runs repeated and parted at random."""
    members: list[Member] = []
    for number in range(draw(st.integers(1, 6))):
        sample = draw(FOLDERS) + draw(STEMS)
        kinds = draw(st.lists(st.sampled_from(["image", "other", "bare", "large", "mac"]),
                              min_size=1, max_size=5))  # fmt: skip
        for place, kind in enumerate(kinds):
            mark = b" %d.%d" % (number, place)
            if kind == "image":
                extension, content = draw(st.sampled_from(IMAGE_EXTENSIONS)), JPEG + mark
            elif kind == "bare":  # an image by its first bytes alone
                extension, content = draw(st.sampled_from(["bin", "", "webp"])), PNG + mark
            elif kind == "large":
                extension = draw(st.sampled_from(OTHER_EXTENSIONS))
                content = mark.ljust(MOST_COMPANION_BYTES + draw(st.integers(0, 1)))
            elif kind == "mac":
                folder, _, stem = sample.rpartition("/")
                name = f"{folder}/._{stem}" if folder else f"._{stem}"
                extension = draw(st.sampled_from(["jpg", "cls"]))
                members.append((f"{name}.{extension}", APPLE + mark))
                continue
            else:
                extension, content = draw(st.sampled_from(OTHER_EXTENSIONS)), b"x" + mark
            members.append((f"{sample}.{extension}" if extension else sample, content))
    # A stream refuses a name that comes twice, and of an archive the last one counts.
    return list(dict(members).items())


def tar_of(members: list[Member]) -> bytes:
    return b"".join([entry(name, content) for name, content in members]) + END


def is_image(member: Member) -> bool:
    name, content = member
    return name.lower().endswith((".jpg", ".jpeg", ".png")) or content.startswith((JPEG[:3], PNG))


def in_plain_words(members: list[Member]) -> list[Item]:
    """(key, content, companions by extension) of one item for each sample with an image."""
    counted = [member for member in members if not member[0].rpartition("/")[2].startswith(".")]
    items: list[Item] = []
    for _, group in itertools.groupby(counted, lambda member: split_name(member[0])[0]):
        sample = list(group)
        images = [place for place, member in enumerate(sample) if is_image(member)]
        named = [
            place for place in images if split_name(sample[place][0])[1] in ("jpg", "jpeg", "png")
        ]
        for item in (named or images)[:1]:
            companions: dict[str, bytes] = {}
            for place, (name, content) in enumerate(sample):
                if place != item and len(content) <= MOST_COMPANION_BYTES:
                    companions.setdefault(split_name(name)[1], content)
            items.append((*sample[item], companions))
    return items


@given(members=shard_members())
def test_both_group_alike(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> None:
    expected = in_plain_words(members)
    data = tar_of(members)
    stream = streamed(data, labels=lambda _key, _files: 0)
    assert [(item.key, item.data, item.companions) for item in stream.items()] == expected

    seen: list[tuple[str, dict[str, bytes]]] = []

    def label(key: str, files: Mapping[str, bytes]) -> int:
        seen.append((key, dict(files)))
        return 0

    path = tmp_path_factory.getbasetemp() / "shard.tar"
    path.write_bytes(data)
    if not expected:
        with pytest.raises(fastinet.errors.FastinetError, match="no image"):
            fastinet.open(path, labels=label, index=False)
        return
    dataset = opened(path, label)
    found = [(*seen[row], dataset.read(row)) for row in range(len(dataset))]
    assert [(key, content, files) for key, files, content in found] == expected
    if all(len(content) <= MOST_COMPANION_BYTES for _, content in members):
        # A stream counts files beside an image that are too large to be kept, an archive does not.
        assert stream.skipped == dataset.skipped


@given(
    samples=st.lists(
        st.lists(st.sampled_from([*IMAGE_EXTENSIONS, "txt", "seg.npy"]), max_size=6), min_size=1,
        max_size=5,
    ),
    data=st.data(),
)  # fmt: skip
def test_both_label_alike(
    samples: list[list[str]], data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Where each sample has a label, wherever it stands, both have one item of each."""
    members: list[Member] = []
    for number, extensions in enumerate(samples):
        files = [(f"d/{number}.{extension}", JPEG if "." not in extension else b"x%d" % place)
                 for place, extension in enumerate(["jpg", *extensions])]  # fmt: skip
        files = [(name, JPEG if is_image((name, b"")) else content) for name, content in files]
        files.insert(data.draw(st.integers(0, len(files))), (f"d/{number}.cls", b"%d" % number))
        members += dict(files).items()
    path = tmp_path_factory.getbasetemp() / "labelled.tar"
    path.write_bytes(tar_of(members))
    dataset = opened(path)
    assert dataset.family == "webdataset"
    stream = streamed(path.read_bytes())
    arrived = [(item.key, stream.label(item.key, item.companions)) for item in stream.items()]
    assert arrived == list(zip(dataset.keys, dataset.labels.tolist(), strict=True))
    assert dataset.labels.tolist() == list(range(len(samples)))
    assert stream.skipped == dataset.skipped


@given(
    kinds=st.lists(st.lists(st.sampled_from("ilx"), min_size=1, max_size=4), min_size=1, max_size=6)
)
def test_companions_of_items(kinds: list[list[str]]) -> None:
    """Samples of images (i), labels (l) and other files; only those with an image have an item."""
    flat = [(sample, kind) for sample, files in enumerate(kinds) for kind in files]
    rows: list[list[int]] = [
        [row for row, (of, _) in enumerate(flat) if of == sample] for sample in range(len(kinds))
    ]
    first = [next((row for row in group if flat[row][1] == "i"), None) for group in rows]
    items = [row for row in first if row is not None]
    samples = Samples(
        np.array([sample for sample, _ in flat]),
        np.array([kind == "i" for _, kind in flat]),
        np.array(items, np.int64),
    )
    labels = [[row for row in rows[flat[item][0]] if flat[row][1] == "l"] for item in items]
    of_kind = np.array([kind == "l" for _, kind in flat])
    if items:
        assert samples.companions(of_kind).tolist() == [[*group, -1][0] for group in labels]
        owners, owned = samples.all_companions(of_kind)
        assert list(zip(owners.tolist(), owned.tolist(), strict=True)) == [
            (number, row) for number, group in enumerate(labels) for row in group
        ]
    second, alone = samples.idle()
    assert second.tolist() == [
        row for row, (_, kind) in enumerate(flat) if kind == "i" and row not in items
    ]
    assert alone.tolist() == [row for row, (of, _) in enumerate(flat) if first[of] is None]


def test_a_stream_decides_sample_by_sample(tmp_path: Path) -> None:
    """A known difference: a .json without a label makes no shard, but a sample of one item."""
    pairs = [("n01440764/0.jpg", JPEG), ("n01440764/0.depth.png", PNG)]
    both = [name for name, _ in pairs]
    path = tmp_path / "a.tar"
    for members, of_stream in (
        (pairs, both),
        ([*pairs, ("n01440764/0.json", b'{"caption": ""}')], both[:1]),
    ):
        path.write_bytes(tar_of(members))
        assert list(opened(path).keys) == both
        assert [item.key for item in streamed(path.read_bytes()).items()] == of_stream


def opened(
    path: Path, label: fastinet.datasets.companions.LabelFunction | None = None
) -> fastinet.Dataset:
    return fastinet.open(path, labels=label, index=False)
