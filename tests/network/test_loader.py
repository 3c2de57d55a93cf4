"""Loading of matchers from names and paths, and clear errors."""

import json
import subprocess
import sys

import numpy as np
import pytest
from network_samples import make_checkpoint, make_images

from siamfc.errors import CheckpointError, InputError, MissingDependencyError
from siamfc.network import (
    DEFAULT_WEIGHTS,
    available_weights,
    devices,
    export_weights,
    find_weights,
    load_checkpoint,
    load_matcher,
    loader,
)
from siamfc.network.onnx_runtime import OnnxMatcher

GRAPHS = ("exemplar.onnx", "search.onnx")


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """Weights under the default's name, and others called `small`."""
    folder = tmp_path_factory.mktemp("weights")
    export_weights(make_checkpoint(0), folder / DEFAULT_WEIGHTS)
    export_weights(make_checkpoint(1), folder / "small")
    return folder


@pytest.fixture(autouse=True)
def _shipped(shipped, monkeypatch):
    monkeypatch.setattr(loader, "_SHIPPED", shipped)


def hide(monkeypatch, *packages):
    """Make `devices` find that packages are not installed."""
    real = devices.find_spec
    monkeypatch.setattr(devices, "find_spec", lambda name: None if name in packages else real(name))


def test_weights_that_ship_are_listed(shipped):
    weights = available_weights()
    assert [item.name for item in weights] == [DEFAULT_WEIGHTS, "small"]
    assert weights[0].metadata == make_checkpoint(0).metadata
    assert weights[0].byte_count == sum(
        path.stat().st_size for path in (shipped / DEFAULT_WEIGHTS).iterdir()
    )


@pytest.mark.parametrize("form", ["name", "folder", "text", "checkpoint"])
def test_every_form_of_weights_gives_the_same_network(form, shipped):
    weights = {
        "name": "small",
        "folder": shipped / "small",
        "text": str(shipped / "small"),
        "checkpoint": shipped / "small" / "model.safetensors",
    }[form]
    matcher = load_matcher(weights, device="cpu", threads=1)
    exemplars, searches = make_images(seed=1, targets=1, scales=1)
    expected = load_matcher("small", device="cpu", threads=1)
    np.testing.assert_array_equal(
        matcher.respond(matcher.embed_exemplar(exemplars), searches),
        expected.respond(expected.embed_exemplar(exemplars), searches),
    )
    assert isinstance(matcher, OnnxMatcher)
    assert matcher.metadata.digest == load_checkpoint(weights).metadata.digest


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("defualt", "did you mean 'default'"),
        ("resnet", r"no weights named 'resnet' \(light, small ship\)"),
        ("runs/best.safetensors", "no such file or folder: runs/best.safetensors"),
        ("best.safetensors", "no such file or folder: best.safetensors"),
        ("a" * 5000, "no weights named"),
        ("nul\0l", "no weights named"),
    ],
)
def test_missing_weights_are_named(weights, message):
    with pytest.raises(CheckpointError, match=message):
        find_weights(weights)


def test_a_folder_with_one_graph_is_refused(tmp_path):
    export_weights(make_checkpoint(), tmp_path / "mine")
    (tmp_path / "mine" / "exemplar.onnx").unlink()
    with pytest.raises(CheckpointError, match=r"expected a file exemplar\.onnx, found none"):
        load_matcher(tmp_path / "mine", device="cpu")


def test_a_folder_without_weights_is_refused(tmp_path):
    with pytest.raises(CheckpointError, match=r"model\.safetensors: .*No such file"):
        load_matcher(tmp_path, device="cpu")


def test_a_folder_needs_its_graphs_or_its_checkpoint(tmp_path):
    export_weights(make_checkpoint(), tmp_path / "graphs")
    export_weights(make_checkpoint(), tmp_path / "checkpoint")
    (tmp_path / "graphs" / "model.safetensors").unlink()
    for name in GRAPHS:
        (tmp_path / "checkpoint" / name).unlink()
    exemplars, searches = make_images(seed=2, targets=1, scales=1)
    found = [
        one.respond(one.embed_exemplar(exemplars), searches)
        for one in (
            load_matcher(tmp_path / name, device="cpu", threads=1)
            for name in ("graphs", "checkpoint")
        )
    ]
    np.testing.assert_array_equal(*found)


def test_a_damaged_description_is_named(monkeypatch, tmp_path):
    monkeypatch.setattr(loader, "_SHIPPED", tmp_path)
    (tmp_path / DEFAULT_WEIGHTS).mkdir()
    path = tmp_path / DEFAULT_WEIGHTS / "model.json"
    for content in (b"\xff\xfe", b"{}", json.dumps({"format": 1}).encode()):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match=r"model\.json: "):
            available_weights()


@pytest.mark.parametrize("device", ["gpu", "cuda:0", ""])
def test_other_devices_are_refused(device):
    with pytest.raises(InputError, match="expected one of auto, cpu, cuda"):
        load_matcher(device=device)


@pytest.mark.parametrize("threads", [0, -1, 1.5, 10**11])
def test_other_numbers_of_threads_are_refused(threads):
    with pytest.raises(InputError, match="threads: expected a whole number from 1 to "):
        load_matcher(threads=threads)


def test_cuda_without_torch_says_what_to_install(monkeypatch):
    hide(monkeypatch, "torch")
    with pytest.raises(MissingDependencyError, match=r"pip install '\.\[train\]' in the source"):
        load_matcher(device="cuda")


def test_cuda_without_a_gpu_is_refused(monkeypatch):
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: False)
    with pytest.raises(InputError, match="torch finds no GPU"):
        load_matcher(device="cuda")


MISSING_PROVIDERS = [
    ("directml", "pip uninstall onnxruntime, then pip install onnxruntime-directml"),
    ("openvino", "pip uninstall onnxruntime, then pip install onnxruntime-openvino"),
    ("coreml", "it is for macOS"),
]


@pytest.mark.parametrize(("device", "advice"), MISSING_PROVIDERS)
def test_a_device_that_onnx_runtime_lacks_is_refused(device, advice, monkeypatch):
    monkeypatch.setattr(devices, "has_provider", lambda _: False)
    with pytest.raises(InputError) as caught:
        load_matcher(device=device)
    assert advice in str(caught.value)


@pytest.mark.parametrize("device", ["directml", "coreml", "openvino"])
def test_a_device_that_onnx_runtime_has_gives_the_same(device):
    if not devices.has_provider(device):
        pytest.skip(f"this ONNX Runtime cannot use {device}")
    here, there = (load_matcher(device=name, threads=1) for name in ("cpu", device))
    for count in (1, 3):  # the count may change from call to call
        crops, searches = make_images(0, count, 1)
        exemplars = here.embed_exemplar(crops)
        expected = here.respond(exemplars, searches)
        np.testing.assert_allclose(there.respond(exemplars, searches), expected, atol=1e-3)


def test_cuda_needs_the_checkpoint_in_the_folder(monkeypatch, tmp_path):
    export_weights(make_checkpoint(), tmp_path / "mine")
    (tmp_path / "mine" / "model.safetensors").unlink()
    monkeypatch.setattr(devices, "torch_has_cuda", lambda: True)
    with pytest.raises(CheckpointError, match="torch needs it for device 'cuda'"):
        load_matcher(tmp_path / "mine", device="cuda")


def test_auto_imports_torch_only_if_a_driver_is_installed(monkeypatch):
    def fail():
        raise AssertionError("torch was imported")

    monkeypatch.setattr(devices, "has_driver", lambda: False)
    monkeypatch.setattr(devices, "torch_has_cuda", fail)
    assert isinstance(load_matcher(device="auto", threads=1), OnnxMatcher)


def test_loading_needs_neither_torch_nor_onnx(shipped):
    code = (
        "import sys\n"
        "from siamfc.network import available_weights, load_matcher\n"
        "available_weights()\n"
        "print([name for name in ('torch', 'onnx', 'onnxruntime') if name in sys.modules])\n"
        "load_matcher(sys.argv[1], device='cpu')\n"
        "print([name for name in ('torch', 'onnx', 'onnxruntime') if name in sys.modules])\n"
    )
    for weights in (shipped / DEFAULT_WEIGHTS, shipped / "small" / "model.safetensors"):
        command = [sys.executable, "-c", code, str(weights)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
        assert answer.stdout.splitlines() == ["[]", "['onnxruntime']"]
        assert answer.stderr == ""


def test_graphs_are_built_once_for_all_trackers(monkeypatch, tmp_path):
    built = []
    real = loader.build_graphs
    monkeypatch.setattr(loader, "build_graphs", lambda c: built.append(c) or real(c))
    path = tmp_path / "mine.safetensors"
    for seed in (2, 3):
        make_checkpoint(seed).save(path, overwrite=True)
        for _ in range(2):
            matcher = load_matcher(path, device="cpu", threads=1)
            assert matcher.metadata.digest == make_checkpoint(seed).metadata.digest
    assert len(built) == 2, "once for each content of the file"
