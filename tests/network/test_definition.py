"""SiamFC is defined once: every way to run it also follows a changed table of layers."""

import sys
from dataclasses import replace
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from fused_cases import plainly
from network_samples import NORMALISATION, make_checkpoint, make_images
from torch.nn import functional

from siamfc.network.export import build_graphs
from siamfc.network.onnx_runtime import OnnxMatcher
from siamfc.network.siamfc import architecture
from siamfc.network.siamfc.model import Normalise, SiamFC
from siamfc.network.siamfc.space_to_depth import fold_images
from siamfc.network.siamfc.torch_matcher import TorchSiamFCMatcher
from siamfc.network.siamfc.training_pass import forward_pairs


def with_layers(**changes):
    """Return the table with changes to its rows by name; None removes one."""
    rows = {layer.name: layer for layer in architecture.LAYERS}
    changed = {name: replace(rows[name], **(changes.get(name) or {})) for name in rows}
    return tuple(row for name, row in changed.items() if changes.get(name, row) is not None)


TABLES = {
    "the paper's": with_layers(),
    "a narrower layer": with_layers(conv3={"outputs": 128}, conv4={"inputs": 128}),
    "no fourth layer": with_layers(conv4=None, conv3={"kernel": 5}),
    "no normalisation in the middle": with_layers(conv3={"norm": None}),
    "the second pooling later": with_layers(
        conv2={"pooled": False, "kernel": 3}, conv3={"pooled": True}, conv4={"kernel": 1}
    ),
    "a stride in place of a pooling": with_layers(conv2={"stride": 2, "pooled": False}),
    "other groups": with_layers(conv3={"groups": 2}, conv4={"groups": 1}),
}


@pytest.fixture(params=TABLES.values(), ids=TABLES)
def table(request, monkeypatch):
    monkeypatch.setattr(architecture, "LAYERS", request.param)
    return request.param


def make_model(checkpoint):
    model = SiamFC()
    model.load_tensors(checkpoint.tensors)
    return model


def trained_forward(model, exemplars, searches):
    """Evaluation mode, as validation calls it: (N, 1, 17, 17)."""
    prepare = Normalise(NORMALISATION)
    images = [
        prepare(torch.from_numpy(each).permute(0, 3, 1, 2)) for each in (exemplars, searches[:, 0])
    ]
    with torch.no_grad():
        return model.eval()(*images).numpy()


def by_hand(table, tensors, images):
    """Run the table's backbone in evaluation mode, implemented independently."""
    for row in table:
        name = f"backbone.{row.name}"
        weight, bias = tensors[f"{name}.weight"], tensors.get(f"{name}.bias")
        images = functional.conv2d(images, weight, bias, row.stride, groups=row.groups)
        if row.norm is not None:
            norm = f"backbone.{row.norm}"
            parts = ("running_mean", "running_var", "weight", "bias")
            values = [tensors[f"{norm}.{part}"] for part in parts]
            images = functional.relu(functional.batch_norm(images, *values))
        if row.pooled:
            images = functional.max_pool2d(images, 3, 2)
    return images


@pytest.mark.usefixtures("table")
def test_every_way_to_run_it_follows_the_table():
    checkpoint = make_checkpoint(1)
    exemplars, searches = make_images(2, targets=2, scales=1)
    expected = trained_forward(make_model(checkpoint), exemplars, searches)
    graphs = build_graphs(checkpoint)
    for matcher in (OnnxMatcher(*graphs, threads=1), TorchSiamFCMatcher(checkpoint, threads=1)):
        found = matcher.respond(matcher.embed_exemplar(exemplars), searches)
        assert np.abs(found - expected).max() < 1e-4 * np.ptp(expected), type(matcher).__name__


def test_the_model_follows_the_table(table):
    checkpoint = make_checkpoint(3)
    exemplars, _ = make_images(4, targets=1, scales=1)
    image = Normalise(NORMALISATION)(torch.from_numpy(exemplars).permute(0, 3, 1, 2))
    tensors = {name: torch.from_numpy(value) for name, value in checkpoint.tensors.items()}
    with torch.no_grad():
        found = make_model(checkpoint).backbone.eval()(image)
    torch.testing.assert_close(found, by_hand(table, tensors, image))


@pytest.fixture
def plain_kernels(monkeypatch):
    """Stand-ins for the fused kernels, which need Triton: the same functions in plain torch."""
    package = "siamfc.network.siamfc.kernels"
    normalisation = ModuleType(f"{package}.normalisation")
    convolution = ModuleType(f"{package}.convolution")

    def normalise(norm, images, *, pool, groups):
        maps = plainly(norm, [torch.cat(parts, 1) for parts in images], pool)
        return [list(each.chunk(groups, 1)) for each in maps]

    def fold_to_sixteen(images, settings, dtype):
        return functional.pad(fold_images(images, settings, dtype), (0, 0, 0, 0, 0, 4))

    normalisation.FOLDED_CHANNELS = 16
    normalisation.normalise, normalisation.fold_images = normalise, fold_to_sixteen
    convolution.convolve_folded = functional.conv2d
    for module in (normalisation, convolution):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        parent = sys.modules.get(package) or __import__(package, fromlist=["x"])
        monkeypatch.setattr(parent, module.__name__.rpartition(".")[2], module, raising=False)
    monkeypatch.delitem(sys.modules, f"{package}.embedding", raising=False)
    yield
    sys.modules.pop(f"{package}.embedding", None)


@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.parametrize("grouping", ["grouped", "split", "dense", "fused"])
def test_the_training_pass_follows_the_table(table, grouping):
    """With a batch's statistics as its running ones, the model gives that batch's responses."""
    checkpoint = make_checkpoint(5)
    exemplars, searches = make_images(6, targets=2, scales=1)
    images = torch.from_numpy(exemplars), torch.from_numpy(searches[:, 0])
    model = make_model(checkpoint)
    for row in table:
        if row.norm is not None:
            model.backbone.norm(row).momentum = 1.0  # keeps the last batch's statistics alone
    options = {"fused": True} if grouping == "fused" else {"grouping": grouping}
    found = forward_pairs(model, *images, NORMALISATION, dtype=torch.float32, **options)
    for row in table:
        if row.norm is not None:
            count = values_per_channel(table, row, images)
            model.backbone.norm(row).running_var.mul_((count - 1) / count)
    expected = trained_forward(model, exemplars, searches)[:, 0]
    assert np.abs(found.detach().numpy() - expected).max() < 1e-3 * np.ptp(expected)


def values_per_channel(table, last, images):
    """Return the number of values per channel over all images, the divisor of a variance."""
    count = 0
    for batch in images:
        size = batch.shape[1]
        for row in table[: table.index(last) + 1]:
            size = (size - row.kernel) // row.stride + 1
            side = size
            size = (size - 3) // 2 + 1 if row.pooled else size
        count += len(batch) * side**2
    return count
