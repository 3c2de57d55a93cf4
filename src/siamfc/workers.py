"""Work spread over processes, on this machine or on a Dask cluster, with bounded memory.

Everything is written against `concurrent.futures.Executor`. Results come in the order of the tasks
unless requested otherwise, so they do not depend on which process did the work.
"""

import io
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from typing import Any, Self, TypeVar

from siamfc.checks import check_whole
from siamfc.errors import MissingDependencyError, SiamFCError, install_command

Task = TypeVar("Task")
Result = TypeVar("Result")

_CONNECT_SECONDS = 30
_MOST_WORKERS = 1024
_LOOK_SECONDS = 1.0
_ADVICE = "what is done is kept: run again, with fewer workers if memory was short"
_AHEAD = 3  # tasks submitted per worker: one running, one waiting, one handed back


class WorkerError(SiamFCError):
    """Workers died or could not be reached."""


class Workers:
    """Processes that run functions; use as a context manager.

    Args:
        count: processes on this machine; 1 works in this process.
        cluster: address of a Dask scheduler, such as `tcp://10.0.0.1:8786`, instead of `count`.

    Raises:
        InputError: `count` is not a whole number from 1 to 1024.
        WorkerError: no scheduler answers at `cluster`.
        MissingDependencyError: `cluster` is given and `distributed` is not installed.

    >>> with Workers() as workers:
    ...     list(workers.map(abs, [-1, 2, -3]))
    [1, 2, 3]
    """

    def __init__(self, count: int = 1, *, cluster: str | None = None) -> None:
        check_whole("workers", count, 1, _MOST_WORKERS)
        self._count = count
        self._cluster = cluster
        self._client: Any = None
        self._executor: Executor | None = None
        self._ended = threading.Event()

    def __enter__(self) -> Self:
        if self._cluster is not None:
            self._client = _connect(self._cluster)
            self._executor = self._client.get_executor(retries=2)
        elif self._count > 1:
            from multiprocessing import get_context

            # A fresh interpreter inherits neither threads nor open files of this one.
            pool = ProcessPoolExecutor(
                self._count, mp_context=get_context("spawn"), initializer=_begin_worker
            )
            self._executor = pool
            self._ended.clear()
            threading.Thread(target=_watch, args=(pool, self._ended), daemon=True).start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._client is not None:
            self._client.close()
        elif self._executor is not None:
            if kind is not None and not issubclass(kind, Exception):
                for process in _processes(self._executor):  # interrupted: drop their results
                    process.terminate()
            self._executor.shutdown(wait=True, cancel_futures=True)
            self._ended.set()

    def map(self, function: Callable[[Task], Result], tasks: Iterable[Task]) -> Iterator[Result]:
        """Call `function` with each task and yield the results in the order of the tasks.

        Tasks are only taken as results are consumed: a few per worker are in progress at any time.
        `function`, tasks and results must be picklable.

        Raises:
            WorkerError: a worker process was killed, or a cluster lost too many.
            Exception: any error that `function` raised.
        """
        return self._run(function, tasks, _take_oldest)

    def map_unordered(
        self, function: Callable[[Task], Result], tasks: Iterable[Task]
    ) -> Iterator[Result]:
        """Call `function` with each task and yield each result as soon as it is ready.

        Use this for results that are saved one by one: none waits for a slower task before it, and
        so none is lost if the run is killed.

        Raises:
            WorkerError: a worker process was killed, or a cluster lost too many.
            Exception: any error that `function` raised.
        """
        return self._run(function, tasks, _take_done)

    def _run(
        self,
        function: Callable[[Task], Result],
        tasks: Iterable[Task],
        take: Callable[[list[Future[Result]]], list[Future[Result]]],
    ) -> Iterator[Result]:
        """Keep tasks in progress; `take` removes the next results' futures from the list."""
        if self._executor is None:
            yield from map(function, tasks)
            return
        remaining = iter(tasks)
        under_way: list[Future[Result]] = []
        try:
            while True:
                room = max(self._limit() - len(under_way), 0)  # a cluster may have shrunk
                for task in islice(remaining, room):
                    with _explained_deaths():
                        under_way.append(self._executor.submit(function, task))
                if not under_way:
                    return
                taken = take(under_way)
                while taken:
                    with _explained_deaths():
                        result = taken.pop().result()
                    yield result
                    del result  # not held while the next one is waited for
        finally:
            for future in under_way:
                future.cancel()

    def _limit(self) -> int:
        """Return the most tasks in progress, at this moment: a cluster grows and shrinks."""
        if self._client is None:
            return _AHEAD * self._count
        try:
            threads: int = sum(self._client.nthreads().values())
        except OSError:
            raise WorkerError(f"the connection to the cluster was lost; {_ADVICE}") from None
        return _AHEAD * max(threads, 1)


def _take_oldest(under_way: list[Future[Result]]) -> list[Future[Result]]:
    """Remove the first future; reading its result waits for it."""
    return [under_way.pop(0)]


def _take_done(under_way: list[Future[Result]]) -> list[Future[Result]]:
    """Wait for at least one future, then remove those that are done."""
    done, under_way[:] = wait(under_way, return_when=FIRST_COMPLETED)
    return list(done)


def _connect(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise MissingDependencyError(
            f"a cluster needs `distributed`: {install_command('cluster')}"
        ) from None
    try:
        return Client(address, timeout=_CONNECT_SECONDS)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WorkerError(
            f"no Dask scheduler answers at {address!r} ({reason}): start one, or check the address"
        ) from None


@contextmanager
def _explained_deaths() -> Iterator[None]:
    """Turn a dead worker into a one-line WorkerError."""
    try:
        yield
    except BrokenProcessPool:
        raise WorkerError(f"a worker process was killed; {_ADVICE}") from None
    except CancelledError:
        raise WorkerError(f"the connection to the cluster was lost; {_ADVICE}") from None
    except Exception as error:
        if type(error).__name__ == "KilledWorker":  # distributed may not be installed
            raise WorkerError(f"the cluster lost its workers ({error}); {_ADVICE}") from None
        raise


def _watch(pool: ProcessPoolExecutor, ended: threading.Event) -> None:
    """Break a pool that does not notice that one of its processes was killed.

    A process killed while it hands over a result leaves part of it in the pipe and the pipe's lock
    taken: the pool waits forever for the rest, and the other processes for the lock. Once every
    process is dead and the pool's own end of the pipe is closed, the pool sees the end of the pipe.
    """
    while not ended.wait(_LOOK_SECONDS):
        processes = _processes(pool)
        if not any(process.exitcode for process in processes):
            continue
        if ended.wait(_LOOK_SECONDS) or pool._broken:
            return
        for process in processes:
            process.kill()
        results: Any = pool._result_queue
        # The pool's shutdown closes its writer too, perhaps at the same moment: give it another.
        writer, results._writer = results._writer, io.BytesIO()
        writer.close()
        return


def _processes(pool: Executor) -> list[Any]:
    """Return the processes that a pool has started so far."""
    return list((getattr(pool, "_processes", None) or {}).values())


def _begin_worker() -> None:
    """Leave Ctrl-C to the parent process, and exit when it exits."""
    import signal
    from multiprocessing import connection, parent_process

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    if parent is None:
        return

    def follow() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
