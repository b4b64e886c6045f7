"""Which published archive something is a copy of."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.verified import Classes, kinds

import fastinet
from fastinet.testing.archives import train_tar

pytestmark = pytest.mark.usefixtures("own_cache")


def test_another_archive_under_the_name_is_a_wrong_file(tmp_path: Path, classes: Classes) -> None:
    path = tmp_path / "ILSVRC2012_img_val.tar"
    path.write_bytes(train_tar(classes))
    report = fastinet.verify(path)
    assert kinds(report)[0] == "wrong file"
    assert "ILSVRC2012_img_val.tar" in report.errors[0].message
    assert "'train'" in report.errors[0].message
