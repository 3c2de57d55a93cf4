"""Work over processes: in order, a few tasks at a time, with the original errors."""

import os
import signal
import struct
import sys
import time
from collections.abc import Iterator

import pytest

from siamfc.errors import InputError
from siamfc.workers import WorkerError, Workers


def square(number: int) -> int:
    return number * number


def fail_at_three(number: int) -> int:
    if number == 3:
        raise ValueError("three")
    return number


def process(_number: int) -> int:
    return os.getpid()


def die_while_handing_over(_number: int) -> None:
    """Take the lock of the results' pipe, announce a thousand bytes, send one, and be killed."""
    results = sys._getframe(1).f_locals["result_queue"]
    results._wlock.acquire()
    os.write(results._writer.fileno(), struct.pack("!i", 1000) + b"x")
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_a_process_killed_while_it_hands_over_a_result_is_one_line_too() -> None:
    with Workers(2) as workers, pytest.raises(WorkerError, match="a worker process was killed"):
        list(workers.map(die_while_handing_over, range(4)))


def interrupted(workers: Workers) -> None:
    with workers:
        for _ in workers.map_unordered(time.sleep, [0, 3600, 3600]):
            raise KeyboardInterrupt


def test_ctrl_c_does_not_wait_for_what_nobody_will_read() -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted(Workers(2))


@pytest.mark.parametrize("count", [1, 2])
def test_results_come_in_the_order_of_the_tasks(count: int) -> None:
    with Workers(count) as workers:
        assert list(workers.map(square, range(30))) == [n * n for n in range(30)]


@pytest.mark.parametrize(("count", "most"), [(1, 1), (2, 6)])
def test_tasks_are_taken_only_as_results_are_used(count: int, most: int) -> None:
    taken = []

    def tasks() -> Iterator[int]:
        for number in range(1000):
            taken.append(number)
            yield number

    with Workers(count) as workers:
        for used, _ in enumerate(workers.map(square, tasks())):
            assert len(taken) - used <= most
            if used == 50:
                break


@pytest.mark.parametrize("count", [1, 2])
def test_an_error_comes_out_after_the_results_before_it(count: int) -> None:
    with Workers(count) as workers:
        results = workers.map(fail_at_three, range(10))
        assert [next(results) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ValueError, match="three"):
            next(results)


def test_one_worker_is_this_process_and_two_are_others() -> None:
    with Workers() as workers:
        assert set(workers.map(process, range(3))) == {os.getpid()}
    with Workers(2) as workers:
        assert os.getpid() not in set(workers.map(process, range(8)))


def test_maps_may_feed_each_other() -> None:
    with Workers(2) as workers:
        squares = workers.map(square, range(20))
        assert list(workers.map(square, squares)) == [n**4 for n in range(20)]


def test_a_count_below_one_is_refused() -> None:
    with pytest.raises(InputError, match="workers: expected a whole number from 1 to 1024, got 0"):
        Workers(0)
