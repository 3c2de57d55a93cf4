"""The stand-in for NanoTrackV2 in speed measurements."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

PATH = Path(__file__).parents[2] / "benchmarks" / "nanotrack_layers.py"


@pytest.fixture(scope="module")
def graphs(tmp_path_factory):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    spec = importlib.util.spec_from_file_location("nanotrack_layers", PATH)
    layers = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(layers)
    paths = layers.write(tmp_path_factory.mktemp("nano"))
    return [onnxruntime.InferenceSession(path) for path in paths]


def test_its_inputs_and_outputs_are_those_of_opencvs_tracker(graphs):
    backbone, head = graphs
    pixels = np.random.default_rng(0).uniform(0, 255, (1, 3, 255, 255)).astype(np.float32)
    (exemplar,) = backbone.run(["output"], {"input": pixels[..., :127, :127]})
    (search,) = backbone.run(["output"], {"input": pixels})
    assert exemplar.shape == (1, 48, 8, 8)
    assert search.shape == (1, 48, 16, 16)
    scores, sides = head.run(["output1", "output2"], {"input1": exemplar, "input2": search})
    assert scores.shape == (1, 2, 16, 16)
    np.testing.assert_allclose(sides, np.full((1, 4, 16, 16), 32), rtol=0.01)


def test_its_layers_hold_as_many_numbers_as_the_published_backbone(graphs):
    """Weights and biases of the 39 layers, counted in the published list of layers."""
    import onnx

    backbone = onnx.load(graphs[0]._model_path)
    counted = sum(np.prod(one.dims) for one in backbone.graph.initializer if len(one.dims) == 4)
    depthwise = 144 + 648 + 792 + 2400 + 2 * 6000 + 3000 + 3600
    dense = 432 + 256 + 1152 + 1728 + 2 * 2112 + 2304 + 3840 + 4 * 9600 + 4800 + 5760 + 2 * 6912
    excitation = 2 * (128 + 2304 + 2 * 15360 + 3840 + 5760)
    assert counted == depthwise + dense + excitation
