"""fastinet demo: it makes its archive once, and its figures are those of the loader."""

from __future__ import annotations

import collections
import importlib
import sys
from pathlib import Path

import pytest
from PIL import Image
from support.commands import run, run_json

import fastinet
from fastinet.cli.measure import Measurement
from fastinet.loading.stats import from_snapshot

# The command of the same name hides it in the package.
demo = importlib.import_module("fastinet.cli.demo")

SECOND = 1_000_000_000
STAGES = {
    "read_ns": SECOND,
    "header_ns": 0,
    "decode_ns": 4 * SECOND,
    "render_ns": 5 * SECOND,
    **dict.fromkeys(
        ("entropy_ns", "idct_ns", "colour_ns", "startup_ns", "waiting_ns", "busy_ns"), 0
    ),
}

pytestmark = pytest.mark.usefixtures("own_cache")


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


def test_shares_of_a_threads_time() -> None:
    stats = from_snapshot(
        collections.defaultdict(
            int, {"items": 4, "failures": {}, "regions": {}, "fallbacks": {}, **STAGES}
        ),
        ready=0,
        prefetch=2,
        threads=1,
        slots=0,
        extra=0,
    )
    assert demo._stages(stats) == [
        ("read", 250.0, 0.1),
        ("header", 0.0, 0.0),
        ("decode", 1000.0, 0.4),
        ("render", 1250.0, 0.5),
    ]


def test_speed_is_told_as_a_multiple_of_the_baseline() -> None:
    ours = Measurement(images=300, bytes=30_000_000, seconds=2.0, cpu_seconds=3.0)
    theirs = Measurement(images=50, bytes=5_000_000, seconds=1.0, cpu_seconds=1.0)
    assert demo._row("ours", ours, theirs) == ("ours", "150", "10.00", "15", "3.0 x")
    assert demo._row("theirs", theirs, theirs)[-1] == "1.0 x"


def test_the_archive_is_made_once(own_cache: Path) -> None:
    made = demo._make_archive(40, 0)
    stamp = made.stat().st_mtime_ns
    assert demo._make_archive(40, 0) == made
    assert made.stat().st_mtime_ns == stamp
    assert own_cache in made.parents
    assert len(fastinet.open(made, index=False)) == 40


def test_what_next_is_what_this_shell_would_find(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for argument, program in (("/x/__main__.py", "python -m fastinet"), ("/a b/f", "'/a b/f'")):
        monkeypatch.setattr(sys, "argv", [argument])
        demo._say_what_next()
        said = capsys.readouterr().out
        assert f"  {program} info ILSVRC2012_img_train.tar\n" in said
        assert "uint8 [256, 224, 224, 3]" in said
