"""Detection of video files whose end is missing, from their containers' own lengths.

FFmpeg reads a truncated file as far as possible and reports its normal end. Most containers,
however, state the lengths of their parts or end with a mark.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

_TS_PACKET = 188
_TS_TAIL = 200 * _TS_PACKET
"""Number of bytes at a transport stream's end searched for its last video packet."""
_OGG_TAIL = 1 << 17
_SEGMENT, _CLUSTER = 0x18538067, 0x1F43B675
_Y4M_COLORS = re.compile(r"(420|422|444|411|mono)(?:p([0-9]+))?(?:jpeg|mpeg2|paldv)?")
_CHROMA_STEPS = {"420": (2, 2), "422": (2, 1), "444": (1, 1), "411": (4, 1)}


def missing_end(path: Path, stream_id: int) -> str:
    """Describe the evidence that a file's end is missing; empty if there is none.

    Args:
        path: The file; GIF, Y4M, MPEG-TS, Matroska, WebM, MP4, MOV, AVI and Ogg are inspected.
        stream_id: The container's number of the video stream; the PID in a transport stream.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(2 * _TS_PACKET)
            for matches, find in _FORMATS:
                if matches(start):
                    return find(file, size, stream_id)
    except (OSError, ValueError, IndexError, KeyError):  # another format after all
        pass
    return ""


def _gif(file: BinaryIO, size: int, _: int) -> str:
    file.seek(max(0, size - 64))
    return "" if file.read().rstrip(b"\0").endswith(b";") else "its end mark is missing"


def _y4m(file: BinaryIO, size: int, _: int) -> str:
    """Check Y4M, where frames state no length: header, then `FRAME`, a newline and the planes."""
    file.seek(0)
    header = file.readline(1000)
    fields = {word[0]: word[1:] for word in header.decode("ascii", "replace").split()[1:]}
    colors = _Y4M_COLORS.fullmatch(fields.get("C", "420"))
    if colors is None or len(file.readline(1000)) != len(b"FRAME\n"):
        return ""
    width, height = int(fields["W"]), int(fields["H"])
    samples = width * height
    if colors[1] in _CHROMA_STEPS:
        x, y = _CHROMA_STEPS[colors[1]]
        samples += 2 * math.ceil(width / x) * math.ceil(height / y)
    frame = len(b"FRAME\n") + samples * (2 if colors[2] else 1)
    return "" if (size - len(header)) % frame == 0 else "it ends within a frame"


def _transport_stream(file: BinaryIO, size: int, pid: int) -> str:
    """Check MPEG-TS: a frame's last packet has stuffing; after a full one others must follow."""
    if size % _TS_PACKET:
        return "it ends within a packet"
    file.seek(max(0, size - _TS_TAIL))
    tail = file.read()
    for place in range(len(tail) - _TS_PACKET, -1, -_TS_PACKET):
        packet = tail[place : place + _TS_PACKET]
        if packet[0] == 0x47 and int.from_bytes(packet[1:3]) & 0x1FFF == pid:
            return "" if _is_stuffed(packet) else "it ends within a frame"
    return ""


def _is_stuffed(packet: bytes) -> bool:
    """Return True if a transport packet's adaptation field is longer than its content."""
    if not packet[3] & 0x20:
        return False
    length, flags = packet[4], packet[5]
    needed = 1 + 6 * bool(flags & 0x10) + 6 * bool(flags & 8) + bool(flags & 4)
    return length == 0 or (length > needed and not flags & 3)


def _matroska(file: BinaryIO, size: int, _: int) -> str:
    """Check Matroska and WebM; descend into elements of unknown length: segments and clusters."""
    place = 0
    while place < size:
        file.seek(place)
        name, length, header = _element(file.read(12))
        if length is None:
            if name not in (_SEGMENT, _CLUSTER):
                return ""
            place += header
        else:
            place += header + length
    return "it ends within a part of stated length" if place > size else ""


def _element(data: bytes) -> tuple[int, int | None, int]:
    """Return name, length (None if unknown) and header length of an EBML element."""
    name_length = 9 - data[0].bit_length()
    first = data[name_length]
    digits = 9 - first.bit_length()
    header = name_length + digits
    value = int.from_bytes(data[name_length:header]) & ((1 << 7 * digits) - 1)
    length = None if value == (1 << 7 * digits) - 1 else value
    if len(data) < header or name_length > 4:
        raise ValueError("no element")
    return int.from_bytes(data[:name_length]), length, header


def _boxes(file: BinaryIO, size: int, _: int) -> str:
    """Check MP4 and MOV: consecutive boxes; a box of length 0 extends to the end."""
    place = 0
    while place < size:
        file.seek(place)
        header = file.read(16)
        length = int.from_bytes(header[:4])
        if length == 1:
            length = int.from_bytes(header[8:16])
        if length < 8:
            return ""
        place += length
    return "it ends within a part of stated length" if place > size else ""


def _riff(file: BinaryIO, size: int, _: int) -> str:
    place = 0
    while place < size:  # a long file has several parts
        file.seek(place + 4)
        length = int.from_bytes(file.read(4), "little")
        if length in (0, 0xFFFFFFFF):  # never finished by the recorder
            return ""
        place += 8 + length
    return "it ends within a part of stated length" if place > size + 1 else ""


def _ogg(file: BinaryIO, size: int, _: int) -> str:
    file.seek(max(0, size - _OGG_TAIL))
    tail = file.read()
    page = tail.rfind(b"OggS")
    lengths = tail[page + 27 : page + 27 + tail[page + 26]]
    is_whole = page + 27 + len(lengths) + sum(lengths) <= len(tail)
    return "" if is_whole and tail[page + 5] & 4 else "its last page is missing"


_FORMATS: tuple[tuple[Callable[[bytes], bool], Callable[[BinaryIO, int, int], str]], ...] = (
    (lambda start: start.startswith(b"GIF8"), _gif),
    (lambda start: start.startswith(b"YUV4MPEG2 "), _y4m),
    (lambda start: start[:1] == b"G" and start[_TS_PACKET:][:1] == b"G", _transport_stream),
    (lambda start: start.startswith(b"\x1aE\xdf\xa3"), _matroska),
    (lambda start: start[4:8] == b"ftyp", _boxes),
    (lambda start: start.startswith(b"RIFF") and start[8:12] == b"AVI ", _riff),
    (lambda start: start.startswith(b"OggS"), _ogg),
)
"""Tests of a file's first bytes, and the check for each format."""
