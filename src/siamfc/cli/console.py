"""Output of the command line: results on standard output, errors on standard error."""

import json
import logging
import math
import os
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TextIO


def guard_streams() -> None:
    """Make messages fail silently: a closed or full standard error must not stop the work.

    Free descriptors among 0, 1 and 2 are occupied. Otherwise the next opened file would get one of
    them, and a library's messages on standard error would be written to it.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # occupies the lowest free descriptor
    if sys.stderr is None:  # closed before Python started
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
    sys.stderr = _Guarded(sys.stderr)


class _Guarded:
    """A stream whose writes never raise; everything else is delegated to the stream."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        with suppress(OSError, ValueError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError, ValueError):
            self._stream.flush()


def print_error(message: str) -> None:
    """Print `error: …` as one line."""
    print(f"error: {one_line(message)}", file=sys.stderr)


def show_warnings() -> None:
    """Print the library's log messages and warnings on standard error as `warning: …` lines."""
    logger = logging.getLogger("siamfc")
    if not any(isinstance(handler, _WarningHandler) for handler in logger.handlers):
        logger.addHandler(_WarningHandler(logging.WARNING))
    root = logging.getLogger()
    if not root.handlers:  # other packages' log messages repeat the errors that they raise
        root.addHandler(logging.NullHandler())
    warnings.showwarning = lambda message, *_, **__: logger.warning("%s", message)


class _WarningHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print(f"{record.levelname.lower()}: {one_line(record.getMessage())}", file=sys.stderr)


def print_json(result: Mapping[str, Any]) -> None:
    """Print the one JSON object of `--json`; NaN and infinity become null, arrays lists."""
    print(json.dumps(_finite(result), ensure_ascii=False, allow_nan=False))


def print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table: the first column left-aligned, the others right-aligned."""
    for line in format_table(header, rows):
        print(line)


def format_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Align columns, the first to the left and the others to the right.

    >>> format_table(["name", "AUC"], [["Box", "0.61"]])
    ['name   AUC', 'Box   0.61']
    """
    table = [list(header), *map(list, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if column else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]


def format_ranges(ranges: Iterable[tuple[int, int]]) -> str:
    """Format ranges of frames by their first and last.

    >>> format_ranges([(3, 3), (7, 12)])
    '3, 7-12'
    """
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges)


def counted(count: int, noun: str, ending: str = "s") -> str:
    """Return a number with its noun.

    >>> counted(1, "frame"), counted(2, "stretch", "es")
    ('1 frame', '2 stretches')
    """
    return f"{count} {noun}{'' if count == 1 else ending}"


def one_line(message: str) -> str:
    """Return `message` without line breaks."""
    return " ".join(message.split())


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's arrays and scalars
        return _finite(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value
