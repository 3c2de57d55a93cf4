"""TraX, the VOT toolkit's protocol for trackers: messages, regions and images.

A message is a line `@@TRAX:name "argument" … "key=value" …`; other lines are ignored. From the
protocol's specification (Čehovin, 2017) and its reference implementation, libtrax 4. libtrax's own
Python binding is not used: the client of its version 4.0.2 fails with default arguments, and it
exists for few platforms.
"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

from siamfc.array_types import ByteImage, FloatArray
from siamfc.boxes import as_box, from_polygon
from siamfc.datasets.readers.vot import mask_box
from siamfc.errors import InputError, SourceError
from siamfc.frames import check_image, read_image
from siamfc.frames.images import open_image, to_rgb

_PREFIX = b"@@TRAX:"
_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|(\S+)')
_KEY = re.compile(r"[A-Za-z0-9_.]{1,64}=")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n"}
_PIXELS = {"rgb": (np.uint8, 3), "gray8": (np.uint8, 1), "gray16": (np.uint16, 1)}


@dataclass(frozen=True)
class Message:
    """One message of the conversation."""

    name: str
    """`hello`, `initialize`, `frame`, `state` or `quit`."""
    arguments: Sequence[str] = ()
    properties: Mapping[str, str] = field(default_factory=dict)

    def line(self) -> bytes:
        r"""Return the message in the form that is sent.

        >>> Message("state", ["1,2,3,4"], {"note": 'say "so"'}).line()
        b'@@TRAX:state "1,2,3,4" "note=say \\"so\\""\n'
        """
        parts = [*self.arguments, *(f"{key}={value}" for key, value in self.properties.items())]
        escaped = ["".join(_ESCAPES.get(sign, sign) for sign in part) for part in parts]
        quoted = "".join(f' "{part}"' for part in escaped)
        return _PREFIX + f"{self.name}{quoted}\n".encode()


def parse_message(line: bytes) -> Message | None:
    """Parse a line; None if it is not a message.

    >>> parse_message(b'@@TRAX:frame "file:///a b.png" "speed=1"')
    Message(name='frame', arguments=['file:///a b.png'], properties={'speed': '1'})
    """
    if not line.startswith(_PREFIX):
        return None
    name, _, rest = line[len(_PREFIX) :].decode("utf-8", "replace").strip().partition(" ")
    arguments, properties = [], {}
    for quoted, bare in _TOKEN.findall(rest):
        text = bare or re.sub(r"\\(.)", lambda m: "\n" if m[1] == "n" else m[1], quoted)
        if _KEY.match(text):
            key, _, value = text.partition("=")
            properties[key] = value
        else:
            arguments.append(text)
    return Message(name, arguments, properties)


def read_message(stream: BinaryIO) -> Message | None:
    """Read the next message; None at the end."""
    for line in stream:
        message = parse_message(line)
        if message is not None:
            return message
    return None


def format_region(box: FloatArray, *, index_base: float = 0.0, polygon: bool = False) -> str:
    """Format a box x, y, w, h as a rectangle, or as a polygon of its four corners.

    >>> format_region(np.array([1.0, 2, 3, 4]), index_base=1)
    '2.0000,3.0000,3.0000,4.0000'
    """
    x, y, w, h = (float(value) for value in box)
    x, y = x + index_base, y + index_base
    corners = (x, y, x + w, y, x + w, y + h, x, y + h)
    return ",".join(f"{value:.4f}" for value in (corners if polygon else (x, y, w, h)))


def parse_region(text: str, *, index_base: float = 0.0) -> FloatArray:
    """Parse a rectangle, polygon or mask as its axis-aligned box (4,), 0-based.

    Args:
        text: the region in a message.
        index_base: the peer's number of the first pixel; masks have none.

    Raises:
        InputError: the region has another form, or no area.
    """
    try:
        if text.startswith("m"):
            return as_box(mask_box([int(number) for number in text[1:].split(",")]))
        numbers = np.array([float(number) for number in text.split(",")])
        if len(numbers) >= 6:
            numbers = from_polygon(numbers)
        return as_box(numbers - np.array([index_base, index_base, 0.0, 0.0]))
    except ValueError:
        raise InputError(
            f"TraX: expected a rectangle, polygon or mask with an area, got {text[:60]!r}"
        ) from None


def format_pixels(image: ByteImage) -> str:
    """Format an image (H, W, 3) as raw pixels."""
    height, width, _ = image.shape
    return f"image:{width};{height};rgb;{base64.b64encode(image.tobytes()).decode()}"


def parse_image(text: str) -> ByteImage:
    """Read the image that a message names or contains, as (H, W, 3) uint8 RGB.

    Raises:
        SourceError: it cannot be read.
    """
    if text.startswith("file://"):
        return read_image(Path(text.removeprefix("file://")))
    try:
        if text.startswith("image:"):
            return _raw_pixels(text.removeprefix("image:"))
        if text.startswith("data:"):
            _, _, encoded = text.partition("base64")
            with open_image(base64.b64decode(encoded[1:], validate=True)) as image:
                return to_rgb(image)
    except (OSError, ValueError, KeyError, binascii.Error) as error:
        reason = str(error) or type(error).__name__
        raise SourceError(f"TraX: an image that cannot be read: {reason}") from None
    raise SourceError(f"TraX: expected a path, raw pixels or a file, got {text[:60]!r}")


def _raw_pixels(text: str) -> ByteImage:
    width, height, kind, encoded = text.split(";", 3)
    number, channels = _PIXELS[kind]
    data = np.frombuffer(base64.b64decode(encoded, validate=True), number)
    pixels = data.reshape(int(height), int(width), channels)
    if number is np.uint16:
        pixels = pixels >> 8
    return check_image(np.repeat(pixels, 3 // channels, axis=2).astype(np.uint8))
