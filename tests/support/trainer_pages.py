"""The programs of docs/trainers/: run whole, and killed in the middle and run again."""

from __future__ import annotations

from pathlib import Path

from support.markdown_pages import read_page

__all__ = ["Killed", "printed", "program"]

PAGES = Path(__file__).resolve().parents[2] / "docs" / "trainers"
SHORTER = {"224": "16", "256": "8"}


class Killed(BaseException):
    """Ends a program where a power cut would."""


def program(page: str) -> str:
    """The page's Python, with smaller batches of smaller images."""
    text = "\n".join(block.text for block in read_page(PAGES / page).python())
    for long, short in SHORTER.items():
        assert long in text, f"no {long} any more"
        text = text.replace(long, short)
    return text


def printed(text: str, most: int | None = None) -> list[str]:
    """What a program prints, in the working directory; after `most` lines it is killed."""
    lines: list[str] = []

    def note(*words: object) -> None:
        if len(lines) == most:
            raise Killed
        lines.append(" ".join(map(str, words)))

    try:
        exec(compile(text, "the page", "exec"), {"print": note})  # noqa: S102
    except Killed:
        assert len(lines) == most
    else:
        assert most is None, "it came to its end"
    return lines
