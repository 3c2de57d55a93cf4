"""One thread that tracks: jobs take their turns, first come, first served."""

from __future__ import annotations

import logging
import threading
from collections import deque

from siamfc.web.job import Job

_logger = logging.getLogger(__name__)


class Worker:
    """Runs jobs one after the other; the network's threads are shared by nobody else."""

    def __init__(self) -> None:
        self._queue: deque[Job] = deque()
        self._changed = threading.Condition()
        self._stopped = False
        self._is_busy = False
        self._thread = threading.Thread(target=self._work, name="siamfc-track", daemon=True)
        self._thread.start()

    @property
    def is_busy(self) -> bool:
        """Whether a job is being run."""
        return self._is_busy

    def submit(self, job: Job) -> None:
        """Put a job at the end of the queue."""
        with self._changed:
            if job in self._queue:
                self._queue.remove(job)
            self._queue.append(job)
            self._changed.notify_all()

    def stop(self) -> None:
        """End after the frame in hand; the jobs must have been closed."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        self._thread.join(timeout=10)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._queue or self._stopped)
                if self._stopped:
                    return
                job = self._queue.popleft()
            self._is_busy = True
            try:
                job.run()
            except Exception:  # a fault of ours must not end all other jobs
                _logger.exception("tracking failed")
                job.fail("an unexpected error; the server's log has it")
            finally:
                self._is_busy = False
