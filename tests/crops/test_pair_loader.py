"""Ends of the processes that read ahead; the pairs' tests cover their output."""

import os
import signal
import subprocess
import sys
import time

import pytest

PROGRAM = """
import signal, sys
from siamfc.crops.loader import PairLoader
from siamfc.crops.pairs import PairSampling, StorePairs
from siamfc.crops.store import Store

def end(number, _frame):
    raise SystemExit(128 + number)

if __name__ == "__main__":
    signal.signal(signal.SIGTERM, end)
    loader = PairLoader(StorePairs([Store(sys.argv[1])], PairSampling()), 2, workers=2)
    for _ in loader.epoch(0):
        print("reading", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no groups of processes")
def test_a_signalled_group_of_processes_ends_silently(store, tmp_path):
    """Like `timeout` and SLURM; two batches, one per worker, show that both have started."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    process = subprocess.Popen(
        [sys.executable, str(program), str(store.path)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert [process.stdout.readline() for _ in range(2)] == ["reading\n"] * 2
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGTERM)
    _, complaint = process.communicate(timeout=300)
    assert (process.returncode, complaint) == (128 + signal.SIGTERM, "")


FULL = """
import resource, sys
from siamfc.crops.loader import PairLoader
from siamfc.crops.pairs import PairSampling, StorePairs
from siamfc.crops.store import Store
from siamfc.errors import OutputError

if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    loader = PairLoader(StorePairs([Store(sys.argv[1])], PairSampling()), 2, workers=1)
    try:
        next(loader.epoch(0))
    except OutputError as error:
        print(error)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="shared memory is a file on Linux alone")
def test_full_shared_memory_is_an_error_rather_than_a_wait(store, tmp_path):
    """A limit on files stands for a full /dev/shm: 64 MB in Docker."""
    program = tmp_path / "program.py"
    program.write_text(FULL)
    done = subprocess.run(
        [sys.executable, str(program), str(store.path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    assert done.stdout.startswith("shared memory (/dev/shm) has no room"), done.stderr
