"""The C++ core without Python: installed, found by another program, and with the same pixels."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.comparing import jpeg, picture, rng_of

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


@pytest.fixture(scope="module")
def training_crop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The example, built against an installed core."""
    prefix, build = tmp_path_factory.mktemp("prefix"), tmp_path_factory.mktemp("build")
    run("cmake", "--install", BUILT, "--component", "cpp", "--prefix", prefix)
    source = ROOT / "examples" / "cpp"
    run("cmake", "-G", "Ninja", "-S", source, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", build)
    return build / "training_crop"


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
        "project(other LANGUAGES CXX)\n"
        f"add_subdirectory({ROOT}/csrc fastinet)\n"
        f"add_library(user OBJECT {ROOT}/examples/cpp/training_crop.cc)\n"
        "target_link_libraries(user PRIVATE fastinet::fastinet)\n"
    )
    build = tmp_path / "build"
    run("cmake", "-G", "Ninja", "-S", tmp_path, "-B", build)
    run("cmake", "--build", build, "--target", "user")
    assert list(build.rglob("training_crop.cc.o"))
    assert "libfastinet.a" in run("ninja", "-C", build, "-t", "targets", "all")


def test_what_is_installed_is_no_test(training_crop: Path) -> None:
    del training_crop  # it has installed
    assert not [
        line
        for line in (BUILT / "install_manifest_cpp.txt").read_text().splitlines()
        if "/bindings/" in line or "/fuzz/" in line or "/test_" in line
    ]
