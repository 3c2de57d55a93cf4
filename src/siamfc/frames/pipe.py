"""Named pipes and standard input: read once, with a time limit."""

from __future__ import annotations

import os
import select
import stat
import sys
from pathlib import Path

from siamfc.errors import SourceError
from siamfc.frames.container import VideoAddress

_STALL_SECONDS = 60.0
"""Seconds without data after which a pipe counts as broken off."""


class PipeReader:
    """Reads a pipe in pieces; at its end, or when it stalls, the piece is empty.

    Args:
        descriptor: Descriptor of the open pipe. It is closed with this object.
    """

    def __init__(self, descriptor: int) -> None:
        self._file = os.fdopen(descriptor, "rb", buffering=0)

    def read(self, size: int, /) -> bytes:
        """Return up to `size` bytes."""
        if not _has_data(self._file.fileno(), _STALL_SECONDS):
            return b""
        return self._file.read(size) or b""

    def close(self) -> None:
        """Release the pipe. May be called twice."""
        self._file.close()


def pipe_address(path: str | Path, *, timeout: float, stream: int | None = None) -> VideoAddress:
    """Return the address of a named pipe or of standard input.

    Args:
        path: The pipe.
        timeout: Seconds that the writer may take to begin.
        stream: Number of the stream to decode; None: the largest video.

    Raises:
        SourceError: No data arrives.
    """
    name = "standard input" if is_standard_input(path) else str(path)
    if is_standard_input(path):
        if sys.stdin is None or sys.stdin.isatty():
            raise SourceError(
                "standard input is a terminal: pipe a video into it, for example "
                "`siamfc track - --box … < video.mkv`"
            )
        descriptor = os.dup(sys.stdin.fileno())
        if sys.platform == "win32":
            import msvcrt

            msvcrt.setmode(descriptor, os.O_BINARY)
    else:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    if not _has_data(descriptor, timeout):
        os.close(descriptor)
        raise SourceError(f"{name}: no data arrived through this pipe for {timeout:g} seconds")
    if sys.platform != "win32":
        os.set_blocking(descriptor, True)
    return VideoAddress(url=name, name=name, stream=stream, file=PipeReader(descriptor))


def is_standard_input(source: object) -> bool:
    """Return True for a source named `-`, or `pipe:` as in FFmpeg."""
    return str(source) in ("-", "pipe:", "pipe:0")


def is_pipe(path: Path) -> bool:
    """Return True if there is a named pipe at a path."""
    try:
        return stat.S_ISFIFO(path.stat().st_mode)
    except (OSError, ValueError):
        return False


def _has_data(descriptor: int, seconds: float) -> bool:
    """Return True if data or the end arrives within a time; on Windows, reading just waits."""
    if sys.platform == "win32":
        return True
    return bool(select.select([descriptor], [], [], seconds)[0])
