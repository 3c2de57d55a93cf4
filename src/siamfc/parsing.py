"""Reads text, JSON, TOML, XML and the numbers in them from files that anybody may have written.

Every reader of files goes through here, so that damaged or hostile content ends in one line: bytes
that are no text, numbers that no computer holds, values nested thousands deep.
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
"""The largest magnitude of a number in a file: no picture or clock comes near it."""
MOST_FRAMES = 2_000_000
"""Frames of the longest video whose annotation is read: 22 hours at 25 frames per second."""

_MOST_DEPTH = 100
_TOO_DEEP = f"got values nested more than {_MOST_DEPTH} deep"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_LINE_ENDS = re.compile(r"\r\n|\n|\r")
_SEPARATORS = re.compile(r"\s*[,;]\s*|\s+")


def read_text(
    path: Path, *, expected: str = "a text file", error: type[SiamFCError] = DatasetError
) -> str:
    """Read a text file in UTF-8, or in UTF-16 with its mark, as Windows programs write it.

    Args:
        path: the file.
        expected: what a message says was expected.
        error: raised where the file cannot be opened, is too large, or isn't text.
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
    r"""Split text at line ends alone, without blank lines at its end.

    `str.splitlines` splits at form feeds and other rare signs too.

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
    error: type[SiamFCError] = DatasetError,
    keep: Callable[[dict[str, Any]], Any] | None = None,
) -> Any:
    """Read JSON; `error` names `where` it stands and what was `expected`.

    `keep` is called with each object, innermost first, and its answer kept in the object's place.
    """
    try:
        value = json.loads(text, object_hook=keep)
        _check_depth(value)
    except ValueError as reason:
        raise error(f"{where}: expected {expected}; {shown_reason(reason)}") from None
    except RecursionError:
        raise error(f"{where}: expected {expected}; {_TOO_DEEP}") from None
    return value


def parse_toml(text: str, *, where: object, error: type[SiamFCError]) -> dict[str, Any]:
    """Read TOML; `error` names `where` it stands."""
    try:
        value = tomllib.loads(text)
        _check_depth(value)
    except ValueError as reason:
        raise error(f"{where}: expected TOML; {shown_reason(reason)}") from None
    except RecursionError:
        raise error(f"{where}: expected TOML; {_TOO_DEEP}") from None
    return value


def parse_csv(lines: Sequence[str], *, where: object) -> list[list[str]]:
    """Read lines of comma-separated values; DatasetError, which names `where`, if they are none."""
    try:
        return list(csv.reader(lines, strict=True))
    except csv.Error as reason:
        raise DatasetError(f"{where}: expected comma-separated values; {reason}") from None


def read_xml(path: Path, *, expected: str) -> ET.Element:
    """Read an XML file's outermost element.

    Raises:
        DatasetError: it cannot be opened, or isn't XML.
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
    """Read a number from text or JSON: finite, of a magnitude that can be meant, or NaN.

    Raises:
        ValueError: anything else; says what.

    >>> parse_number(" 12.5"), parse_number(3)
    (12.5, 3.0)
    >>> parse_number("1e400")
    Traceback (most recent call last):
    ValueError: expected a number up to 1e+09, got '1e400'
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"expected a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    except ValueError:
        raise ValueError(f"expected a number, got {shown(value)}") from None
    if abs(number) > largest:
        raise ValueError(f"expected a number up to {largest:g}, got {shown(value)}")
    return number


def parse_whole(value: Any, least: int = 0, most: int = int(LARGEST)) -> int:
    """Read a whole number in a range from text or JSON.

    Raises:
        ValueError: anything else; says what.

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
    """Read the number of a frame, of which the first is `first`; see `parse_whole`."""
    return parse_whole(value, first, MOST_FRAMES)


def parse_numbers(line: str) -> list[float]:
    """Read the numbers of a line, separated by commas, semicolons, tabs or blanks.

    An empty field is an error: the numbers after it would move to the left. One separator may
    end the line.

    Raises:
        ValueError: see `parse_number`.

    >>> parse_numbers("12, 8.5 NaN;4")
    [12.0, 8.5, nan, 4.0]
    """
    parts = _SEPARATORS.split(line.strip())
    if len(parts) > 1 and not parts[-1]:
        parts.pop()
    return [parse_number(part) for part in parts] if parts != [""] else []


def shown_reason(error: Exception) -> str:
    """What an error says, cut to a length that fits into a message."""
    text = " ".join(str(getattr(error, "strerror", None) or error).split())
    if "set_int_max_str_digits" in text:
        return "got a whole number of more than 4300 digits"
    return text if len(text) <= 120 else f"{text[:117]}..."


def _check_depth(value: Any) -> None:
    """ValueError if lists and objects are nested deeper than any file of ours or of others."""
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
    """Whether text may be in UTF-16 without a mark: every second byte of Latin letters is 0."""
    start = content[:400]
    return max(start[0::2].count(0), start[1::2].count(0)) > len(start) / 4
