"""Minimal protobuf wire format, for writing ONNX files and inspecting third-party ones."""

import struct
from collections.abc import Iterable, Iterator

_VARINT, _EIGHT_BYTES, _BYTES, _FOUR_BYTES = 0, 1, 2, 5

Field = tuple[int, int | bytes | memoryview]
"""Number of a field, and its integer or content."""


def integer(number: int, value: int) -> bytes:
    """Encode a field that holds an integer.

    >>> integer(1, 300).hex()
    '08ac02'
    """
    return _varint(number << 3 | _VARINT) + _varint(value)


def content(number: int, *parts: bytes | str) -> bytes:
    r"""Encode a field that holds text, bytes or another message.

    >>> content(2, "Relu")
    b'\x12\x04Relu'
    """
    encoded = [part.encode() if isinstance(part, str) else part for part in parts]
    size = sum(map(len, encoded))
    return b"".join((_varint(number << 3 | _BYTES), _varint(size), *encoded))


def integers(number: int, values: Iterable[int]) -> bytes:
    """Encode a repeated field of integers, unpacked as ONNX declares it."""
    return b"".join(integer(number, value) for value in values)


def decode(message: bytes | memoryview) -> Iterator[Field]:
    """Yield a message's fields; ValueError if it is malformed. Fixed-size numbers stay bytes."""
    view, place = memoryview(message), 0
    while place < len(view):
        key, place = _read_varint(view, place)
        kind = key & 7
        if kind == _VARINT:
            value, place = _read_varint(view, place)
            yield key >> 3, value
            continue
        if kind == _BYTES:
            size, place = _read_varint(view, place)
        elif kind in (_FOUR_BYTES, _EIGHT_BYTES):
            size = 4 if kind == _FOUR_BYTES else 8
        else:
            raise ValueError(f"invalid protobuf: a field of kind {kind}")
        if place + size > len(view):
            raise ValueError("invalid protobuf: it ends within a field")
        yield key >> 3, view[place : place + size]
        place += size


def floats(values: bytes | memoryview) -> tuple[float, ...]:
    """Decode little-endian four-byte floats."""
    return struct.unpack(f"<{len(values) // 4}f", values)


def _varint(value: int) -> bytes:
    value &= 2**64 - 1  # two's complement of a negative number
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _read_varint(view: memoryview, place: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if place >= len(view):
            break
        byte = view[place]
        place += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, place
    raise ValueError("invalid protobuf: a number without an end")
