"""The command line: what it prints, writes and refuses."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

import fastinet
from fastinet.cli import main
from fastinet.pixels.contact_sheet import contact_sheet
from fastinet.testing.archives import tar, train_tar
from fastinet.testing.bounding_boxes import annotation_xml, write_boxes
from fastinet.testing.small import small_jpeg
from fastinet.testing.train_archive import write_train_archive
from fastinet.testing.webdataset import write_shards


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_train_archive(tmp_path_factory.mktemp("cli") / "train.tar", images=8, classes=3)


@pytest.fixture
def archive(made: Path, tmp_path: Path) -> str:
    """A fresh archive without an index."""
    copy = tmp_path / "train.tar"
    copy.write_bytes(made.read_bytes())
    return str(copy)


pytestmark = pytest.mark.usefixtures("own_cache")


def run(*arguments: str) -> Result:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.stderr
    return result


def run_json(*arguments: str) -> dict:
    return json.loads(run(*arguments, "--json").stdout)


# ------------------------------------------------------------------------------------ commands


def test_index_builds_and_reports(archive: str) -> None:
    facts = run_json("index", archive)
    assert facts["items"] == 8
    assert facts["classes"] == 3
    assert Path(facts["index"]).stat().st_size == facts["index_bytes"]
    stamp = Path(facts["index"]).stat().st_mtime_ns
    text = run("index", archive).stdout
    assert "8 in 3 classes" in text
    assert Path(facts["index"]).stat().st_mtime_ns == stamp


def test_a_stale_index_is_rebuilt_aloud(archive: str) -> None:
    run("index", archive)
    with Path(archive).open("ab") as file:
        file.write(bytes(10_240))
    result = run("index", archive, "--json")
    assert "stale" in result.stderr
    assert json.loads(result.stdout)["items"] == 8


def test_info_counts_what_is_there(archive: str) -> None:
    facts = run_json("info", archive)
    dataset = fastinet.open(archive)
    assert facts["items"] == 8
    assert facts["items_per_class"] == [2, 3]
    assert facts["first_keys"] == list(dataset.keys[:3])
    sizes = [len(dataset.read(item)) for item in range(8)]
    assert facts["bytes"] == sum(sizes)
    assert facts["bytes_per_item"]["max"] == max(sizes)
    mix = facts["sample"]
    assert mix["images"] == 8
    assert mix["format"] == {"JPEG baseline": 1.0}
    assert sum(mix["sampling"].values()) == pytest.approx(1)
    text = run("info", archive).stdout
    assert "8 in 3 classes" in text
    assert "JPEG baseline" in text


def test_info_names_odd_formats(tmp_path: Path) -> None:
    path = write_train_archive(
        tmp_path / "odd.tar", images=4, classes=1, odd=("progressive", "png", "cmyk", "gzip")
    )
    mix = run_json("info", str(path))["sample"]
    assert mix["format"] == {
        "JPEG progressive": 0.25,
        "PNG": 0.25,
        "JPEG baseline": 0.25,
        "unknown": 0.25,
    }
    assert mix["sampling"]["4:4:4 of 4 components"] == 0.25
    assert mix["quality"] == {"88": 0.25, "90": 0.25}


@pytest.mark.parametrize("transform", ["none", "train", "val"])
def test_show_writes_a_contact_sheet(archive: str, tmp_path: Path, transform: str) -> None:
    sheet = tmp_path / "sheet.png"
    text = run("show", archive, "-o", str(sheet), "-n", "5", "--transform", transform).stdout
    assert text.strip() == f"{sheet}: 5 images"
    pixels = np.asarray(Image.open(sheet))
    assert pixels.shape[1] > 5 * 160
    assert pixels.std() > 20


@pytest.mark.parametrize("transform", ["none", "train", "val"])
def test_show_draws_boxes(archive: str, tmp_path: Path, transform: str) -> None:
    dataset = fastinet.open(archive)
    files = {
        key.replace(".JPEG", ".xml"): annotation_xml((10, 10), [("dog", 0, 0, 10, 10)])
        for key in dataset.keys
    }
    boxes = str(write_boxes(tmp_path / "boxes.tar.gz", files))
    sheets = []
    for number, options in enumerate(([], ["--boxes", boxes])):
        sheet = tmp_path / f"{number}.png"
        run("show", archive, "-o", str(sheet), "-n", "6", "--transform", transform, *options)
        sheets.append(np.asarray(Image.open(sheet), np.int64))
    frame = np.array([255, 60, 60])
    without, framed = ((sheet == frame).all(axis=2).sum() for sheet in sheets)
    assert framed - without > 6 * 4 * 40
    # Frames only: nothing else has changed.
    changed = (sheets[0] != sheets[1]).any(axis=2)
    assert (sheets[1][changed] == frame).all()


def test_help_fits_a_terminal() -> None:
    listed = run("--help").stdout.partition("Commands:\n")[2].splitlines()
    assert len(listed) == 7
    assert not any(line.endswith("...") or len(line) > 79 for line in listed)


def test_show_tells_what_it_cannot_show_in_one_line(archive: str, tmp_path: Path) -> None:
    files = {"val/ILSVRC2012_val_00000001.xml": annotation_xml((9, 9), [("n01440764", 1, 1, 5, 5)])}
    boxes = write_boxes(tmp_path / "boxes.tgz", files)
    result = CliRunner().invoke(main, ["show", archive, "--boxes", str(boxes)])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1].startswith("fastinet: no item of")
    damaged = tmp_path / "damaged.tar"
    damaged.write_bytes(tar({"n01440764/n01440764_1.JPEG": b"damaged"}))
    result = CliRunner().invoke(main, ["show", str(damaged)])
    assert result.exit_code == 2
    place = f"archive '{damaged}', member 'n01440764/n01440764_1.JPEG', byte 512: "
    assert place in result.stderr


def test_show_draws_the_same_images_for_the_same_seed(archive: str, tmp_path: Path) -> None:
    sheets = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run("show", archive, "-o", str(tmp_path / name), "-n", "3", "--seed", str(seed))
        sheets.append((tmp_path / name).read_bytes())
    assert sheets[0] == sheets[1] != sheets[2]


def test_bench_measures_every_pipeline(archive: str) -> None:
    facts = run_json("bench", archive, "--threads", "2", "--seconds", "0.1", "--batch-size", "4")
    measured = [(row["pipeline"], row["threads"]) for row in facts["results"]]
    assert measured == [(name, n) for name in ("read", "decode", "train", "val") for n in (1, 2)]
    for row in facts["results"]:
        assert row["images"] > 0
        assert row["images_per_second"] == pytest.approx(row["images"] / row["seconds"])
    assert facts["build"] == fastinet.build_info()
    assert "Python" in facts["machine"]


def test_bench_prints_a_table(archive: str) -> None:
    text = run("bench", archive, "--threads", "1", "--seconds", "0.1").stdout
    for word in ("read", "decode", "train", "val", "images/s", "compiler"):
        assert word in text


def test_bench_tells_of_images_that_give_no_row(tmp_path: Path) -> None:
    """And goes on; each is told of once, however many epochs it spoils."""
    good = small_jpeg(np.random.default_rng(0))
    files = {f"n01440764_{i:02}.JPEG": good[:300] if i % 2 else good for i in range(26)}
    path = tmp_path / "train.tar"
    path.write_bytes(train_tar({"n01440764": files}))
    arguments = ("bench", str(path), "--threads", "1", "--seconds", "0.2", "--batch-size", "4")
    facts = run_json(*arguments)
    assert all(row["images"] > 0 for row in facts["results"])
    failed = {row["key"]: row["error"] for row in facts["failures"]}
    assert set(failed) == {f"n01440764/n01440764_{i:02}.JPEG" for i in range(1, 26, 2)}
    assert all("byte" in error and key in error for key, error in failed.items())
    result = run(*arguments)
    assert "Images that gave no row: 13" in result.stdout
    assert result.stdout.count("the JPEG ends before its first scan") == 10
    assert "and 3 more, which --json lists" in result.stdout
    assert "gave no row" not in result.stderr


def test_demo_runs_the_whole_road(own_cache: Path, tmp_path: Path) -> None:
    sheet = tmp_path / "batch.png"
    options = ("--images", "40", "--epochs", "2", "--batch-size", "16", "--threads", "2")
    facts = run_json("demo", *options, "-o", str(sheet))
    assert facts["fastinet"]["images"] == 80
    assert facts["pillow"]["images"] == 40
    assert facts["threads"] == 2
    assert [stage["stage"] for stage in facts["stages"]] == ["read", "header", "decode", "render"]
    assert sum(stage["share"] for stage in facts["stages"]) == pytest.approx(1)
    with Image.open(sheet) as image:
        assert image.format == "PNG"
    assert Path(facts["archive"]).is_relative_to(own_cache)
    text = run("demo", *options).stdout
    assert "Pillow" in text
    assert "index ILSVRC2012_img_train.tar" in text


# -------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize("command", ["index", "info", "bench", "show"])
def test_a_missing_archive_is_one_line_and_exit_code_2(command: str, tmp_path: Path) -> None:
    path = str(tmp_path / "nowhere.tar")
    result = CliRunner().invoke(main, [command, path])
    assert result.exit_code == 2
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("fastinet: ")
    assert path in lines[0]


def test_a_file_that_is_no_tar_is_named(tmp_path: Path) -> None:
    path = tmp_path / "noise.tar"
    path.write_bytes(np.random.default_rng(0).bytes(4096))
    result = CliRunner().invoke(main, ["info", str(path)])
    assert result.exit_code == 2
    assert str(path) in result.stderr
    assert "Traceback" not in result.stderr


def test_an_output_that_cannot_be_written_is_named(archive: str, tmp_path: Path) -> None:
    output = str(tmp_path / "no such folder" / "sheet.png")
    result = CliRunner().invoke(main, ["show", archive, "-n", "1", "-o", output])
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == f"fastinet: '{output}': No such file or directory"


@pytest.mark.parametrize("transform", ["none", "train"])
def test_a_damaged_image_names_archive_and_member(archive: str, transform: str) -> None:
    key = fastinet.open(archive).keys[0].rpartition("/")[2].encode()
    data = bytearray(Path(archive).read_bytes())
    start = data.index(b"\xff\xd8", data.index(key))
    data[start : start + 64] = bytes(64)
    Path(archive).write_bytes(data)
    result = CliRunner().invoke(main, ["show", archive, "-n", "8", "--transform", transform])
    assert result.exit_code == 2
    assert archive in result.stderr
    assert key.decode() in result.stderr
    assert f"byte {start}: " in result.stderr  # of the archive


@pytest.mark.parametrize("command", ["index", "info", "bench", "show"])
def test_names_are_printed_as_they_are(command: str, tmp_path: Path) -> None:
    """Brackets are not markup, and bytes that are no UTF-8 reach a strict terminal visibly."""
    image = small_jpeg(np.random.default_rng(0))
    members = {
        "[/b]/n01440764/[red]caf\udce9.JPEG": image,
        "[/b]/n01440764/[/x].txt\udcff": b"not an image",
    }
    archive = tmp_path / "[" / "b]train[red].tar"
    archive.parent.mkdir()
    archive.write_bytes(tar(members))
    options = {
        "bench": ["--threads", "1", "--seconds", "0.1"],
        "show": ["-o", str(tmp_path / "[" / "b].png")],
    }
    process = subprocess.run(
        [sys.executable, "-m", "fastinet", command, str(archive), *options.get(command, [])],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "utf-8:strict", "COLUMNS": "500"},
    )
    assert process.returncode == 0, process.stderr
    assert "[/b]/n01440764/[/x].txt\\udcff" in process.stderr
    expected = {
        "index": str(archive),
        "info": "[/b]/n01440764/[red]caf\\udce9.JPEG",
        "bench": "images/s",
        "show": str(tmp_path / "[" / "b].png"),
    }
    assert expected[command] in process.stdout


def test_info_takes_damaged_headers(tmp_path: Path) -> None:
    """A header cut anywhere, without its tables, or of an absurd size ends no command."""
    image = small_jpeg(np.random.default_rng(0))
    members = {f"n01440764_{cut}.JPEG": image[:cut] for cut in range(0, 700, 7)}
    members["n01440764_no_table.JPEG"] = image.replace(
        b"\xff\xdb\x00\x43\x00", b"\xff\xdb\x00\x43\x03"
    )
    frame = image.index(b"\xff\xc0")
    huge = image[: frame + 5] + b"\xff" * 4 + image[frame + 9 :]
    members["n01440764_huge.JPEG"] = huge
    archive = tmp_path / "n01440764.tar"
    archive.write_bytes(tar(members))
    mix = run_json("info", str(archive))["sample"]
    assert mix["images"] == len(members)
    assert mix["format"]["unknown"] > 0.3
    assert sum(mix["format"].values()) == pytest.approx(1)


def test_info_reads_no_headers_when_told_so(archive: str) -> None:
    assert run_json("info", archive, "--sample", "0")["sample"] == {"images": 0}
    assert "The headers of" not in run("info", archive, "--sample", "0").stdout
    assert CliRunner().invoke(main, ["info", archive, "--sample", "-1"]).exit_code == 2


def test_an_index_that_is_there_needs_no_progress_bar(archive: str) -> None:
    assert "indexing" in run("index", archive).stderr
    assert run("index", archive).stderr == ""


@pytest.mark.parametrize("in_a_lock", [False, True])
def test_ctrl_c_is_one_word(
    archive: str, monkeypatch: pytest.MonkeyPatch, *, in_a_lock: bool
) -> None:
    """Also where threading.Condition.wait has just opened its lock and was not yet to close it."""

    def interrupted(*_: object, **__: object) -> None:
        lock = threading.RLock()
        with lock:
            if in_a_lock:
                lock.release()
            raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["fastinet.cli.bench"], "measure", interrupted)
    result = CliRunner().invoke(main, ["bench", archive])
    assert result.exit_code == 1
    assert result.stderr.endswith("Aborted!\n")
    assert isinstance(result.exception, SystemExit)


def test_the_module_is_the_command(archive: str) -> None:
    for arguments, code in ((["index", archive, "--json"], 0), (["index", "nowhere.tar"], 2)):
        process = subprocess.run(
            [sys.executable, "-m", "fastinet", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        assert process.returncode == code, process.stderr
        assert "Traceback" not in process.stderr


# ------------------------------------------------------------------------------ contact sheets


def test_contact_sheet_places_pictures_row_by_row() -> None:
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255)]
    images = [np.full((40, 80, 3), colour, np.uint8) for colour in colours]
    sheet = np.asarray(contact_sheet(images, [("a",), ("b",), ("c",)], columns=2, cell=80))
    for colour, (row, column) in zip(colours, [(0, 0), (0, 1), (1, 0)], strict=True):
        where = np.argwhere((sheet == colour).all(axis=-1))
        assert len(where) == 40 * 80
        assert (where.min(axis=0) // (sheet.shape[0] // 2, sheet.shape[1] // 2)).tolist() == [
            row,
            column,
        ]


def test_contact_sheet_cuts_long_captions_short() -> None:
    image = np.zeros((10, 10, 3), np.uint8)
    short = contact_sheet([image], [("tench",)], cell=60)
    long = contact_sheet([image], [("tench " * 30,)], cell=60)
    assert long.size == short.size
    margin = np.asarray(long)[:, -10:]
    assert (margin == margin[0, 0]).all()


@pytest.mark.parametrize(("images", "captions"), [(0, 0), (2, 1)])
def test_contact_sheet_needs_a_caption_for_each_image(images: int, captions: int) -> None:
    with pytest.raises(ValueError, match="a caption for each"):
        contact_sheet([np.zeros((2, 2, 3), np.uint8)] * images, [("x",)] * captions)


# ------------------------------------------------------------------------------------ shards


@pytest.fixture
def shards(tmp_path: Path) -> str:
    return write_shards(tmp_path / "shards", shards=3, images=9, classes=4)


def test_a_pattern_stands_for_an_archive(shards: str, tmp_path: Path) -> None:
    facts = run_json("index", shards, "--checkpoints")
    assert (facts["items"], facts["classes"], facts["checkpointed_items"]) == (9, 4, 9)
    assert Path(facts["index"]).parent == Path(shards).parent
    facts = run_json("info", shards)
    assert (facts["archive"], facts["family"], facts["split"]) == (shards, "webdataset", "train")
    assert facts["first_classes"] == ["0", "1", "2", "3"]
    assert "9 in 4 classes" in run("info", shards).stdout
    sheet = tmp_path / "sheet.png"
    assert "4 images" in run("show", shards, "-n", "4", "-o", str(sheet)).stdout
    with Image.open(sheet) as image:
        assert image.width > 0
    results = run_json("bench", shards, "--threads", "1", "--seconds", "0.1")["results"]
    assert {result["pipeline"] for result in results} == {"read", "decode", "train", "val"}


def test_patterns_that_the_command_line_refuses(shards: str) -> None:
    result = CliRunner().invoke(main, ["info", shards.replace("}", "")])
    assert result.exit_code == 2
    assert "do not match" in result.stderr
    Path(shards.replace("{0000..0002}", "0001")).unlink()
    result = CliRunner().invoke(main, ["info", shards])
    assert result.exit_code == 2
    assert "1 of 3 shards are missing: train-0001.tar" in result.stderr.replace("\n", " ")
