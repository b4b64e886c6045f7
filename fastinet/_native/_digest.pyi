"""MD5 that can be interrupted: hashlib's state cannot be kept, a pass over a terabyte must be."""

from typing_extensions import Buffer

class Md5:
    """MD5 of bytes that come piece by piece.

    Args:
        state: of another Md5, to go on from there.

    Raises:
        ValueError: `state` is none.
    """

    def __init__(self, state: bytes | None = None) -> None: ...
    def update(self, data: Buffer) -> None:
        """Takes in contiguous bytes, with the GIL released. One thread at a time."""
    def hexdigest(self) -> str:
        """The digest of all bytes so far, in hexadecimal digits; more may follow."""
    def state(self) -> bytes:
        """What another Md5 goes on from: less than 100 bytes."""
