"""Child process of `isolation`: reads questions, calls its tracker, writes answers.

Started as `python -m siamfc.evaluation.trackers.tracker_process`, with pickles on standard input
and output. The tracker's own output goes to standard error.
"""

import os
import pickle
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from siamfc.evaluation.runs import describe

_NAN = float("nan")

Answer = tuple[str, Any, float, float]
"""`done` or `error`; the box or the error's text; the tracker's score; the seconds it took."""


def main() -> None:
    """Answer questions until the input ends."""
    questions = sys.stdin.buffer
    tracker: Any = None
    with os.fdopen(os.dup(1), "wb") as answers:
        os.dup2(2, 1)
        while True:
            try:
                name, *arguments = pickle.load(questions)
            except EOFError:
                return
            start = time.perf_counter()
            try:
                box = None
                if name == "make":
                    make: Callable[[], Any] = pickle.loads(arguments[0])
                    tracker = make()
                elif name == "init":
                    tracker.init(*arguments)
                else:
                    box = np.asarray(tracker.update(*arguments), dtype=np.float64)
                seconds = getattr(tracker, "seconds", time.perf_counter() - start)
                answer: Answer = ("done", box, float(getattr(tracker, "score", _NAN)), seconds)
            except Exception as error:  # a third-party tracker may raise anything
                answer = ("error", describe(error), _NAN, _NAN)
            pickle.dump(answer, answers, protocol=pickle.HIGHEST_PROTOCOL)
            answers.flush()


if __name__ == "__main__":
    main()
