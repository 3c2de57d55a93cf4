"""Killed at any moment and resumed, a run ends with the same bits as one never killed."""

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from small import small_recipe

from siamfc.network.checkpoint import Checkpoint
from siamfc.training.run import RunOptions, run

HERE = Path(__file__).parent

PROGRAM = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import torch
from small import small_recipe
from siamfc.training.process_group import process_from_environment
from siamfc.training.run import RunOptions, run
torch.set_num_threads(1)
options = RunOptions(resume=True, process=process_from_environment(), save_seconds=0)
run(small_recipe(), sys.argv[1], options=options)
"""


def _start(out, world=1):
    """Start the processes of a run, which meet at a port of their own."""
    environments = [{}]
    if world > 1:
        port = _free_port()
        environments = [
            {
                "RANK": str(rank),
                "LOCAL_RANK": str(rank),
                "WORLD_SIZE": str(world),
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
            }
            for rank in range(world)
        ]
    return [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(out)],
            env={**os.environ, **more, "OMP_NUM_THREADS": "1"},
            stderr=subprocess.PIPE,
        )
        for more in environments
    ]


def _free_port():
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _finish(processes):
    for process in processes:
        _, complaint = process.communicate(timeout=300)
        assert process.returncode == 0, complaint.decode()


def _kill_after(processes, out, lines, wait):
    """Kill all once the log has so many lines and `wait` seconds have passed."""
    log = out / "log.jsonl"
    while not log.exists() or len(log.read_bytes().splitlines()) < lines:
        assert all(process.poll() is None for process in processes), "ended before it was killed"
        time.sleep(0.01)
    time.sleep(wait)
    for process in processes:
        process.kill()
    for process in processes:
        process.communicate()


def _result(out):
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    for line in log:
        line.pop("pairs_per_second", None)
    digests = [
        Checkpoint.load(path).metadata.digest
        for path in (out / "weights.safetensors", *sorted(out.glob("checkpoints/*")))
    ]
    return log, digests, (out / "state.safetensors").read_bytes()


@pytest.mark.slow  # four interpreters start, one after another
def test_one_process_killed_twice_ends_with_the_same_bits(tmp_path):
    run(small_recipe(), tmp_path / "whole")
    dice = random.Random()
    moments = [(lines, dice.random() * 0.3) for lines in sorted(dice.sample(range(1, 7), 2))]
    print("killed after lines of the log, seconds:", moments)  # noqa: T201 - if it fails
    out = tmp_path / "killed"
    for lines, wait in moments:
        _kill_after(_start(out), out, lines, wait)
    _finish(_start(out))
    assert _result(out) == _result(tmp_path / "whole")


def test_a_killed_process_ends_with_the_same_bits(tmp_path):
    run(small_recipe(), tmp_path / "whole")
    out = tmp_path / "killed"
    _kill_after(_start(out), out, 2, wait=0.05)
    run(small_recipe(), out, options=RunOptions(resume=True))
    assert _result(out) == _result(tmp_path / "whole")


@pytest.mark.slow
def test_two_processes_killed_end_with_the_same_bits(tmp_path):
    whole, out = tmp_path / "whole", tmp_path / "killed"
    _finish(_start(whole, world=2))
    _kill_after(_start(out, world=2), out, random.Random(5).randint(1, 6), wait=0.1)
    _finish(_start(out, world=2))
    assert _result(out) == _result(whole)
