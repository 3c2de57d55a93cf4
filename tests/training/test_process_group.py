"""Processes find each other, say why not, and end every step with the same weights."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from small import small_recipe

from siamfc.errors import InputError
from siamfc.training.process_group import (
    ProcessRank,
    average,
    process_from_environment,
    process_group,
)
from siamfc.training.sources import training_source
from siamfc.training.train_state import TrainState

HERE = Path(__file__).parent
CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("variables", "process"),
    [
        ({}, ProcessRank(0, 1, 0)),  # nobody launched it
        ({"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1"}, ProcessRank(3, 4, 1)),
        ({"RANK": "0", "WORLD_SIZE": "2"}, ProcessRank(0, 2, 0)),
    ],
)
def test_the_rank_is_what_the_launcher_says(variables, process, monkeypatch):
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert process_from_environment() == process


def test_a_place_that_is_no_number_is_refused(monkeypatch):
    monkeypatch.setenv("RANK", "first")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="RANK, WORLD_SIZE, LOCAL_RANK: expected whole numbers"):
        process_from_environment()


def test_a_port_in_use_is_said(monkeypatch):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
        monkeypatch.setenv("MASTER_PORT", str(port))
        message = f"127.0.0.1:{port}: the port is in use: set MASTER_PORT to another one"
        with pytest.raises(InputError, match=message), process_group(ProcessRank(0, 2), CPU):
            pass


def test_an_address_that_was_not_given_is_said(monkeypatch):
    monkeypatch.delenv("MASTER_ADDR", raising=False)
    monkeypatch.delenv("MASTER_PORT", raising=False)
    message = "expected 2 processes to meet here, process 0 could not"
    with pytest.raises(InputError, match=message), process_group(ProcessRank(0, 2), CPU):
        pass


def test_one_process_averages_nothing():
    tensor = torch.ones(3)
    average([tensor], 1)
    assert tensor.tolist() == [1, 1, 1]


PROGRAM = f"""
import sys
sys.path.insert(0, {str(HERE)!r})
import numpy as np, torch
from small import small_recipe
from siamfc.training.train_state import TrainState
from siamfc.training.process_group import process_group, process_from_environment
from siamfc.training.sources import training_source
torch.set_num_threads(1)
process, device = process_from_environment(), torch.device("cpu")
recipe = small_recipe(optimiser__warm_up_steps=0)
with process_group(process, device):
    train_state = TrainState(recipe, process=process)
    train_state.learn(training_source(recipe, device=device, process=process)(0))
    tensors = train_state.averaged.tensors()
    np.savez(sys.argv[1] + str(process.rank), loss=train_state.report().loss, **tensors)
"""


@pytest.mark.slow
def test_two_processes_take_the_step_of_their_mean_gradient(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = str(probe.getsockname()[1])
    meeting = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path / "rank")],
            env={**os.environ, **meeting, "RANK": str(rank), "OMP_NUM_THREADS": "1"},
        )
        for rank in range(2)
    ]
    assert [process.wait(timeout=300) for process in processes] == [0, 0]
    first, second = (dict(np.load(tmp_path / f"rank{rank}.npz")) for rank in range(2))
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    # SGD's first step is linear in the gradient: the mean of the steps that each takes alone.
    recipe = small_recipe(optimiser__warm_up_steps=0)
    alone = []
    for rank in range(2):
        train_state = TrainState(recipe)
        train_state.learn(training_source(recipe, device=CPU, process=ProcessRank(rank, 2))(0))
        alone.append({"loss": train_state.report().loss, **train_state.averaged.tensors()})
    for name, value in first.items():
        mean = (np.asarray(alone[0][name]) + alone[1][name]) / 2
        np.testing.assert_allclose(value, mean, rtol=1e-4, atol=1e-6, err_msg=name)
