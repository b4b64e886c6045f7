"""Labels in the files beside an image that have its name: WebDataset's ``.cls`` and ``.json``."""

from __future__ import annotations

import json

__all__ = ["label_of"]

_LABEL_KEYS = ("label", "cls")


def label_of(content: bytes, extension: str) -> int:
    """The label in the content of a ``.cls`` or ``.json`` member.

    Raises:
        ValueError: there is none; the message says what there is.
    """
    value: object = content
    if extension == "json":
        try:
            fields = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"it is no JSON: {error}") from None
        found = [fields[key] for key in _LABEL_KEYS if isinstance(fields, dict) and key in fields]
        if not found:
            raise ValueError(f"it is no object with {' or '.join(map(repr, _LABEL_KEYS))}")
        value = found[0]
    if isinstance(value, bytes):
        text = value.strip()
        if not text.isdigit() or len(text) > 18:
            raise ValueError(f"a decimal number expected, got {text[:40]!r}")
        return int(text)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise ValueError(f"a label is a whole number from 0 on, not {value!r}")
    return value
