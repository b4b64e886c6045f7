"""What the tests of verification share: a miniature train archive."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.verified import Classes, published_train, some_classes

from fastinet.datasets.published import PublishedArchive
from fastinet.testing.archives import train_tar


@pytest.fixture
def classes() -> Classes:
    return some_classes()


@pytest.fixture
def train(tmp_path: Path, classes: Classes) -> tuple[Path, list[PublishedArchive]]:
    """A sound archive and what is published of it."""
    content = train_tar(classes, record_bytes=10_240)
    path = tmp_path / "train.tar"
    path.write_bytes(content)
    return path, published_train(content)
