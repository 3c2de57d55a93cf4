"""The exported graphs compared with the torch network, and their other guarantees."""

import json
from dataclasses import asdict, replace

import numpy as np
import onnx
import onnxruntime
import pytest
from network_samples import CHECKPOINTS, LIGHT_CHECKPOINTS, make_checkpoint, make_images

from siamfc import boxes as box_formats
from siamfc import geometry
from siamfc.errors import OutputError
from siamfc.network import Metadata, export_weights, load_checkpoint, load_matcher
from siamfc.network.export import build_graphs
from siamfc.network.light.decoding import Decoding
from siamfc.network.light.graphs import build_track_graph
from siamfc.network.onnx_runtime import OnnxMatcher
from siamfc.tracking import LightSettings
from siamfc.tracking.light.targets import move, relocate, start
from siamfc.tracking.redetection import LostSettings

pytest.importorskip("torch")

import torch

from siamfc.network.siamfc.model import Normalise, SiamFC

TOLERANCE = 1e-4
"""Largest difference between exported and torch responses, as a fraction of their spread."""


def torch_responses(checkpoint, exemplars, searches):
    """Return responses (N, S, 17, 17) of the network as trained, without folding."""
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
def test_graphs_equal_those_written_by_onnx(make):
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
        "README.md",
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


def test_export_overwrites_nothing_unless_asked(checkpoint, tmp_path):
    (tmp_path / "search.onnx").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"search\.onnx exists"):
        export_weights(checkpoint, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["search.onnx"]
    export_weights(checkpoint, tmp_path, overwrite=True)
    onnx.checker.check_model(onnx.load(tmp_path / "search.onnx"))


@pytest.fixture(scope="module")
def track_graph():
    """Return the graph of the shipped weights that selects a box, and their matcher."""
    checkpoint = load_checkpoint("light")
    graph = build_track_graph(checkpoint, Decoding())
    return onnxruntime.InferenceSession(graph), load_matcher("light", device="cpu")


def test_the_graph_chooses_the_box_that_the_tracker_chooses(track_graph):
    """Three targets of different shape at once, from noise to a plain square."""
    session, matcher = track_graph
    numbers = np.random.default_rng(4)
    images = numbers.integers(0, 255, (3, 255, 255, 3)).astype(np.uint8)
    images[1:] = 90
    images[1, 90:160, 110:150] = (230, 160, 0)
    images[2, 100:140, 60:190] = (20, 60, 220)
    sizes = np.array([[40, 40], [35, 72], [120, 30]], dtype=np.float32)
    exemplars = matcher.embed_exemplar(images[:, 64:191, 64:191].copy(), sizes)

    shown = np.ones((3, 2)) * (500, 500)
    boxes = box_formats.from_center(shown / 2, sizes.astype(np.float64))
    targets = start(boxes, (500, 500))
    pitch = geometry.exemplar_side(targets.size, 0.5) / 127
    logits, corners = matcher.locate(exemplars, images)
    settings = LightSettings()
    moved = move(targets, logits, corners, settings, matcher.spec, matcher.calibration)

    feeds = {"exemplars": exemplars, "images": images, "sizes": (sizes / pitch[:, None])}
    feeds["sizes"] = feeds["sizes"].astype(np.float32)
    found, scores = session.run(["boxes", "scores"], feeds)
    middles = 250 + (found[:, :2] + found[:, 2:] / 2 - 127.5) * pitch[:, None]
    np.testing.assert_allclose(middles, moved.center_frame, atol=1e-3)
    np.testing.assert_allclose(found[:, 2:] * pitch[:, None], moved.size, atol=1e-3)
    np.testing.assert_allclose(scores, moved.score, atol=1e-5)


def test_the_graph_finds_a_lost_target_where_the_tracker_does(track_graph):
    """In three windows of one target; the cosine window would prefer the noisy one."""
    session, matcher = track_graph
    images = np.random.default_rng(5).integers(0, 255, (3, 255, 255, 3)).astype(np.uint8)
    size = np.array([[36, 40]], dtype=np.float32)
    exemplars = matcher.embed_exemplar(images[:1, 64:191, 64:191].copy(), size).repeat(3, 0)

    targets = start([[232, 230, 36, 40]], (500, 500))
    targets = replace(targets, frames_lost=np.array([1]), score=np.array([0.0]))
    pitch = float(geometry.exemplar_side(targets.size, 0.5)[0]) / 127
    centers = np.array([[[100.0, 100], [300, 120], [250, 380]]])
    logits, corners = matcher.locate(exemplars, images)
    settings = LightSettings(lost=LostSettings(relocate_threshold=0.0))
    arguments = (centers, logits[None], corners[None], settings, matcher.spec, matcher.calibration)
    moved = relocate(targets, *arguments)

    sizes = (size / pitch).repeat(3, 0).astype(np.float32)
    names = ["free_centers", "free_scores", "free_credits", "boxes"]
    feeds = {"exemplars": exemplars, "images": images, "sizes": sizes}
    free, scores, shares, boxes = session.run(names, feeds)
    best = shares.argmax()
    there = centers[0, best] + (free[best] - 127.5) * pitch
    np.testing.assert_allclose(there, moved.center_frame[0], atol=1e-3)
    np.testing.assert_allclose(scores[best], moved.score[0], atol=1e-5)
    assert abs(free - boxes[:, :2] - boxes[:, 2:] / 2).max() > 8  # pixels: another cell


def test_the_graph_chooses_by_the_tracker_s_default_settings():
    defaults = asdict(Decoding())
    assert {name: getattr(LightSettings(), name) for name in defaults} == defaults
