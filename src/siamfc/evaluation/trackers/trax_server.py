"""A tracker as a TraX server, for the VOT toolkit or any other TraX client."""

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from siamfc.errors import InputError
from siamfc.evaluation.runs import SingleTargetTracker
from siamfc.evaluation.trackers.trax_protocol import (
    Message,
    format_region,
    parse_image,
    parse_region,
    read_message,
)
from siamfc.system import version

_VERSION = "3"
"""Protocol version: the last with one target and its image in one message. Clients of version 4
support it too.
"""


@dataclass(frozen=True, kw_only=True)
class TraxSettings:
    """Settings of the server."""

    index_base: float = 0.0
    """The client's number of the first pixel: 0 by the protocol, 1 in VOT's data sets with
    rectangles or polygons.
    """
    polygon: bool = False
    """Answer with polygons instead of rectangles."""


def serve(tracker: SingleTargetTracker, settings: TraxSettings | None = None) -> None:
    """Answer a client on standard input and output until it quits or disconnects.

    If the environment variable `TRAX_SOCKET` names a port of this machine, that is used. Images may
    be paths, raw pixels or encoded files; targets may be rectangles, polygons or masks, of which
    the axis-aligned box is tracked.

    Raises:
        InputError: the port does not answer.
        SiamFCError: a target or an image cannot be used; the client is notified too.
    """
    with _streams() as (questions, answers):
        answer_messages(tracker, questions, answers, settings or TraxSettings())


def answer_messages(
    tracker: SingleTargetTracker, questions: BinaryIO, answers: BinaryIO, settings: TraxSettings
) -> None:
    """Answer the messages of one stream on another; see `serve`."""

    def send(message: Message) -> None:
        answers.write(message.line())
        answers.flush()

    send(_hello())
    known = False
    try:
        while (message := read_message(questions)) is not None and message.name != "quit":
            if message.name == "frame" and not known:
                raise InputError("TraX: expected `initialize` before the first frame")
            send(_answer(tracker, message, settings))
            known = True
    except Exception as error:
        send(Message("quit", (), {"trax.reason": " ".join(str(error).split())}))
        raise


def _hello() -> Message:
    facts = {
        "version": _VERSION,
        "name": "siamfc",
        "description": f"siamfc {version()}",
        "family": "SiamFC",
        "image": "path;memory;buffer;",
        "region": "rectangle;polygon;",
        "channels": "color;",
    }
    return Message("hello", (), {f"trax.{key}": value for key, value in facts.items()})


def _answer(tracker: SingleTargetTracker, message: Message, settings: TraxSettings) -> Message:
    """Return the target's box, with the tracker's confidence if it has one."""
    counts = {"initialize": 2, "frame": 1}
    if len(message.arguments) != counts.get(message.name):
        raise InputError(
            "TraX: expected `initialize` with an image and a region, or `frame` with an image, "
            f"got {message.name!r} with {len(message.arguments)} arguments"
        )
    image = parse_image(message.arguments[0])
    if message.name == "initialize":
        box = parse_region(message.arguments[1], index_base=settings.index_base)
        tracker.init(image, box)
    else:
        box = np.asarray(tracker.update(image), dtype=np.float64)
    region = format_region(box, index_base=settings.index_base, polygon=settings.polygon)
    score = getattr(tracker, "score", None)
    return Message("state", [region], {} if score is None else {"confidence": f"{score:.6f}"})


@contextmanager
def _streams() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    port = os.environ.get("TRAX_SOCKET")
    if port is None:
        yield sys.stdin.buffer, sys.stdout.buffer
        return
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", int(port))))
        except (OSError, ValueError, OverflowError) as error:
            raise InputError(
                f"TRAX_SOCKET: expected the port of a client, got {port!r} ({error})"
            ) from None
        reader = stack.enter_context(connection.makefile("rb"))
        writer = stack.enter_context(connection.makefile("wb"))
        yield reader, writer
