"""What lies at a path, and what is said where the system does not tell."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from fastinet.base.paths import exists, file_bytes, is_file, is_folder
from fastinet.errors import MissingError, ReadError


def test_what_is_there(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"12345")
    (tmp_path / "loop").symlink_to("loop")
    told = {
        path.name: (exists(path), is_file(path), is_folder(path))
        for path in (
            file,
            tmp_path,
            tmp_path / "nothing",
            tmp_path / "loop",
            file / "below",
            tmp_path / "zero\0byte",
        )
    }
    assert told == {
        "file": (True, True, False),
        tmp_path.name: (True, False, True),
        **dict.fromkeys(("nothing", "loop", "below", "zero\0byte"), (False, False, False)),
    }
    assert file_bytes(file) == 5
    with pytest.raises(MissingError, match=r"nothing': no such file"):
        file_bytes(tmp_path / "nothing")


@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES, errno.ESTALE])
@pytest.mark.parametrize("ask", [exists, is_file, is_folder, file_bytes])
def test_a_disk_that_does_not_tell(
    ask: object, error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: object, **_: object) -> os.stat_result:
        raise OSError(error, os.strerror(error), str(path))

    monkeypatch.setattr(Path, "stat", fail)
    with pytest.raises(ReadError, match=rf"train\.tar': cannot be read: {os.strerror(error)}"):
        ask(tmp_path / "train.tar")  # type: ignore[operator]
