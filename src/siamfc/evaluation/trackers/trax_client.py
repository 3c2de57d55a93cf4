"""A TraX program as a tracker."""

import shlex
import subprocess
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike
from PIL import Image

from siamfc.array_types import ByteImage, FloatArray
from siamfc.errors import InputError
from siamfc.evaluation.runs import TrackerError
from siamfc.evaluation.trackers.trax_protocol import (
    Message,
    format_pixels,
    format_region,
    parse_region,
    read_message,
)

_PATIENCE_SECONDS = 2.0
_NAN = float("nan")


@dataclass(frozen=True, kw_only=True)
class TraxProgram:
    """Factory that starts a program with TraX on its standard input and output."""

    command: str
    """Command line, without shell syntax."""

    def __call__(self) -> "TraxTracker":
        """Start the program.

        Raises:
            InputError: the program does not exist or does not support TraX.
        """
        return TraxTracker(self.command)

    def record(self) -> dict[str, Any]:
        """Return the command."""
        return {"name": f"trax:{self.command}"}


class TraxTracker:
    """A program with TraX, versions 1 to 4, behind `init` and `update`.

    It is sent frames as raw pixels if it accepts them, otherwise as a file that is rewritten for
    each. Regions are 0-based, as the protocol defines them.

    Args:
        command: starts the program.

    Raises:
        InputError: the program does not exist or does not support TraX.
    """

    def __init__(self, command: str) -> None:
        try:
            self._process = subprocess.Popen(
                shlex.split(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
        except (OSError, ValueError, IndexError) as error:
            raise InputError(f"trax:{command}: it cannot be started: {error}") from None
        self._folder = tempfile.TemporaryDirectory(prefix="siamfc-trax-")
        self._frame = 0
        self._begun = False
        self.seconds = _NAN
        """Time between sending the last frame and its answer."""
        self.score = _NAN
        """The program's own `confidence`; NaN if it has none."""
        hello = self._read()
        if hello is None or hello.name != "hello":
            self.close()
            raise InputError(f"trax:{command}: not a TraX program: it sent no `hello`")
        facts = hello.properties
        try:
            self._version = int(facts.get("trax.version", "1"))
        except ValueError:
            self._version = 1
        self._raw = "memory" in facts.get("trax.image", "path").split(";")
        self._polygon = "rectangle" not in facts.get("trax.region", "rectangle").split(";")

    def init(self, image: ByteImage, box: FloatArray) -> None:
        """Initialise the program's tracker.

        Raises:
            TrackerError: the program ended the conversation.
        """
        region = format_region(box, polygon=self._polygon)
        if self._version < 4:
            self._ask(Message("initialize", [self._image(image), region]))
        else:
            if self._begun:
                self._write(Message("initialize"))  # drop the previous target
            self._write(Message("initialize", [region]))
            self._ask(Message("frame", [self._image(image)]))
        self._begun = True

    def update(self, image: ByteImage) -> ArrayLike:
        """Return the target's box.

        Raises:
            TrackerError: the program ended the conversation.
            InputError: its answer is not a region.
        """
        return self._ask(Message("frame", [self._image(image)]))

    def close(self) -> None:
        """Stop the program."""
        with suppress(TrackerError):
            self._write(Message("quit"))
        for pipe in (self._process.stdin, self._process.stdout):
            with suppress(OSError):
                if pipe is not None:
                    pipe.close()
        try:
            self._process.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def __del__(self) -> None:
        if hasattr(self, "_folder"):
            self.close()

    def _ask(self, message: Message) -> FloatArray:
        start = time.perf_counter()
        self._write(message)
        answer = self._read()
        self.seconds = time.perf_counter() - start
        if answer is None or answer.name != "state" or not answer.arguments:
            reason = answer.properties.get("trax.reason", answer.name) if answer else "no answer"
            raise TrackerError(f"the TraX program broke off: {reason}")
        try:
            self.score = float(answer.properties.get("confidence", _NAN))
        except ValueError:
            self.score = _NAN
        return parse_region(answer.arguments[0])

    def _write(self, message: Message) -> None:
        pipe = self._process.stdin
        if pipe is None or pipe.closed:
            return
        try:
            pipe.write(message.line())
            pipe.flush()
        except OSError as error:
            raise TrackerError(f"the TraX program broke off: {error}") from None

    def _read(self) -> Message | None:
        pipe: Any = self._process.stdout
        return read_message(pipe)

    def _image(self, image: ByteImage) -> str:
        if self._raw:
            return format_pixels(image)
        before = Path(self._folder.name, f"{self._frame}.png")
        self._frame += 1
        path = Path(self._folder.name, f"{self._frame}.png")
        Image.fromarray(image).save(path, compress_level=1)
        before.unlink(missing_ok=True)
        return f"file://{path}"
