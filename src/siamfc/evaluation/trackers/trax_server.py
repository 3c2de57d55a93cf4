"""A tracker as a TraX server: the VOT toolkit, or any TraX client, asks it over the pipes."""

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
"""Of the protocol: the last in which one target and its image come in one message. Clients of
version 4 speak it too."""


@dataclass(frozen=True, kw_only=True)
class TraxSettings:
    """How the server speaks."""

    index_base: float = 0.0
    """The number that the client gives to the first pixel: 0 by the protocol, 1 in VOT's data sets
    with rectangles or polygons."""
    polygon: bool = False
    """Whether to answer with polygons in place of rectangles."""


def serve(tracker: SingleTargetTracker, settings: TraxSettings | None = None) -> None:
    """Answer a client on standard input and output until it quits or goes away.

    Where the environment variable `TRAX_SOCKET` names a port of this machine, that is used.
    Paths, raw pixels and encoded files are understood as images; rectangles, polygons and masks
    as targets, of which the upright box is followed.

    Raises:
        InputError: the port doesn't answer.
        SiamFCError: a target or an image that cannot be used; the client is told too.
    """
    with _streams() as (questions, answers):
        converse(tracker, questions, answers, settings or TraxSettings())


def converse(
    tracker: SingleTargetTracker, questions: BinaryIO, answers: BinaryIO, settings: TraxSettings
) -> None:
    """Answer the messages of a stream on another; see `serve`."""

    def say(message: Message) -> None:
        answers.write(message.line())
        answers.flush()

    say(_hello())
    known = False
    try:
        while (message := read_message(questions)) is not None and message.name != "quit":
            if message.name == "frame" and not known:
                raise InputError("TraX: expected `initialize` before the first frame")
            say(_answer(tracker, message, settings))
            known = True
    except Exception as error:
        say(Message("quit", (), {"trax.reason": " ".join(str(error).split())}))
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
    """Where the target is, with the tracker's confidence where it has one."""
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
