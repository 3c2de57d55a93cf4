"""Reads the items of one list in a large JSON file without holding the file's objects at once."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

from siamfc.errors import DatasetError

_CHUNK = 1 << 20
_BLANKS = re.compile(r"[\s,]*")


def read_items(path: Path, key: str) -> Iterator[dict[str, Any]]:
    """Give the objects in the list `key` of a file's outermost object, one after the other.

    Memory holds one item and a piece of the text. A file without the key has no items.

    Raises:
        DatasetError: not a JSON file, or the list holds something else than objects.
    """
    try:
        with path.open(encoding="utf-8") as file:
            yield from _Reader(file).items(key)
    except (OSError, ValueError) as error:
        raise DatasetError(f"{path}: expected JSON with a list {key!r}; {error}") from None


class _Reader:
    """A window on a text from which whole JSON values are taken."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._text = ""
        self._position = 0
        self._decoder = json.JSONDecoder()

    def items(self, key: str) -> Iterator[dict[str, Any]]:
        self._expect("{")
        while self._peek() != "}":
            name = self._value()
            self._expect(":")
            if name == key:
                yield from self._list()
                return
            self._skip()

    def _list(self) -> Iterator[dict[str, Any]]:
        self._expect("[")
        while self._peek() != "]":
            value = self._value()
            if not isinstance(value, dict):
                raise ValueError(f"expected objects, got {str(value)[:40]!r}")
            yield value

    def _skip(self) -> None:
        """Pass over a value; the items of a list one by one, so that it need not be held."""
        if self._peek() != "[":
            self._value()
            return
        self._expect("[")
        while self._peek() != "]":
            self._skip()
        self._expect("]")

    def _value(self) -> Any:
        self._peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._position)
            except json.JSONDecodeError:
                if not self._more():
                    raise
                continue
            # A number or word at the window's end may go on behind it.
            if end == len(self._text) and not isinstance(value, dict | list | str) and self._more():
                continue
            self._position = end
            return value

    def _peek(self) -> str:
        """The next character that is neither blank nor a comma."""
        while True:
            blanks = _BLANKS.match(self._text, self._position)
            self._position = blanks.end() if blanks else self._position
            if self._position < len(self._text):
                return self._text[self._position]
            if not self._more():
                raise ValueError("it ends too early")

    def _expect(self, character: str) -> None:
        if self._peek() != character:
            raise ValueError(f"expected {character!r}, got {self._peek()!r}")
        self._position += 1

    def _more(self) -> bool:
        """Read on; drop what has been taken."""
        piece = self._file.read(_CHUNK)
        self._text = self._text[self._position :] + piece
        self._position = 0
        return bool(piece)
