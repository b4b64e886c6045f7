"""How names of files are shown: in one line, whatever is in them.

A name may have a line break, an escape sequence that a terminal obeys, a mark that turns the rest
of the line around, or bytes that are no UTF-8, which Python keeps as surrogates and cannot print.
Every message, warning and line of the command line goes through here on its way out; keys and
attributes of errors stay what they are.
"""

from __future__ import annotations

import re
from typing import Final

__all__ = ["printable"]

# C0 and C1 controls (Unicode, category Cc), line and paragraph separators (Zl, Zp), marks that set
# the direction of text (UAX 9, section 2), and surrogates.
_NOT_SHOWN: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def printable(text: str) -> str:
    r"""`text` in one line: what would break it, or cannot be printed, as "\n", "\x1b", "\udcff"."""
    return _NOT_SHOWN.sub(lambda found: found[0].encode("unicode_escape").decode("ascii"), text)
