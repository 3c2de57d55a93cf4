"""Compares the fused kernels with torch in float64; run as a program, on Triton's interpreter.

Each case: channels, groups given, groups wanted, whether to pool, sizes (N, H, W) of the maps.
"""

import copy
import os
import sys

import torch
from torch import nn
from torch.nn import functional

CASES = {
    "conv1 to conv2": (96, 1, 2, True, [(2, 7, 7), (2, 13, 11)]),
    "conv2 to conv3": (256, 2, 1, True, [(2, 5, 5), (1, 9, 7)]),
    "conv3 to conv4": (384, 1, 2, False, [(2, 5, 5), (1, 4, 9)]),
    "conv4 to conv5": (384, 2, 2, False, [(1, 3, 3), (2, 5, 4)]),
    "even sides, whose last row no window covers": (96, 1, 1, True, [(2, 8, 6)]),
}


def plainly(norm, maps, pool):
    """Compute the same with torch: mean and variance over all maps, ReLU, pooling."""
    flat = torch.cat([each.transpose(0, 1).flatten(1) for each in maps], 1)
    mean, var = flat.mean(1), flat.var(1, unbiased=False)
    with torch.no_grad():
        norm.running_mean.lerp_(mean, norm.momentum)
        norm.running_var.lerp_(flat.var(1), norm.momentum)
    results = []
    for each in maps:
        z = (each - mean.view(1, -1, 1, 1)) / torch.sqrt(var + norm.eps).view(1, -1, 1, 1)
        z = functional.relu(z * norm.weight.view(1, -1, 1, 1) + norm.bias.view(1, -1, 1, 1))
        results.append(functional.max_pool2d(z, 3, stride=2) if pool else z)
    return results


def assert_normalised_alike(
    channels, given, wanted, pool, sizes, *, device="cpu", dtype=torch.float32
):
    """Raise an AssertionError unless values, gradients and running statistics agree."""
    from siamfc.network.siamfc.kernels import normalisation as fused

    generator = torch.Generator().manual_seed(channels)
    norm = nn.BatchNorm2d(channels)
    nn.init.normal_(norm.weight, generator=generator)  # of either sign
    nn.init.normal_(norm.bias, generator=generator)
    exact = copy.deepcopy(norm).double()
    norm.to(device)
    maps = [torch.randn((n, channels, h, w), generator=generator) for n, h, w in sizes]
    maps = [(1.5 * each + 0.7).to(dtype) for each in maps]
    mine = [
        [
            part.to(device).contiguous(memory_format=torch.channels_last).requires_grad_()
            for part in each.chunk(given, 1)
        ]
        for each in maps
    ]
    wide = [each.double().requires_grad_() for each in maps]
    found = fused.normalise(norm, mine, pool=pool, groups=wanted)
    expected = plainly(exact, wide, pool)
    sent = [torch.randn(each.shape, generator=generator).to(dtype) for each in expected]
    parts = [part.to(device) for each in sent for part in each.chunk(wanted, 1)]
    torch.autograd.backward([group for groups in found for group in groups], parts)
    torch.autograd.backward(expected, [each.double() for each in sent])
    share = 1e-5 if dtype == torch.float32 else 1e-2
    for groups, each in zip(found, expected, strict=True):
        assert len(groups) == wanted
        _same(torch.cat(groups, 1), each, share)
    for groups, each in zip(mine, wide, strict=True):
        _same(torch.cat([part.grad for part in groups], 1), each.grad, share)
    _same(norm.weight.grad, exact.weight.grad, share)
    _same(norm.bias.grad, exact.bias.grad, share)
    _same(norm.running_mean, exact.running_mean, share)
    _same(norm.running_var, exact.running_var, share)


def assert_folded_alike(device="cpu"):
    """Raise an AssertionError unless images are folded as `space_to_depth` folds them."""
    from siamfc.network.normalisation import Normalisation
    from siamfc.network.siamfc import space_to_depth
    from siamfc.network.siamfc.kernels import normalisation as fused

    generator = torch.Generator().manual_seed(1)
    shape = (2, 11, 13, 3)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator).to(device)
    normalisation = Normalisation(mean=(0.4, 0.45, 0.5), std=(0.2, 0.25, 0.3))
    found = fused.fold_images(images, normalisation, torch.float32)
    expected = space_to_depth.fold_images(images, normalisation, torch.float32)
    _same(found[:, :12], expected, 1e-6)
    assert not found[:, 12:].any()


def assert_convolved_alike(sizes=(2, 9, 11), *, device="cpu", dtype=torch.float32):
    """Raise an AssertionError unless `convolve_folded` and its gradient are `conv2d`'s."""
    from siamfc.network.siamfc.kernels.convolution import convolve_folded

    generator = torch.Generator().manual_seed(2)
    count, height, width = sizes
    images = torch.randn((count, 16, height, width), generator=generator).to(dtype)
    weight = torch.randn((96, 16, 6, 6), generator=generator).to(dtype).float()
    mine = weight.clone().to(device).requires_grad_()
    wide = weight.double().requires_grad_()
    own = images.to(device).contiguous(memory_format=torch.channels_last)
    found = convolve_folded(own, mine)
    expected = functional.conv2d(images.double(), wide)
    sent = torch.randn(expected.shape, generator=generator).to(dtype)
    found.backward(sent.to(device))
    expected.backward(sent.double())
    _same(found, expected, 1e-5 if dtype == torch.float32 else 1e-2)
    _same(mine.grad, wide.grad, 1e-5)


def _same(found, expected, share):
    difference = (found.double().cpu() - expected.double().cpu()).abs().max()
    assert difference <= share * expected.abs().max(), f"{difference} of {expected.abs().max()}"


if __name__ == "__main__":
    assert os.environ["TRITON_INTERPRET"] == "1"
    torch.set_num_threads(1)
    for case in CASES.values():
        assert_normalised_alike(*case)
    assert_folded_alike()
    assert_convolved_alike()
    sys.stdout.write("agreed\n")
