"""Reading of text, JSON, TOML, XML and numbers from untrusted files.

Every file reader uses this module, so that damaged or hostile content ends in a one-line error:
bytes that are not text, numbers out of range, values nested thousands deep.
"""

import csv
import json
import math
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from siamfc.checks import is_finite, shown
from siamfc.errors import DatasetError, SiamFCError

MOST_BYTES = 1 << 30
"""Size of the largest file that is read as text."""
LARGEST = 1e9
"""Largest magnitude of a number in a file, far above any coordinate or time."""
MOST_FRAMES = 2_000_000
"""Most frames of a video whose annotation is read: 22 hours at 25 frames per second."""

_MOST_DEPTH = 100
_TOO_DEEP = f"got values nested more than {_MOST_DEPTH} deep"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_SEPARATORS = re.compile(r"\s*[,;]\s*|\s+")


def read_text(
    path: Path, *, expected: str = "a text file", error: type[SiamFCError] = DatasetError
) -> str:
    """Read a text file in UTF-8, or in UTF-16 with a byte order mark, as Windows programs write it.

    Args:
        path: the file.
        expected: name of the expected content in error messages.
        error: raised if the file cannot be opened, is too large, or is not text.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
    except OSError as reason:
        raise error(f"{path}: expected {expected}; {reason.strerror}") from None
    if len(content) > MOST_BYTES:
        raise error(f"{path}: expected {expected} of at most {MOST_BYTES >> 20} MiB, got more")
    encoding = "utf-16" if content.startswith(_UTF16) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        raise error(f"{path}: expected {expected} in UTF-8, got other bytes") from None
    if "\0" in text:
        advice = "UTF-16 without its mark: save it as UTF-8" if _is_utf16(content) else "null bytes"
        raise error(f"{path}: expected {expected} in UTF-8, got {advice}")
    return text


def split_lines(text: str) -> list[str]:
    r"""Split text at line ends only, dropping blank lines at the end.

    Unlike `str.splitlines`, this does not split at form feeds and other rare characters.

    >>> split_lines("1,2\n\n3,4\r\n\n")
    ['1,2', '', '3,4']
    """
    lines = _LINE_ENDS.split(text)
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def parse_json(
    text: str,
    *,
    where: object,
    expected: str = "JSON",
    keep: Callable[[dict[str, Any]], Any] | None = None,
) -> Any:
    """Parse JSON.

    `keep` is called with each object, innermost first; its return value replaces the object.

    Raises:
        DatasetError: it is not JSON; the message names the location `where` and the `expected`
            content.
    """
    return _parse(
        lambda: json.loads(text, object_hook=keep),
        where=where,
        expected=expected,
        error=DatasetError,
    )


def parse_toml(text: str, *, where: object, error: type[SiamFCError]) -> dict[str, Any]:
    """Parse TOML; `error` names the location `where`."""
    value: dict[str, Any] = _parse(
        lambda: tomllib.loads(text), where=where, expected="TOML", error=error
    )
    return value


def parse_csv(lines: Sequence[str], *, where: object) -> list[list[str]]:
    """Parse lines of comma-separated values.

    Raises:
        DatasetError: they are not CSV; the message names `where`.
    """
    try:
        return list(csv.reader(lines, strict=True))
    except csv.Error as reason:
        raise DatasetError(f"{where}: expected comma-separated values; {reason}") from None


def read_xml(path: Path, *, expected: str) -> ET.Element:
    """Return the root element of an XML file.

    Raises:
        DatasetError: the file cannot be opened or is not XML.
    """
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DatasetError(
                f"{path}: expected {expected} of at most {MOST_BYTES >> 20} MiB, got more"
            )
        return ET.parse(path).getroot()
    except (ET.ParseError, OSError, ValueError, LookupError) as reason:  # LookupError: encoding
        raise DatasetError(f"{path}: expected {expected}; {shown_reason(reason)}") from None


def parse_number(value: Any, largest: float = LARGEST) -> float:
    """Parse a number from text or JSON: NaN, or finite and of a plausible magnitude.

    Raises:
        ValueError: the value is anything else.

    >>> parse_number(" 12.5"), parse_number(3)
    (12.5, 3.0)
    >>> parse_number("1e400")
    Traceback (most recent call last):
    ValueError: expected a number up to 1e+09, got '1e400'
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"expected a number, got {shown(value)}")
    try:
        if isinstance(value, str) and "_" in value:  # which Python alone skips within a number
            raise ValueError
        number = float(value)
    except OverflowError:
        number = math.inf
    except ValueError:
        raise ValueError(f"expected a number, got {shown(value)}") from None
    if abs(number) > largest:
        raise ValueError(f"expected a number up to {largest:g}, got {shown(value)}")
    return number


def parse_whole(value: Any, least: int = 0, most: int = int(LARGEST)) -> int:
    """Parse a whole number within a range from text or JSON.

    Raises:
        ValueError: the value is anything else.

    >>> parse_whole("17"), parse_whole(2.0)
    (17, 2)
    """
    try:
        number = parse_number(value)
    except ValueError:
        number = math.nan
    if not (is_finite(number) and number == int(number) and least <= number <= most):
        raise ValueError(f"expected a whole number from {least} to {most}, got {shown(value)}")
    return int(number)


def parse_frame(value: Any, first: int = 0) -> int:
    """Parse a frame number, counted from `first`, as `parse_whole` does."""
    return parse_whole(value, first, MOST_FRAMES)


def parse_numbers(line: str) -> list[float]:
    """Parse the numbers of a line, separated by commas, semicolons, tabs or blanks.

    An empty field is an error, since the numbers after it would shift to the left. One separator
    may end the line.

    Raises:
        ValueError: a field is empty or is not a number.

    >>> parse_numbers("12, 8.5 NaN;4")
    [12.0, 8.5, nan, 4.0]
    """
    parts = _SEPARATORS.split(line.strip())
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    return [parse_number(part) for part in parts] if parts != [""] else []


def shown_reason(error: Exception) -> str:
    """Return an error's message, shortened to fit into another message."""
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    if "set_int_max_str_digits" in text:
        return "got a whole number of more than 4300 digits"
    return text if len(text) <= 120 else f"{text[:117]}..."


def _parse(
    parse: Callable[[], Any], *, where: object, expected: str, error: type[SiamFCError]
) -> Any:
    """Return a parsed value that is not nested too deep; `error` says what was expected."""
    try:
        value = parse()
        _check_depth(value)
    except ValueError as reason:
        raise error(f"{where}: expected {expected}; {shown_reason(reason)}") from None
    except RecursionError:
        raise error(f"{where}: expected {expected}; {_TOO_DEEP}") from None
    return value


def _check_depth(value: Any) -> None:
    """Raise ValueError if lists and objects are nested deeper than any real file."""
    level, depth = [value], 0
    while level:
        depth += 1
        if depth > _MOST_DEPTH:
            raise ValueError(_TOO_DEEP)
        level = [
            item
            for one in level
            if isinstance(one, dict | list)
            for item in (one.values() if isinstance(one, dict) else one)
            if isinstance(item, dict | list)
        ]


def _is_utf16(content: bytes) -> bool:
    """Guess whether bytes are UTF-16 without a mark: every second byte of Latin letters is 0."""
    start = content[:400]
    return max(start[0::2].count(0), start[1::2].count(0)) > len(start) / 4
