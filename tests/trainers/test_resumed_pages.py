"""The programs of the pages on Flax and MLX, killed in the middle of an epoch and gone on with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.trainer_pages import printed, program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("page", "needs"), [("jax.md", ("flax", "optax")), ("mlx.md", ("mlx.core",))]
)
def test_killed_and_resumed_it_has_the_losses_of_the_whole_run(
    page: str,
    needs: tuple[str, ...],
    archive_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in needs:
        pytest.importorskip(module, exc_type=ImportError)
    text = program(page)
    runs = {name: tmp_path / name for name in ("whole", "killed")}
    for folder in runs.values():
        folder.mkdir()
        (folder / "ILSVRC2012_img_train.tar").write_bytes(archive_path.read_bytes())
    monkeypatch.chdir(runs["whole"])
    whole = printed(text)
    assert len(whole) == 2 * (43 // 8)
    assert len({line.split()[1] for line in whole}) == len(whole), "a loss tells its step"
    monkeypatch.chdir(runs["killed"])
    before = printed(text, most=7)
    assert before == whole[:7]
    assert printed(text) == whole[7:]
