"""What a Markdown page holds, for the tests of the documentation: code, commands, links."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

__all__ = ["Block", "Page", "Snippet", "command_lines", "programs", "read_page"]


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        heading: the one that it stands under.
        language: "python", or "" where it does not say.
        text: its lines, as they stand there.
        line: of the page on which its text begins.
    """

    heading: str
    language: str
    text: str
    line: int


@dataclass(frozen=True)
class Snippet:
    """Code within text, or the target of a link, and the line where its paragraph begins."""

    text: str
    line: int


@dataclass
class Page:
    """A page, taken apart.

    Attributes:
        path: of the file.
        lines: all of its lines.
        blocks: its blocks of code.
        snippets: its code within text.
        links: targets of links and images.
        anchors: what links can point to, as GitHub makes it of headings.
    """

    path: Path
    lines: list[str]
    blocks: list[Block] = field(default_factory=list)
    snippets: list[Snippet] = field(default_factory=list)
    links: list[Snippet] = field(default_factory=list)
    anchors: list[str] = field(default_factory=list)

    def python(self) -> list[Block]:
        """The blocks of Python."""
        return [block for block in self.blocks if block.language == "python"]


def read_page(path: Path) -> Page:
    """Reads and takes apart a Markdown file."""
    text = path.read_text(encoding="utf-8")
    page = Page(path, text.splitlines())
    heading, in_heading = "", False
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        first = token.map[0] + 1 if token.map else 0
        if token.type in {"heading_open", "heading_close"}:
            in_heading = token.type == "heading_open"
        elif token.type == "fence":
            page.blocks.append(Block(heading, token.info.strip(), token.content, first + 1))
        elif token.type == "code_block":
            page.blocks.append(Block(heading, "", token.content, first))
        elif token.type == "inline":
            if in_heading:
                heading = "".join(child.content for child in token.children or ())
                page.anchors.append(_anchor(heading, page.anchors))
            _take_inline(page, token.children or [], first)
    return page


def _take_inline(page: Page, tokens: list[Token], line: int) -> None:
    for token in tokens:
        if token.type == "code_inline":
            page.snippets.append(Snippet(token.content, line))
        elif token.type == "link_open":
            page.links.append(Snippet(str(token.attrs["href"]), line))
        elif token.type == "image":
            page.links.append(Snippet(str(token.attrs["src"]), line))


def _anchor(heading: str, before: list[str]) -> str:
    """GitHub's rule: letters, digits, hyphens and underscores stay, blanks become hyphens."""
    plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    again = sum(re.fullmatch(rf"{re.escape(plain)}(-\d+)?", other) is not None for other in before)
    return f"{plain}-{again}" if again else plain


def command_lines(page: Page, *, in_text: bool = True) -> Iterator[Snippet]:
    """What one would type: lines of blocks that are no Python, and, if wanted, code in the text."""
    for block in page.blocks:
        if block.language in {"", "sh"}:
            for number, line in enumerate(block.text.replace("\\\n", " \0").splitlines()):
                yield Snippet(line.replace("\0", ""), block.line + number)
    if in_text:
        yield from page.snippets


def programs(line: str) -> Iterator[list[str]]:
    """The programs of a command line with their arguments: "a x | B=1 b y" is [a, x], [b, y]."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # a quote without its other half: no command
        return
    program: list[str] = []
    for word in [*words, "|"]:
        if word in {"|", ";", "&&", "do", "done;"}:
            if program:
                yield program
            program = []
        elif program or not re.match(r"[A-Z_]+=", word):
            program.append(word)
