"""The sample rule: Python's on whole shards and the engine's on streams group the same members.

Where they differ on purpose, :mod:`fastinet.datasets.samples` lists it, the random shards leave
out: gzip files that only their names show to be images, samples of 16 images and more, and names
with letters beyond ASCII in their extensions.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.sharded import JPEG, PNG, Member, is_image, is_in_order, items_among, shard
from support.streamed import streamed

import fastinet
from fastinet.datasets.companions import MOST_COMPANION_BYTES
from fastinet.datasets.samples import Samples
from fastinet.errors import CorruptError, FastinetWarning, UnsupportedError
from fastinet.testing.archives import END, entry

pytestmark = pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")

APPLE = b"\x00\x05\x16\x07"
IMAGE_EXTENSIONS = ("jpg", "JPEG", "png", "Jpg", "depth.jpg", "left.view.PNG")
OTHER_EXTENSIONS = ("cls", "CLS", "json", "txt", "Meta.Json", "seg.npy", "", "jpg.txt", "x.cls")

FOLDERS = st.sampled_from(["", "", "a/", "a.b/", "a/b/", "a.jpg/", "n01440764/"])
STEMS = st.sampled_from(["0", "1", "00", ".hidden", "._0", "0.v1", "0.v2", "0.7"])

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


def in_plain_words(members: list[Member]) -> list[Item]:
    """(key, content, companions by extension) of the items, where a function gives the labels."""
    items: list[Item] = []
    for (name, content), others in items_among(counted(members), shards=True, by_function=True):
        small = [(ext, data) for ext, data in others if len(data) <= MOST_COMPANION_BYTES]
        items.append((name, content, dict(reversed(small))))
    return items


def counted(members: list[Member]) -> list[Member]:
    """Those that are not hidden."""
    return [member for member in members if not member[0].rpartition("/")[2].startswith(".")]


@given(members=shard_members())
def test_both_group_alike(members: list[Member], tmp_path_factory: pytest.TempPathFactory) -> None:
    expected = in_plain_words(members)
    data = tar_of(members)
    stream = streamed(data, labels=lambda _key, _files: 0)
    try:
        arrived = [(item.key, item.data, item.companions) for item in stream.items()]
    except UnsupportedError as error:
        assert "not beside each other" in str(error)  # noqa: PT017
        assert not is_in_order(counted(members))
    except CorruptError as error:
        assert "no image" in str(error)  # noqa: PT017
        assert not expected
    else:
        assert arrived == expected

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
    in_order = is_in_order(counted(members))
    if in_order and all(len(content) <= MOST_COMPANION_BYTES for _, content in members):
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
        np.zeros(len(flat), np.bool_),
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


def test_a_json_without_a_label_makes_no_shard(tmp_path: Path) -> None:
    pairs = [("n01440764/0.jpg", JPEG), ("n01440764/0.depth.png", PNG)]
    path = tmp_path / "a.tar"
    for said in (b'{"caption": "a \\"label\\":"}', b'{"objects": [{"label": 3}], "x": "cls"}'):
        members = [*pairs, ("n01440764/0.json", said)]
        path.write_bytes(tar_of(members))
        assert list(opened(path).keys) == [name for name, _ in pairs]
        stream = streamed(path.read_bytes())
        items = list(stream.items())
        assert [item.key for item in items] == [name for name, _ in pairs]
        assert [stream.label(item.key, item.companions) for item in items] == [0, 0]


def opened(
    path: Path, label: fastinet.datasets.companions.LabelFunction | None = None
) -> fastinet.Dataset:
    return fastinet.open(path, labels=label, index=False)


# ----------------------------------------------------------------------------- names with dots

DOTTED = [
    ("img0.v1.jpg", JPEG + b"1"), ("img0.v1.cls", b"3"), ("img0.v1.txt", b"one"),
    ("img0.v2.jpg", JPEG + b"2"), ("img0.v2.cls", b"4"),
]  # fmt: skip


def roads(path: Path, **options: Any) -> list[list[tuple[str, int]]]:
    """(key, label) of the items, opened and streamed."""
    dataset = fastinet.open(path, index=False, **options)
    opened = list(zip(dataset.keys, dataset.labels.tolist(), strict=True))
    classes = None if options else dataset.classes
    stream = fastinet.open_stream(path, classes=classes, **options)
    arrived = [(item.key, stream.label(item.key, item.companions)) for item in stream.items()]
    return [opened, arrived]


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@pytest.mark.parametrize("more", [[], [("img0.txt", b"plain")], [("x.jpg", JPEG), ("x.cls", b"0")]])
def test_names_end_at_the_last_dot_where_only_that_gives_labels(
    tmp_path: Path, more: list[Member]
) -> None:
    path = shard(tmp_path / "s.tar", *DOTTED, *more)
    with pytest.warns(FastinetWarning, match=r"2 images have names with several.*img0\.v1\.jpg"):
        fastinet.open(path, index=False)
    expected = [("img0.v1.jpg", 3), ("img0.v2.jpg", 4)] + [("x.jpg", 0)] * (len(more) == 2)
    assert roads(path) == [expected, expected]
    if len(more) != 1:
        seen = [("img0.v1.jpg", ["cls", "txt"]), ("img0.v2.jpg", ["cls"])]
        given: list[tuple[str, list[str]]] = []
        roads(path, labels=lambda key, files: given.append((key, sorted(files))) or 0)  # type: ignore[func-returns-value]
        assert given[:2] == seen


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
def test_parted_samples_with_labels_in_json(tmp_path: Path) -> None:
    members = [
        (f"n01440764/x.v{number}.{extension}", content)
        for number in range(3)
        for extension, content in (("jpg", JPEG), ("json", b'{"label": %d}' % (number + 4)))
    ]
    expected = [(f"n01440764/x.v{number}.jpg", number + 4) for number in range(3)]
    assert roads(shard(tmp_path / "s.tar", *members)) == [expected, expected]
    captions = [(name, JPEG if name[-1] == "g" else b'{"caption": ""}') for name, _ in members]
    expected = [(name, 0) for name, _ in expected]
    assert roads(shard(tmp_path / "t.tar", *captions)) == [expected, expected]


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@pytest.mark.parametrize("extra", [("img0.cls", b"7"), ("img0.json", b'{"label": 7}')])
def test_names_that_have_a_label_by_either_dot_are_refused(tmp_path: Path, extra: Member) -> None:
    path = shard(tmp_path / "s.tar", *DOTTED, extra)
    for take in (lambda: fastinet.open(path), lambda: list(fastinet.open_stream(path).items())):
        with pytest.raises(
            UnsupportedError, match=r"by either reading.*first dot.*last dot.*labels="
        ):
            take()
    with_function = roads(path, labels=lambda _, files: len(files))
    assert with_function == [[("img0.v1.jpg", 5)]] * 2


def test_names_of_which_no_reading_gives_all_labels(tmp_path: Path) -> None:
    path = shard(tmp_path / "s.tar", *DOTTED[:-1])
    with pytest.raises(UnsupportedError, match=r"up to its first dot, nor.*up to its last dot"):
        fastinet.open(path)
    stream = fastinet.open_stream(path)
    with pytest.raises(ValueError, match="give labels="):
        stream.labels_of([(item.key, item.companions) for item in stream.items()])
    mixed = shard(tmp_path / "t.tar", ("x.jpg", JPEG), ("x.cls", b"1"), *DOTTED[:-1])
    with pytest.raises(CorruptError, match=r"1 images have no label.*first dot.*last dot"):
        fastinet.open(mixed)


@pytest.mark.parametrize("images", [15, 16, 17, 100])
@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
def test_names_of_which_all_begin_alike(tmp_path: Path, images: int) -> None:
    """As those of DICOM do: a stream need not keep thousands of images of one "sample"."""
    members = [
        (f"1.2.840.{number}.{extension}", content)
        for number in range(images)
        for extension, content in (("jpg", JPEG), ("cls", b"%d" % number), ("txt", b"t"))
    ]
    path = shard(tmp_path / "s.tar", *members)
    expected = [(f"1.2.840.{number}.jpg", number) for number in range(images)]
    assert roads(path) == [expected, expected]
    companions = [item.companions for item in fastinet.open_stream(path).items()]
    assert companions == [{"cls": b"%d" % number, "txt": b"t"} for number in range(images)]
    if images < 17:
        return
    for late, complaint in (
        (("1.2.840.x.jpg", JPEG), "none beside it"),
        (("1.2.840.x.cls", b"1"), "none beside it"),
        (("1.cls", b"1"), "behind 16 images"),
        (members[0], "a second member of this name"),
    ):
        odd = shard(tmp_path / "t.tar", *members, late)
        with pytest.raises(UnsupportedError, match=complaint):
            list(fastinet.open_stream(odd).items())
    again = shard(tmp_path / "t.tar", *members, *members[:2])
    with pytest.raises(UnsupportedError, match="a second member of this name"):
        list(fastinet.open_stream(again).items())


# ------------------------------------------------------------ label functions and class folders


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@pytest.mark.parametrize(
    ("names", "items"),
    [
        (["cats/x.jpg", "cats/x.png"], 2),
        (["cats/x.jpg", "cats/x.1.jpg", "cats/x.2.jpg"], 3),
        (["cats/x.001.jpg", "cats/x.002.jpg"], 2),
        (["n01440764/x.jpg", "n01440764/x.png", "n01440764/x.txt"], 2),
        (["n01440764/x.jpg", "n01440764/x.seg.png"], 2),
        (["cats/x.jpg", "cats/x.seg.png"], 1),
        (["cats/x.jpg", "cats/x.png", "cats/x.txt"], 1),
        (["n01440764/x.jpg", "n01440764/x.png", "n01440764/x.cls"], 1),
    ],
)
def test_a_label_function_leaves_class_folders_alone(
    tmp_path: Path, names: list[str], items: int
) -> None:
    members = [(name, JPEG if name[-1] == "g" else b"1") for name in names]
    path = shard(tmp_path / "s.tar", *members)
    opened, arrived = roads(path, labels=lambda _, files: len(files))
    assert opened == arrived
    assert [key for key, _ in opened] == names[:items]


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@pytest.mark.parametrize(
    ("names", "late"),
    [
        ([f"cats/x.{n:02}.jpg" for n in range(20)], "cats/x.txt"),
        ([f"cats/x.view{n:02}.jpg" for n in range(20)], "cats/x.jpg"),
        (["cats/x.jpg", *[f"cats/x.view{n:02}.jpg" for n in range(20)]], "cats/x.png"),
        (["cats/x.jpg", *[f"cats/x.view{n:02}.jpg" for n in range(20)]], "cats/x.1.png"),
    ],
)
def test_a_stream_refuses_what_many_images_have_decided(
    tmp_path: Path, names: list[str], late: str
) -> None:
    path = shard(tmp_path / "s.tar", *[(name, JPEG) for name in names])
    opened, arrived = ([], []) if len(names) == 20 else roads(path, labels=lambda *_: 0)
    assert opened == arrived
    path = shard(tmp_path / "s.tar", *[(name, JPEG) for name in names], (late, JPEG[:1]))
    with pytest.raises(UnsupportedError, match="behind 16 images or more of one sample"):
        list(fastinet.open_stream(path, labels=lambda *_: 0).items())
