"""asyncio: the page's program, to its end and to its time limit. `test_awaiting` has the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.trainer_pages import printed, program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("limit", "expected"), [("60", []), ("0", ["stopped at 0"])])
def test_the_program_of_the_page_runs(
    archive_path: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limit: str,
    expected: list[str],
) -> None:
    (tmp_path / "ILSVRC2012_img_train.tar").write_bytes(archive_path.read_bytes())
    monkeypatch.chdir(tmp_path)
    text = program("asyncio.md")
    assert "60)" in text
    assert printed(text.replace("60)", f"{limit})")) == expected
