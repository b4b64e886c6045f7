"""What of a stream is an item, what belongs to it, and its label; and the items as they are."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from support.streamed import WAYS, Pieces, batches_of, loader_of, streamed

import fastinet
from fastinet.errors import CorruptError, FastinetWarning, UnsupportedError
from fastinet.testing.archives import END, entry, tar
from fastinet.testing.small import small_jpeg

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def content(archive_path: Path) -> bytes:
    return archive_path.read_bytes()


def images(count: int) -> list[bytes]:
    rng = np.random.default_rng(count)
    return [small_jpeg(rng) for _ in range(count)]


def test_samples_of_several_members() -> None:
    pictures = images(4)
    data = tar(
        {
            "000.jpg": pictures[0],
            "000.cls": b"7\n",
            "001.json": b'{"label": 8, "caption": "a bird"}',
            "001.JPEG": pictures[1],
            "001.txt": b"a bird",
            "sub.d/002.png": pictures[2],
            "sub.d/002.cls": b" 9 ",
            "003.seg.png": pictures[3],
            "003.jpg": pictures[3],
            "003.CLS": b"10",
        }
    )
    with pytest.warns(FastinetWarning, match="1 entries so far .* or second images of samples"):
        (batch,) = batches_of(data)
    assert batch.labels.tolist() == [7, 8, 9, 10]
    assert batch.keys == ["000.jpg", "001.JPEG", "sub.d/002.png", "003.jpg"]
    assert batch.indices.tolist() == [0, 1, 2, 3]


def test_a_label_function_gets_the_companions() -> None:
    seen: dict[str, dict[str, bytes]] = {}

    def label(key: str, companions: Any) -> int:
        seen[key] = dict(companions)
        return len(seen)

    first, second = images(2)
    data = tar({"a.jpg": first, "a.txt": b"one", "b.Meta.Json": b"{}", "b.jpg": second})
    (batch,) = batches_of(data, labels=label)
    assert batch.labels.tolist() == [1, 2]
    assert seen == {"a.jpg": {"txt": b"one"}, "b.jpg": {"meta.json": b"{}"}}


@pytest.mark.parametrize("label", ["7", 1.5, None, -2])
def test_label_functions_give_whole_numbers(label: Any) -> None:
    with pytest.raises(ValueError, match="its label"):
        batches_of(tar({"a.jpg": images(1)[0]}), labels=lambda _key, _companions: label)


def test_what_macos_adds_parts_no_sample() -> None:
    apple = b"\x00\x05\x16\x07" + bytes(100)
    data = tar({"a.jpg": images(1)[0], "._a.cls": apple, "a.cls": b"3", "._b.jpg": apple})
    with pytest.warns(FastinetWarning, match="2 entries"):
        (batch,) = batches_of(data)
    assert batch.labels.tolist() == [3]


def test_validation_images_in_other_classes_than_published_are_told_at_the_end() -> None:
    """As `open` tells them: a whole split in wrong folders shows nowhere else."""
    names = [f"n01440764/ILSVRC2012_val_{number:08d}.JPEG" for number in range(1, 6)]
    data = tar(dict(zip(names, images(5), strict=True)))
    with pytest.warns(FastinetWarning, match="published labels") as told:
        batches_of(data, classes="imagenet1k")
    assert len(told) == 1
    assert "5 validation images have another class" in str(told[0].message)
    assert f"{names[0]} is n01751748" in str(told[0].message)
    assert str(told[0].message).endswith(", ...")
    right = {"n01751748/ILSVRC2012_val_00000001.JPEG": images(1)[0]}
    batches_of(tar(right), classes="imagenet1k")  # warnings are errors in tests


def by_both_roads(data: bytes, path: Path, **options: Any) -> list[tuple[str, bytes, int]]:
    """(key, content, label) of the items of `data`, which are the same by its index."""
    path.write_bytes(data)
    dataset = fastinet.open(path, index=False, **options)
    keys, wnids = dataset.keys, [info.wnid for info in dataset.classes]
    by_index = [(keys[i], dataset.read(i), int(dataset.labels[i])) for i in range(len(dataset))]
    classes = wnids if wnids[0].startswith("n") else None
    stream = streamed(data, classes=classes, **options)
    arrived = [
        (item.key, item.data, stream.label(item.key, item.companions)) for item in stream.items()
    ]
    assert arrived == by_index
    assert stream.skipped == dataset.skipped
    return arrived


def tar_of(*members: tuple[str, bytes]) -> bytes:
    return b"".join([entry(name, content) for name, content in members]) + END


@pytest.mark.parametrize("options", [{}, {"labels": lambda _key, _files: 0}])
@pytest.mark.parametrize(
    "members",
    [
        ("n01440764_1.JPEG", "n01440764_2.JPEG", "n01440764_1.JPEG"),
        ("0.cls", "0.jpg", "0.jpg"),
        ("0.jpg", "0.cls", "1.jpg", "1.cls", "0.cls"),
        ("./0.jpg", "0.cls", "a.txt", ".//a.txt"),
    ],
)
def test_a_second_member_of_a_name_is_refused(
    members: Sequence[str], options: dict[str, Any]
) -> None:
    """An opened archive takes the last one, and a stream cannot take back what it has given."""
    contents = images(len(members))
    data = tar_of(
        *(
            (name, b"7" if name.endswith(".cls") else content)
            for name, content in zip(members, contents, strict=True)
        )
    )
    stream = streamed(data, **options)
    with pytest.raises(UnsupportedError, match="a second member of this name") as caught:
        list(stream.items())
    assert caught.value.member == members[-1].replace(".//", "")
    assert caught.value.offset == data.rindex(members[-1].encode()) + 512
    assert "fastinet.open reads the archive from a disk" in caught.value.cause


def test_tars_behind_one_another_may_use_a_name_again() -> None:
    one, other = images(2)
    data = tar_of(("n01440764_1.JPEG", one)) + tar_of(("n01440764_1.JPEG", other))
    assert [item.data for item in streamed(data, split="all").items()] == [one, other]


def test_a_second_tar_of_a_name_is_refused() -> None:
    one, other = images(2)
    inner = [tar_of((f"n01440764_{number}.JPEG", data)) for number, data in enumerate((one, other))]
    data = tar_of(("n01440764.tar", inner[0]), ("n01440764.tar", inner[1]))
    with pytest.raises(UnsupportedError, match="a second tar of this name") as caught:
        list(streamed(data).items())
    assert caught.value.member == "n01440764.tar"


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
def test_a_function_for_the_labels_makes_one_item_of_a_sample(tmp_path: Path) -> None:
    one, other = images(2)
    data = tar_of(("a/1.seg.png", one), ("a/1.jpg", other), ("a/1.txt", b"words"))
    assert by_both_roads(data, tmp_path / "a.tar", labels=lambda _key, files: len(files)) == [
        ("a/1.jpg", other, 2)
    ]


@pytest.mark.filterwarnings("ignore::fastinet.errors.FastinetWarning")
@pytest.mark.parametrize("place", [0, 50])
def test_names_with_an_early_dot(place: int, tmp_path: Path) -> None:
    """A hundred images of one "sample", of which none is lost."""
    pictures = images(3)
    members = [(f"n01440764/img.{number:03}.jpg", pictures[number % 3]) for number in range(100)]
    names = [name for name, _ in members]
    assert [item.key for item in streamed(tar_of(*members)).items()] == names
    members.insert(place, ("n01440764/img.txt", b"words"))
    path = tmp_path / "a.tar"
    path.write_bytes(tar_of(*members))
    assert list(fastinet.open(path, index=False).keys) == names
    items = streamed(tar_of(*members)).items()
    if place == 0:
        assert [(item.key, item.companions) for item in items] == [
            (name, {"txt": b"words"}) for name in names
        ]
        return
    with pytest.raises(UnsupportedError, match=r"img\.txt.*a file that comes behind 16 images"):
        list(items)


@pytest.mark.parametrize("count", [14, 15, 16, 17, 40])
def test_many_images_of_one_sample(count: int, tmp_path: Path) -> None:
    """A label before them makes one item of them; one that comes too late is an error."""
    pictures = images(count)
    members = [(f"0.{number}.jpg", data) for number, data in enumerate(pictures)]
    members.append(("0.jpg", pictures[0]))
    with pytest.warns(FastinetWarning, match=f"{count} images passed over"):
        items = by_both_roads(tar_of(("0.cls", b"5"), *members), tmp_path / "a.tar")
    assert items == [("0.jpg", pictures[0], 5)]
    late = streamed(tar_of(*members, ("0.cls", b"5")))
    if count < 15:
        assert len(list(late.items())) == 1
        return
    with pytest.raises(UnsupportedError, match=r"0\.cls.*behind 16 images"):
        list(late.items())


def test_a_sample_ends_with_its_tar() -> None:
    """The label of the second archive is not one more of the first one's sample."""
    one, other = images(2)
    data = tar_of(("0.cls", b"1"), ("0.jpg", one)) + tar_of(("0.cls", b"2"), ("0.jpg", other))
    (batch,) = batches_of(data)
    assert batch.labels.tolist() == [1, 2]


def test_large_companions_are_left_out() -> None:
    data = tar({"a.jpg": images(1)[0], "a.npy": bytes(70_000), "a.cls": b"1"})
    with pytest.warns(FastinetWarning, match="1 entries"):
        (batch,) = batches_of(data)
    assert batch.labels.tolist() == [1]


@pytest.mark.parametrize(
    ("members", "cause"),
    [
        ({"a.cls": b"x"}, "a decimal number expected"),
        ({"a.json": b"{"}, "no JSON"),
        ({"a.json": b"[" * 60_000}, "no JSON"),
        ({"a.json": b'{"id": 3}'}, "give labels="),
        ({}, "give labels="),
    ],
)
@pytest.mark.parametrize("on_error", ["raise", "mask"])
def test_an_item_without_label(members: dict[str, bytes], cause: str, on_error: str) -> None:
    first, second = images(2)
    loader = loader_of(
        streamed(tar({"0.jpg": first, "0.cls": b"0", "a.jpg": second, **members})),
        batch_size=1,
        on_error=on_error,
    )
    batches = iter(loader)
    assert next(batches).labels.tolist() == [0]
    with pytest.raises(ValueError, match=f"item 'a.jpg': .*{cause}"):
        next(batches)
    assert loader.state_dict()["position"] == 1  # where the one without a label is
    with pytest.raises(StopIteration):
        next(batches)


def test_classes_that_the_stream_does_not_have() -> None:
    data = tar({"n01440764_1.JPEG": images(1)[0]})
    with pytest.raises(ValueError, match=r"class n01440764 is none of the 1 .* give classes="):
        batches_of(data, classes=["n01443537"])
    numbered = tar({"a.jpg": images(1)[0], "a.cls": b"5000"})
    with pytest.raises(ValueError, match="label 5000, and there are 2 classes"):
        batches_of(numbered, classes=["n01440764", "n01443537"])
    assert batches_of(numbered, classes=None)[0].labels.tolist() == [5000]


@pytest.mark.parametrize(
    ("members", "split", "label", "cause"),
    [
        (["n01440764_1.JPEG"], None, None, 'class n01440764.*classes="imagenet1k"'),
        (["n01440764/1.JPEG"], None, None, "a stream cannot know.*`classes` of a dataset"),
        (["n00004475/1.JPEG"], None, None, 'class n00004475.*classes="imagenet22k" numbers'),
        (["n99999999/1.JPEG"], None, None, "class n99999999.*give classes= its wnids"),
        (["ILSVRC2012_val_00000001.JPEG", "n01440764/1.JPEG"], "all", 65, "class n01440764"),
        (["ILSVRC2012_test_00000001.JPEG", "n01440764/1.JPEG"], "all", -1, "class n01440764"),
        (["v2/7/3.jpeg", "n01440764_1.JPEG"], "all", 7, "two numberings"),
    ],
)
def test_labels_need_classes(
    members: list[str], split: str | None, label: int | None, cause: str
) -> None:
    """What has a place among the 1000 by itself needs none; a wnid does."""
    data = tar(dict.fromkeys(members, images(1)[0]))
    loader = loader_of(streamed(data, split=split, classes=None), batch_size=1)
    batches = iter(loader)
    if label is not None:
        assert next(batches).labels.tolist() == [label]
    with pytest.raises(ValueError, match=cause):
        next(batches)


def test_published_labels_are_among_the_classes_that_are_given() -> None:
    """Validation image 1 is a n01751748, 65 of the 1000."""
    image = images(1)[0]
    data = tar({"ILSVRC2012_val_00000001.JPEG": image})
    (batch,) = batches_of(data, classes=["n01440764", "n01751748"])
    assert batch.labels.tolist() == [1]
    with pytest.raises(ValueError, match="class n01751748 is none of the 1 that"):
        batches_of(data, classes=["n01440764"])
    v2 = tar({"imagenetv2-top-images-format-val/65/1.jpeg": image})
    assert batches_of(v2, classes=["n01440764", "n01751748"])[0].labels.tolist() == [1]


@pytest.mark.parametrize("first_by_companion", [False, True])
def test_two_numberings_in_one_stream(first_by_companion: bool, tmp_path: Path) -> None:
    """`open` refuses the same archive."""
    image = images(1)[0]
    by_companion = {"a.jpg": image, "a.cls": b"7"}
    by_key = {"n01440764_1.JPEG": image}
    members = by_companion | by_key if first_by_companion else by_key | by_companion
    batches = iter(loader_of(streamed(tar(members)), batch_size=1))
    assert next(batches).labels.tolist() == [7 if first_by_companion else 0]
    with pytest.raises(ValueError, match=r"'(a|n01440764_1)\..*two numberings.*labels="):
        next(batches)
    path = tmp_path / "a.tar"
    path.write_bytes(tar(members))
    with pytest.raises(CorruptError, match="1 images have no label"):
        fastinet.open(path)


# ---------------------------------------------------------------------------------------- items()


@pytest.mark.parametrize("way", ["pipe", "gzip_pipe", "bytes_io", "pieces"])
def test_items(
    way: str,
    content: bytes,
    dataset: fastinet.Dataset,
    tmp_path: Path,
) -> None:
    with contextlib.ExitStack() as arriving:
        stream = fastinet.open_stream(WAYS[way](arriving, content, tmp_path))
        items = list(stream.items())
    assert [item.key for item in items] == list(dataset.keys)
    assert [item.data for item in items] == [dataset.read(i) for i in range(len(dataset))]
    assert [item.size for item in items] == dataset.sizes.tolist()
    with pytest.raises(UnsupportedError, match="passes once"):
        next(stream.items())


def test_items_have_companions_and_labels() -> None:
    stream = streamed(tar({"a.jpg": images(1)[0], "a.cls": b"4", "b.txt": b"alone"}))
    (item,) = stream.items()
    assert item.companions == {"cls": b"4"}
    assert stream.label(item.key, item.companions) == 4
    assert stream.skipped == 1


def test_items_of_a_damaged_stream(content: bytes) -> None:
    items = streamed(content[: len(content) // 2]).items()
    assert next(items).data == next(streamed(content).items()).data
    with pytest.raises(fastinet.errors.CorruptError, match=r"file object.*truncated"):
        list(items)


def test_items_left_early(content: bytes) -> None:
    outlet, inlet = os.pipe()
    os.write(inlet, content[:30_000])
    items = fastinet.open_stream(outlet).items()
    assert next(items).data == next(streamed(content).items()).data
    items.close()
    os.close(outlet)
    os.close(inlet)


def test_items_of_a_reader_that_raises() -> None:
    def pieces() -> Iterator[bytes]:
        yield b"n"
        raise OSError("the line is down")

    with pytest.raises(fastinet.errors.ReadError, match="the line is down"):
        list(fastinet.open_stream(Pieces(pieces())).items())
