"""A tracker in a process of its own, so that it can hang or die without taking the rest along.

The process is a plain child that is spoken to over pipes, so that it may also be had by worker
processes which multiprocessing forbids children of their own.
"""

import os
import pickle
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from numpy.typing import ArrayLike

from siamfc.array_types import ByteImage, FloatArray
from siamfc.errors import InputError
from siamfc.evaluation.runs import TrackerError
from siamfc.evaluation.trackers.third_party import RecordedFactory
from siamfc.evaluation.trackers.tracker_process import Answer

_START_SECONDS = 120.0
_PATIENCE_SECONDS = 2.0
_SOURCE = str(Path(__file__).parents[2])


@dataclass(frozen=True, kw_only=True)
class Isolated:
    """Makes a tracker in a process of its own, with a limit on how long it may think."""

    factory: RecordedFactory
    """Makes the tracker; can be pickled."""
    time_limit: float = 60.0
    """Seconds for each frame."""

    def __post_init__(self) -> None:
        if not self.time_limit > 0:
            raise InputError(f"time limit: expected seconds above 0, got {self.time_limit}")

    def __call__(self) -> "IsolatedTracker":
        """Start the process and make the tracker in it.

        Raises:
            InputError: the tracker cannot be made.
        """
        try:
            return IsolatedTracker(pickle.dumps(self.factory), self.time_limit)
        except TrackerError as error:
            raise InputError(f"the tracker cannot be made: {error}") from None

    @property
    def deterministic(self) -> bool:
        """Whether the tracker says of itself that it always does the same."""
        return bool(getattr(self.factory, "deterministic", False))

    def record(self) -> dict[str, Any]:
        """The tracker's own; the limit decides about failures only."""
        return self.factory.record()


class IsolatedTracker:
    """Speaks to a tracker in another process, which is restarted after it had to be ended.

    Args:
        factory: pickled, makes the tracker.
        time_limit: seconds for each frame.

    Raises:
        TrackerError: here and in every call: the tracker raised an error, gave no answer in time,
            or its process died.
    """

    def __init__(self, factory: bytes, time_limit: float) -> None:
        self._factory, self._time_limit = factory, time_limit
        self._process: subprocess.Popen[bytes] | None = None
        self.score = float("nan")
        """Of the last answer; NaN if the tracker has none."""
        self.seconds = float("nan")
        """That the last answer took the tracker, without the way there and back."""
        self._start()

    def init(self, image: ByteImage, box: FloatArray) -> None:
        """Tell the target."""
        if self._process is None:
            self._start()
        self._ask(("init", image, box), self._time_limit)

    def update(self, image: ByteImage) -> ArrayLike:
        """Ask for the target."""
        answer: ArrayLike = self._ask(("update", image), self._time_limit)
        return answer

    def close(self) -> None:
        """End the process, and those that it started."""
        self._end(_PATIENCE_SECONDS)

    def __del__(self) -> None:
        self.close()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "siamfc.evaluation.trackers.tracker_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([_SOURCE, *sys.path])},
            start_new_session=True,  # so that those whom it starts end with it
        )
        try:
            self._ask(("make", self._factory), _START_SECONDS)
        except TrackerError:
            self.close()
            raise

    def _ask(self, question: tuple[object, ...], limit: float) -> Any:
        if self._process is None:
            raise TrackerError("expected init(image, box) first: its process has ended")
        answers: SimpleQueue[Answer] = SimpleQueue()
        # Reading and writing both block while a tracker hangs, so neither is done here.
        self._exchange = threading.Thread(
            target=_exchange, args=(self._process, question, answers), daemon=True
        )
        self._exchange.start()
        try:
            kind, value, self.score, self.seconds = answers.get(timeout=limit)
        except Empty:
            self._end(0)
            raise TrackerError(f"no answer within {limit:g} s; its process was ended") from None
        if kind == "died":
            status = self._end(_PATIENCE_SECONDS)
            raise TrackerError(f"its process died (exit status {status})")
        if kind == "error":
            raise TrackerError(str(value))
        return value

    def _end(self, patience: float) -> int:
        """End the process, at the latest after `patience` seconds; its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if patience and process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()  # a well-behaved one ends now
        try:
            status = process.wait(patience)
        except subprocess.TimeoutExpired:
            status = _kill(process)
        self._exchange.join()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        return status


def _exchange(
    process: subprocess.Popen[bytes],
    question: tuple[object, ...],
    answers: "SimpleQueue[Answer]",
) -> None:
    """Ask a process and put its answer into `answers`."""
    try:
        if process.stdin is None or process.stdout is None:
            raise EOFError
        pickle.dump(question, process.stdin, protocol=pickle.HIGHEST_PROTOCOL)
        process.stdin.flush()
        answers.put(pickle.load(process.stdout))
    except (OSError, EOFError, ValueError, pickle.UnpicklingError):
        answers.put(("died", None, float("nan"), float("nan")))


def _kill(process: subprocess.Popen[bytes]) -> int:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except (AttributeError, ProcessLookupError):  # no groups on Windows; or it is gone
        process.kill()
    return process.wait()
