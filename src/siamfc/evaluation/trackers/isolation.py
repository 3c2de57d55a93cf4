"""A tracker in a separate process, so that it can hang or die without stopping the evaluation.

The process is a plain child that communicates over pipes, since multiprocessing does not allow its
worker processes to have children of their own.
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
    """Factory of a tracker in a separate process, with a time limit."""

    factory: RecordedFactory
    """Makes the tracker; picklable."""
    time_limit: float = 60.0
    """Seconds per frame."""

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
        """True if the tracker declares that it always returns the same boxes."""
        return bool(getattr(self.factory, "deterministic", False))

    def record(self) -> dict[str, Any]:
        """Return the tracker's record; the limit only decides about failures."""
        return self.factory.record()


class IsolatedTracker:
    """A tracker in another process, which is restarted after it was killed.

    Args:
        factory: pickled factory of the tracker.
        time_limit: seconds per frame.

    Raises:
        TrackerError: here and in every call: the tracker raised an error, timed out, or its process
            died.
    """

    def __init__(self, factory: bytes, time_limit: float) -> None:
        self._factory, self._time_limit = factory, time_limit
        self._process: subprocess.Popen[bytes] | None = None
        self.score = float("nan")
        """Score of the last answer; NaN if the tracker has none."""
        self.seconds = float("nan")
        """Time of the last answer in the tracker, excluding communication."""
        self._start()

    def init(self, image: ByteImage, box: FloatArray) -> None:
        """Initialise the tracker."""
        if self._process is None:
            self._start()
        self._ask(("init", image, box), self._time_limit)

    def update(self, image: ByteImage) -> ArrayLike:
        """Update the tracker and return its box."""
        answer: ArrayLike = self._ask(("update", image), self._time_limit)
        return answer

    def close(self) -> None:
        """Stop the process and its children."""
        self._end(_PATIENCE_SECONDS)

    def __del__(self) -> None:
        self.close()

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "siamfc.evaluation.trackers.tracker_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([_SOURCE, *sys.path])},
            start_new_session=True,  # so that its children can be killed with it
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
        """Stop the process within `patience` seconds and return its exit status."""
        process, self._process = self._process, None
        if process is None:
            return 0
        if patience and process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()  # a well-behaved process exits now
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
    """Send a question to a process and put its answer into `answers`."""
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
    except (AttributeError, ProcessLookupError):  # no groups on Windows, or already dead
        process.kill()
    return process.wait()
