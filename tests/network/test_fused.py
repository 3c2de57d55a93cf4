"""The fused kernels compute the same as torch, on Triton's interpreter and on a GPU."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")

import torch
from fused_cases import CASES, assert_convolved_alike, assert_folded_alike, assert_normalised_alike
from network_samples import NORMALISATION, make_images, make_tensors

from siamfc.network.devices import runs_kernels
from siamfc.network.siamfc.model import SiamFC
from siamfc.network.siamfc.training_pass import forward_pairs

on_gpu = [
    pytest.mark.gpu,
    pytest.mark.skipif(not runs_kernels(torch.device("cuda")), reason="needs Triton"),
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs Triton")
def test_the_kernels_equal_torch_on_the_interpreter():
    # In a separate process, because Triton decides on import whether to interpret.
    program = Path(__file__).with_name("fused_cases.py")
    environment = {**os.environ, "TRITON_INTERPRET": "1"}
    done = subprocess.run(
        [sys.executable, program], capture_output=True, text=True, env=environment, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "agreed\n"


def test_the_cpu_takes_the_plain_path():
    assert not runs_kernels(torch.device("cpu"))


def gpu(function):
    for mark in on_gpu:
        function = mark(function)
    return function


@gpu
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_the_kernels_equal_torch_on_a_gpu(case, dtype):
    assert_normalised_alike(*case, device="cuda", dtype=dtype)


@gpu
def test_the_kernels_equal_torch_on_large_maps():
    assert_normalised_alike(96, 1, 2, True, [(9, 59, 59), (9, 123, 123)], device="cuda")
    assert_normalised_alike(384, 1, 2, False, [(33, 10, 10), (33, 26, 26)], device="cuda")


@gpu
def test_a_gpu_folds_images_in_the_same_way():
    assert_folded_alike("cuda")


@gpu
@pytest.mark.parametrize("sizes", [(2, 9, 11), (5, 64, 64), (3, 128, 128)], ids=str)
def test_the_first_convolution_is_torchs_on_a_gpu(sizes):
    assert_convolved_alike(sizes, device="cuda", dtype=torch.bfloat16)


def _pass(fused, dtype, device):
    """Return logits, gradients and statistics of one training pass."""
    model = SiamFC()
    model.load_tensors(make_tensors(2))
    model.to(device)
    model.to(memory_format=torch.channels_last)
    exemplars, searches = make_images(4, targets=6, scales=1)
    images = [torch.from_numpy(each).to(device) for each in (exemplars, searches[:, 0])]
    logits = forward_pairs(model, *images, NORMALISATION, dtype=dtype, fused=fused)
    logits.float().square().mean().backward()
    found = {name: p.grad for name, p in model.named_parameters()}
    found |= {name: b for name, b in model.named_buffers() if b.is_floating_point()}
    return {"logits": logits.detach(), **found}


@pytest.fixture(scope="module")
def exact():
    return _pass(fused=False, dtype=torch.float64, device="cpu")


@gpu
@pytest.mark.parametrize(
    ("dtype", "least"), [(torch.float32, 1e-4), (torch.bfloat16, 1e-3)], ids=str
)
def test_a_fused_pass_is_as_accurate_as_the_plain_one(exact, dtype, least):
    # Rounding decides which of two almost equal values a pooling takes, and with it the gradient's
    # way; so gradients err by far more than sums do, whoever computes them.
    torch.backends.cudnn.allow_tf32 = False
    plain = _pass(fused=False, dtype=dtype, device="cuda")
    fused = _pass(fused=True, dtype=dtype, device="cuda")
    for name, tensor in exact.items():
        errors = [(each[name].cpu() - tensor).norm() / tensor.norm() for each in (fused, plain)]
        assert errors[0] < 2 * errors[1] + least, f"{name}: {errors}"
