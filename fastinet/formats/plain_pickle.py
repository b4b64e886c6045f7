"""Reads pickles that hold data, and cannot run what they say: an interpreter of a few opcodes.

A pickle is a program for a stack machine. The standard unpickler looks up any name that the program
gives and calls it, which is how a pickle runs code, and it hashes, compares and allocates as it is
told. Here the machine knows only the opcodes that write down plain values (:mod:`pickletools`
describes them all), and a name is a key in a table that the caller brings: a name outside the table
is an :class:`~fastinet.errors.UnsupportedError`, and nothing is ever imported.

==================  ===============================================================================
values              None, bool, int, float, str, bytes, list, tuple, dict, set, and what the table
                    makes
keys, set elements  None, bool, int, float, str, bytes: a tuple of tuples that share their parts
                    takes for ever to hash
REDUCE              calls an entry of the table with its arguments
BUILD               hands the state to a :class:`Stateful` of the table; a dictionary passes over
                    it, since attributes (of an OrderedDict) are no data
memory              grows with the pickle's own bytes only; values that contain themselves, nest
                    deeply or unfold to a vastly larger structure are refused
==================  ===============================================================================
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from fastinet.errors import CorruptError, FastinetError, TooLargeError, UnsupportedError

__all__ = ["KEY_TYPES", "Globals", "Stateful", "Token", "read_plain_pickle"]

Globals = Mapping[tuple[str, str], Any]
"""What (module, name) stands for: a callable for REDUCE, or a Token."""

_MOST_DEPTH = 64
_MOST_GROWTH = 4  # bytes and elements that calls make, for each byte of the file
_MOST_VALUES = 1 << 26  # when every shared value is counted wherever it appears
_HIGHEST_PROTOCOL = 5

KEY_TYPES = (type(None), bool, int, float, str, bytes)
"""What may be a key or an element of a set."""


class Token:
    """Stands for a name that a pickle gives as an argument, such as a class.

    A pickle whose value holds one is refused: it is no data.
    """


class Stateful:
    """What a callable of the table returns when only the state makes its value.

    A pickle hands the state over later, by the opcode BUILD.
    """

    def finished(self, state: Any) -> Any:
        """The value. Raises TypeError or ValueError for a state that makes no sense."""
        raise NotImplementedError


def read_plain_pickle(
    data: bytes,
    position: int = 0,
    *,
    globals: Globals,  # noqa: A002  # as pickle calls them
    persistent: Callable[[Any], Any] | None = None,
    name: str = "a pickle",
) -> tuple[Any, int]:
    """The value of the pickle that begins at ``position``, and the position behind it.

    Args:
        data: a file that holds the pickle.
        position: of its first byte.
        globals: what names stand for.
        persistent: gives the value for a persistent id (BINPERSID). Without it there are none.
        name: what messages call the file.

    Raises:
        CorruptError: the pickle is truncated or makes no sense; names the byte.
        UnsupportedError: it uses a name, an opcode or a key that is no plain data.
        TooLargeError: its value contains itself, or unfolds to too many values.
    """
    machine = _Machine(data, position, globals, persistent, name)
    value = machine.run()
    _check_extent(value, name)
    return value, machine.position


class _Called(Token):
    """A callable of the table, on the stack until REDUCE calls it; no value may hold one."""

    def __init__(self, module: str, name: str, function: Callable[..., Any]) -> None:
        self.name = f"{module}.{name}"
        self.function = function


class _Later(Token):
    """Stands for a Stateful on the stack and in the memo, until BUILD brings its value."""

    def __init__(self, stateful: Stateful) -> None:
        self.stateful = stateful
        self.value: Any = self


class _Machine:
    """One run of the stack machine."""

    def __init__(
        self,
        data: bytes,
        position: int,
        table: Globals,
        persistent: Callable[[Any], Any] | None,
        name: str,
    ) -> None:
        self.data = data
        self.position = position
        self.name = name
        self._globals = table
        self._persistent = persistent
        self._stack: list[Any] = []
        self._marks: list[int] = []
        self.memo: dict[int, Any] = {}
        self._made = 0  # bytes and elements, by calls
        self._at = position  # of the opcode in hand

    def run(self) -> Any:
        """Follows the opcodes up to STOP; the value that is left."""
        while True:
            self._at = self.position
            opcode = self.take(1)[0]
            if opcode == _STOP:
                break
            operation = _OPERATIONS.get(opcode)
            if operation is None:
                raise UnsupportedError(
                    f"a pickle with opcode {_opcode_name(opcode)}, which plain data has no need of",
                    member=self.name,
                    offset=self._at,
                )
            operation(self)
        value = self.pop()
        if self._stack or self._marks:
            self.corrupt("it ends with values left over")
        return value

    # Bytes of the program.

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise CorruptError(
                "truncated: a pickle goes on beyond the end", member=self.name, offset=self._at
            )
        taken = self.data[self.position : end]
        self.position = end
        return taken

    def skip(self, count: int) -> None:
        """Passes over bytes."""
        self.take(count)

    def number(self, format: str) -> Any:  # noqa: A002  # as struct calls it
        return struct.unpack(format, self.take(struct.calcsize(format)))[0]

    def line(self) -> str:
        end = self.data.find(b"\n", self.position)
        if end < 0:
            self.corrupt("truncated: a name goes on beyond the end")
        line = self.take(end - self.position)
        self.position += 1
        return self.decoded(line)

    def decoded(self, text: bytes) -> str:
        try:
            return text.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            self.corrupt("a text is no UTF-8")

    def corrupt(self, cause: str) -> NoReturn:
        raise CorruptError(f"a damaged pickle: {cause}", member=self.name, offset=self._at)

    # The stack.

    def push(self, value: Any) -> None:
        self._stack.append(value)

    def pop(self) -> Any:
        if len(self._stack) <= (self._marks[-1] if self._marks else 0):
            self.corrupt("it takes a value that is not there")
        return self._stack.pop()

    def top(self) -> Any:
        value = self.pop()
        self.push(value)
        return value

    def pop_mark(self) -> list[Any]:
        """The values above the last mark."""
        if not self._marks:
            self.corrupt("it takes values up to a mark that is not there")
        start = self._marks.pop()
        values = self._stack[start:]
        del self._stack[start:]
        return values

    def mark(self) -> None:
        self._marks.append(len(self._stack))

    # The memo.

    def put(self, index: int) -> None:
        self.memo[index] = self.top()

    def get(self, index: int) -> None:
        if index not in self.memo:
            self.corrupt(f"it recalls value {index}, which it has not put down")
        value = self.memo[index]
        self.push(value.value if isinstance(value, _Later) else value)

    # Containers.

    def append(self, values: list[Any]) -> None:
        container = self.top()
        if not isinstance(container, list):
            self.corrupt("it appends to what is no list")
        container.extend(values)

    def add(self, values: list[Any]) -> None:
        container = self.top()
        if not isinstance(container, set):
            self.corrupt("it adds to what is no set")
        for value in values:
            container.add(self.key(value))

    def set_items(self, values: list[Any]) -> None:
        container = self.top()
        if not isinstance(container, dict) or len(values) % 2:
            self.corrupt("it sets items of what is no dictionary")
        for key, value in zip(values[::2], values[1::2], strict=True):
            container[self.key(key)] = value

    def key(self, key: Any) -> Any:
        if not isinstance(key, KEY_TYPES):
            raise UnsupportedError(
                f"a pickle with a {type(key).__name__} as key; numbers and texts are read",
                member=self.name,
                offset=self._at,
            )
        return key

    def tuple_of(self, count: int) -> None:
        values = [self.pop() for _ in range(count)]
        self.push(tuple(reversed(values)))

    # What the table and the caller make.

    def name_of(self, module: str, name: str) -> None:
        if (module, name) not in self._globals:
            raise UnsupportedError(
                f"the pickle asks for {module}.{name}, which is no plain data: refused, and"
                " nothing of it was run",
                member=self.name,
                offset=self._at,
            )
        value = self._globals[module, name]
        self.push(_Called(module, name, value) if callable(value) else value)

    def stack_global(self) -> None:
        name, module = self.pop(), self.pop()
        if not isinstance(name, str) or not isinstance(module, str):
            self.corrupt("a name that is no text")
        self.name_of(module, name)

    def reduce(self) -> None:
        arguments, called = self.pop(), self.pop()
        if not isinstance(called, _Called) or not isinstance(arguments, tuple):
            self.corrupt("it calls what cannot be called")
        value = self.guarded(called.name, called.function, *arguments)
        if isinstance(value, bytes | set | dict | list):
            self.count_made(len(value), called.name)
        self.push(_Later(value) if isinstance(value, Stateful) else value)

    def count_made(self, count: int, by: str) -> None:
        """Counts what calls make, and refuses a program that makes far more than its own size."""
        self._made += count
        if self._made > _MOST_GROWTH * len(self.data):
            raise TooLargeError(
                f"a pickle whose calls of {by} make more than {_MOST_GROWTH} times its own bytes",
                member=self.name,
                offset=self._at,
            )

    def build(self) -> None:
        state, value = self.pop(), self.pop()
        if isinstance(value, _Later):
            value.value = self.guarded("a state", value.stateful.finished, state)
            self.push(value.value)
        elif isinstance(value, dict):
            self.push(value)
        else:
            self.corrupt("it gives a state to what has none")

    def persistent_id(self) -> None:
        if self._persistent is None:
            raise UnsupportedError(
                "a pickle with persistent ids", member=self.name, offset=self._at
            )
        self.push(self.guarded("a persistent id", self._persistent, self.pop()))

    def guarded(self, what: str, function: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return function(*arguments)
        except FastinetError as error:
            if error.member is not None:
                raise
            raise type(error)(error.cause, member=self.name, offset=self._at) from None
        except (TypeError, ValueError, OverflowError) as error:
            self.corrupt(f"{what} with arguments that make no sense ({error})")

    def protocol(self) -> None:
        protocol = self.take(1)[0]
        if protocol > _HIGHEST_PROTOCOL:
            raise UnsupportedError(f"pickle protocol {protocol}", member=self.name, offset=self._at)


def _opcode_name(opcode: int) -> str:
    import pickletools  # noqa: PLC0415 - for messages alone

    names = {ord(known.code): known.name for known in pickletools.opcodes}
    return names.get(opcode, f"0x{opcode:02x}")


def _check_extent(value: Any, name: str) -> None:
    """Refuses values whose walk would not end, or that are no values at all."""
    extents: dict[int, tuple[int, int]] = {}  # by id: how many values, how deep

    def extent(value: Any, depth: int) -> tuple[int, int]:
        if isinstance(value, Token):
            raise CorruptError("a damaged pickle: it holds half a value", member=name)
        if not isinstance(value, list | tuple | dict):
            return 1, 0
        known = extents.get(id(value))
        if known is not None:
            return known
        if depth > _MOST_DEPTH:
            raise TooLargeError(
                f"a pickle of values within values, more than {_MOST_DEPTH} deep, or one that"
                " contains itself",
                member=name,
            )
        count, height = 1, 0
        for inner in value.values() if isinstance(value, dict) else value:
            inner_count, inner_height = extent(inner, depth + 1)
            count += inner_count
            height = max(height, inner_height + 1)
        if count > _MOST_VALUES or height > _MOST_DEPTH:
            raise TooLargeError(
                f"a pickle that unfolds to more than {_MOST_VALUES} values, or deeper than"
                f" {_MOST_DEPTH}",
                member=name,
            )
        extents[id(value)] = count, height
        return count, height

    extent(value, 0)


_STOP = ord(".")

_OPERATIONS: dict[int, Callable[[_Machine], None]] = {
    0x80: _Machine.protocol,  # PROTO
    0x95: lambda m: m.skip(8),  # FRAME: how far a reader of files may read ahead
    ord("("): _Machine.mark,  # MARK
    # Values.
    ord("N"): lambda m: m.push(None),  # NONE
    0x88: lambda m: m.push(True),  # NEWTRUE
    0x89: lambda m: m.push(False),  # NEWFALSE
    ord("J"): lambda m: m.push(m.number("<i")),  # BININT
    ord("K"): lambda m: m.push(m.number("<B")),  # BININT1
    ord("M"): lambda m: m.push(m.number("<H")),  # BININT2
    0x8A: lambda m: m.push(int.from_bytes(m.take(m.number("<B")), "little", signed=True)),  # LONG1
    ord("G"): lambda m: m.push(m.number(">d")),  # BINFLOAT
    ord("X"): lambda m: m.push(m.decoded(m.take(m.number("<I")))),  # BINUNICODE
    0x8C: lambda m: m.push(m.decoded(m.take(m.number("<B")))),  # SHORT_BINUNICODE
    ord("B"): lambda m: m.push(m.take(m.number("<I"))),  # BINBYTES
    ord("C"): lambda m: m.push(m.take(m.number("<B"))),  # SHORT_BINBYTES
    # Containers.
    ord("]"): lambda m: m.push([]),  # EMPTY_LIST
    ord("a"): lambda m: m.append([m.pop()]),  # APPEND
    ord("e"): lambda m: m.append(m.pop_mark()),  # APPENDS
    ord(")"): lambda m: m.push(()),  # EMPTY_TUPLE
    ord("t"): lambda m: m.push(tuple(m.pop_mark())),  # TUPLE
    0x85: lambda m: m.tuple_of(1),  # TUPLE1
    0x86: lambda m: m.tuple_of(2),  # TUPLE2
    0x87: lambda m: m.tuple_of(3),  # TUPLE3
    ord("}"): lambda m: m.push({}),  # EMPTY_DICT
    ord("s"): lambda m: m.set_items([m.pop(), m.pop()][::-1]),  # SETITEM
    ord("u"): lambda m: m.set_items(m.pop_mark()),  # SETITEMS
    0x8F: lambda m: m.push(set()),  # EMPTY_SET
    0x90: lambda m: m.add(m.pop_mark()),  # ADDITEMS
    # The memo.
    ord("q"): lambda m: m.put(m.number("<B")),  # BINPUT
    ord("r"): lambda m: m.put(m.number("<I")),  # LONG_BINPUT
    0x94: lambda m: m.put(len(m.memo)),  # MEMOIZE
    ord("h"): lambda m: m.get(m.number("<B")),  # BINGET
    ord("j"): lambda m: m.get(m.number("<I")),  # LONG_BINGET
    # What the table and the caller make.
    ord("c"): lambda m: m.name_of(m.line(), m.line()),  # GLOBAL
    0x93: _Machine.stack_global,  # STACK_GLOBAL
    ord("R"): _Machine.reduce,  # REDUCE
    ord("b"): _Machine.build,  # BUILD
    ord("Q"): _Machine.persistent_id,  # BINPERSID
}
