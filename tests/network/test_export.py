"""The exported graphs against the torch network, and what else is promised of them."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from network_samples import CHECKPOINTS, LIGHT_CHECKPOINTS, make_checkpoint, make_images

from siamfc.errors import OutputError
from siamfc.network import Metadata, export_weights
from siamfc.network.export import build_graphs
from siamfc.network.onnx_runtime import OnnxMatcher

pytest.importorskip("torch")

import torch

from siamfc.network.siamfc.model import Normalise, SiamFC

TOLERANCE = 1e-4
"""Largest difference between exported and torch responses, as a share of the torch ones' spread."""


def torch_responses(checkpoint, exemplars, searches):
    """Responses (N, S, 17, 17) of the network as it is trained, nothing folded."""
    model = SiamFC().eval()
    model.load_tensors(checkpoint.tensors)
    normalise = Normalise(checkpoint.metadata.normalisation)
    targets, scales = searches.shape[:2]
    with torch.no_grad():
        planes = torch.tensor(exemplars.repeat(scales, 0)).permute(0, 3, 1, 2)
        search_planes = torch.tensor(searches).flatten(0, 1).permute(0, 3, 1, 2)
        responses = model(normalise(planes), normalise(search_planes))
    return responses.view(targets, scales, 17, 17).numpy()


@pytest.mark.parametrize("make", CHECKPOINTS)
def test_exported_and_torch_responses_agree(make):
    checkpoint = make()
    exemplars, searches = make_images(seed=1, targets=2, scales=3)
    matcher = OnnxMatcher(*build_graphs(checkpoint), threads=1)
    found = matcher.respond(matcher.embed_exemplar(exemplars), searches)
    expected = torch_responses(checkpoint, exemplars, searches)
    assert found.shape == (2, 3, 17, 17)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < TOLERANCE * np.ptp(expected)


def test_a_graph_is_the_same_bytes_every_time_and_fits_a_web_page():
    graphs = build_graphs(make_checkpoint())
    assert graphs == build_graphs(make_checkpoint())
    assert max(map(len, graphs)) < 10e6


@pytest.mark.parametrize("make", [*CHECKPOINTS, *LIGHT_CHECKPOINTS])
def test_graphs_are_what_onnx_itself_would_write(make):
    for graph in build_graphs(make()):
        model = onnx.load_from_string(graph)
        onnx.checker.check_model(model, full_check=True)
        assert model.SerializeToString(deterministic=True) == graph


def test_a_folder_of_weights_describes_itself(checkpoint, tmp_path):
    paths = export_weights(checkpoint, tmp_path / "mine")
    assert {path.name for path in paths} == {
        "exemplar.onnx",
        "search.onnx",
        "model.safetensors",
        "model.json",
    }
    text = (tmp_path / "mine" / "model.json").read_text()
    assert Metadata.from_json(text) == checkpoint.metadata
    for name, described in json.loads(text)["graphs"].items():
        session = onnxruntime.InferenceSession(tmp_path / "mine" / name)
        for side, values in (
            ("inputs", session.get_inputs()),
            ("outputs", session.get_outputs()),
        ):
            assert described[side].keys() == {value.name for value in values}
            for value in values:
                assert described[side][value.name]["shape"] == value.shape
        properties = onnx.load(tmp_path / "mine" / name).metadata_props
        assert {item.key: item.value for item in properties} == {
            "siamfc": checkpoint.metadata.to_json()
        }


def test_export_replaces_nothing_unless_told(checkpoint, tmp_path):
    (tmp_path / "search.onnx").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"search\.onnx exists"):
        export_weights(checkpoint, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["search.onnx"]
    export_weights(checkpoint, tmp_path, overwrite=True)
    onnx.checker.check_model(onnx.load(tmp_path / "search.onnx"))
