"""The C++ core without Python: installed, found by another program, and with the same pixels."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.comparing import jpeg, picture, rng_of
from support.markdown_pages import read_page

import fastinet
from fastinet.testing.archives import train_tar

ROOT = Path(__file__).resolve().parents[2]
BUILT = ROOT / "build" / "release"
SEED, EPOCH, ITEMS = 7, 2, 5

pytestmark = pytest.mark.skipif(
    not (BUILT / "libfastinet.a").exists(), reason="needs the core that `make build` compiles"
)


def run(*command: str | Path) -> str:
    """Runs a program of this Python's environment, or of the system's, without a sanitizer."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    program = shutil.which(command[0], path=path)
    assert program is not None, f"{command[0]} is not there"
    environment = {**os.environ, "PATH": path}
    environment.pop("LD_PRELOAD", None)
    done = subprocess.run(
        [program, *command[1:]], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples and the programs of docs/cpp.md, built against an installed core."""
    prefix, build = tmp_path_factory.mktemp("prefix"), tmp_path_factory.mktemp("build")
    run("cmake", "--install", BUILT, "--component", "cpp", "--prefix", prefix)
    source = tmp_path_factory.mktemp("source")
    page = read_page(ROOT / "docs" / "cpp.md")
    for language, suffix in (("cpp", "cc"), ("c", "c")):
        (block,) = [block for block in page.blocks if block.language == language]
        (source / f"documented.{suffix}").write_text(block.text)
    (source / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.21)\n"
        "project(all LANGUAGES C CXX)\n"
        f"add_subdirectory({ROOT}/examples/cpp cpp)\n"
        f"add_subdirectory({ROOT}/examples/c c)\n"
        "find_package(fastinet REQUIRED)\n"
        "add_executable(documented_cpp documented.cc)\n"
        "add_executable(documented_c documented.c)\n"
        "set_target_properties(documented_c PROPERTIES C_STANDARD 99 C_EXTENSIONS OFF)\n"
        "target_link_libraries(documented_cpp PRIVATE fastinet::fastinet)\n"
        "target_link_libraries(documented_c PRIVATE fastinet::fastinet)\n"
    )
    run("cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", build)
    return build


@pytest.fixture(scope="module")
def training_crop(built: Path) -> Path:
    return built / "cpp" / "training_crop"


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive of a few small photographs in two classes, with its index."""
    rng = rng_of("epoch")
    wnids = ["n01440764"] * 4 + ["n01443537"] * 3
    classes: dict[str, dict[str, bytes]] = {}
    for number, wnid in enumerate(wnids):
        image = jpeg(picture(rng, 60 + 5 * number, 70 - 3 * number))
        classes.setdefault(wnid, {})[f"{wnid}_{number}.JPEG"] = image
    path = tmp_path_factory.mktemp("archive") / "train.tar"
    path.write_bytes(train_tar(classes))
    fastinet.open(path)
    return path


def test_rows_are_those_of_the_loader(training_crop: Path, tmp_path: Path) -> None:
    rng = rng_of("training_crop")
    images = [jpeg(picture(rng, 300 + 40 * i, 350 - 30 * i)) for i in range(ITEMS)]
    members = {f"n01440764_{i}.JPEG": data for i, data in enumerate(images)}
    archive = tmp_path / "train.tar"
    archive.write_bytes(train_tar({"n01440764": members}))
    crop = fastinet.RandomResizedCrop(224)
    loader = fastinet.Loader(fastinet.open(archive), ITEMS, crop, shuffle=False, seed=SEED)
    (batch,) = loader.epoch(EPOCH)
    for item, data in enumerate(images):
        (tmp_path / "image.jpg").write_bytes(data)
        numbers = map(str, (SEED, EPOCH, item))
        answer = run(training_crop, tmp_path / "image.jpg", tmp_path / "row.ppm", *numbers)
        *box, flip = map(int, answer.split())
        header, pixels = (tmp_path / "row.ppm").read_bytes().split(b"255\n", 1)
        assert header == b"P6\n224 224\n"
        row = np.frombuffer(pixels, np.uint8).reshape(224, 224, 3)
        assert np.array_equal(row, fastinet.decode(data, box, 224, bool(flip)))
        assert batch.boxes[item].tolist() == box
        assert np.array_equal(row, batch.images[item])


def test_epochs_are_those_of_the_loader_and_go_on_from_its_states(
    built: Path, archive: Path, tmp_path: Path
) -> None:
    """C++ begins, Python goes on in the middle of an epoch, and C++ after that: one loop."""
    loader = fastinet.Loader(
        fastinet.open(archive), 2, fastinet.RandomResizedCrop(24), shuffle=True, seed=SEED
    )
    expected = [
        [str(epoch), str(len(batch)), md5(batch.images.tobytes())]
        + [str(label) for label in batch.labels]
        for epoch in range(3)
        for batch in loader.epoch(epoch)
    ]
    state = tmp_path / "state.json"

    def take(batches: int) -> list[list[str]]:
        numbers = map(str, (batches, 2, 24, SEED))
        output = run(built / "cpp" / "epoch", archive, state, *numbers)
        return [line.split() for line in output.splitlines()]

    assert take(6) == expected[:6]
    assert json.loads(state.read_text())["position"] == 4
    loader.load_state_dict(json.loads(state.read_text()))
    rest = [batch.images.tobytes() for batch in loader]
    assert [md5(each) for each in rest] == [line[2] for line in expected[6:8]]
    state.write_text(json.dumps(loader.state_dict()))
    assert take(4) == expected[8:]
    assert json.loads(state.read_text()) == {**loader.state_dict(), "epoch": 2, "position": 7}


def test_an_epoch_that_cannot_begin_says_why(built: Path, archive: Path, tmp_path: Path) -> None:
    def message(path: Path, state: str) -> str:
        (tmp_path / "state").write_text(state)
        command = [built / "cpp" / "epoch", path, tmp_path / "state", "1"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        return done.stderr

    assert "no such file" in message(tmp_path / "train.tar", "{}")
    assert "no JSON" in message(archive, "{")
    state = fastinet.Loader(fastinet.open(archive), 2, fastinet.Resize(8)).state_dict()
    assert "not shuffled" in message(archive, json.dumps(state))
    assert "is of 8 items" in message(archive, json.dumps({**state, "items": 8}))


def test_c_decodes_what_python_decodes(built: Path, tmp_path: Path) -> None:
    data = jpeg(picture(rng_of("decode.c"), 90, 120))
    (tmp_path / "image.jpg").write_bytes(data)
    for box in ([], [10, 20, 60, 50]):
        program = built / "c" / "decode"
        run(program, tmp_path / "image.jpg", tmp_path / "row.ppm", "32", *map(str, box))
        header, pixels = (tmp_path / "row.ppm").read_bytes().split(b"255\n", 1)
        assert header == b"P6\n32 32\n"
        row = np.frombuffer(pixels, np.uint8).reshape(32, 32, 3)
        assert np.array_equal(row, fastinet.decode(data, box or None, 32))


def test_the_programs_of_the_page_run(built: Path, archive: Path) -> None:
    """Both print what the loader of the page gives, and that is the same."""
    loader = fastinet.Loader(
        fastinet.open(archive), 256, fastinet.RandomResizedCrop(224), shuffle=True
    )
    (batch,) = loader
    first = f"epoch 0: 7 rows, first label {batch.labels[0]}, first byte {batch.images.flat[0]}"
    for program in ("documented_cpp", "documented_c"):
        output = run(built / program, archive)
        assert output.splitlines()[0] == first, program
        assert len(output.splitlines()) == 2


def test_errors_say_what_is_wrong(training_crop: Path, tmp_path: Path) -> None:
    (tmp_path / "image.jpg").write_bytes(b"no image")
    command = [training_crop, tmp_path / "image.jpg", tmp_path / "row.ppm"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "image.jpg: " in done.stderr
    assert not (tmp_path / "row.ppm").exists()


@pytest.mark.parametrize("numbers", [["x"], ["1", "-1"], ["1", "2", "3x"], ["1", "4294967296"]])
def test_numbers_that_are_none_are_refused(
    training_crop: Path, tmp_path: Path, numbers: list[str]
) -> None:
    command = [training_crop, tmp_path / "image.jpg", tmp_path / "row.ppm", *numbers]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "whole numbers" in done.stderr


def test_a_source_tree_is_a_package_too(tmp_path: Path) -> None:
    """`add_subdirectory` gives the target that `find_package` gives; one file of it is compiled."""
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.21)\n"
        "project(other LANGUAGES C CXX)\n"
        f"add_subdirectory({ROOT}/csrc fastinet)\n"
        f"add_library(user OBJECT {ROOT}/examples/c/decode.c)\n"
        "target_link_libraries(user PRIVATE fastinet::fastinet)\n"
    )
    build = tmp_path / "build"
    run("cmake", "-G", "Ninja", "-S", tmp_path, "-B", build)
    run("cmake", "--build", build, "--target", "user")
    assert list(build.rglob("decode.c.o"))
    assert "libfastinet.a" in run("ninja", "-C", build, "-t", "targets", "all")


def test_what_is_installed_is_no_test(training_crop: Path) -> None:
    del training_crop  # it has installed
    assert not [
        line
        for line in (BUILT / "install_manifest_cpp.txt").read_text().splitlines()
        if "/bindings/" in line or "/fuzz/" in line or "/test_" in line
    ]
