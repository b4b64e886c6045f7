"""Text files of numbers, line by line: ground truths, blacklists, predictions."""

from __future__ import annotations

import re

from fastinet.errors import CorruptError

__all__ = ["number_lines", "one_per_line", "text_lines", "text_rows"]

_WHOLE_NUMBER = re.compile(r"-?[0-9]{1,18}")  # 18 digits always fit an int64


def text_lines(data: bytes, name: str) -> list[list[str]]:
    """The words of every line of a file called ``name``; a byte order mark is passed over.

    White space separates them or, in a line that has some, commas: then there may be empty words,
    but for those at the line's end, which are what spreadsheets fill shorter lines up with.

    Raises:
        CorruptError: it is no text.
    """
    return [_words(line) for line in text_rows(data, name)]


def text_rows(data: bytes, name: str) -> list[str]:
    """The lines of a file called ``name``, without the white space around.

    A byte order mark is passed over.

    Raises:
        CorruptError: it is no text.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CorruptError(f"'{name}' is no text: byte {error.start} is not UTF-8") from None
    return [line.strip() for line in text.splitlines()]


def _words(line: str) -> list[str]:
    if "," not in line:
        return line.split()
    words = [word.strip() for word in line.split(",")]
    while words and not words[-1]:
        words.pop()
    return words


def number_lines(data: bytes, name: str) -> list[list[int]]:
    """The whole numbers of every line, separated by white space.

    Raises:
        CorruptError: something is no whole number; it names file and line.
    """
    lines = text_lines(data, name)
    for number, words in enumerate(lines, start=1):
        for word in words:
            if not _WHOLE_NUMBER.fullmatch(word):
                raise CorruptError(f"'{name}', line {number}: {word[:40]!r} is no whole number")
    return [[int(word) for word in words] for words in lines]


def one_per_line(data: bytes, name: str) -> list[int]:
    """The numbers of a file with exactly one in each line.

    Raises:
        CorruptError: a line has none or several, or something is no whole number.
    """
    lines = number_lines(data, name)
    for number, values in enumerate(lines, start=1):
        if len(values) != 1:
            raise CorruptError(
                f"'{name}', line {number}: one number expected, there are {len(values)}"
            )
    return [value for (value,) in lines]
