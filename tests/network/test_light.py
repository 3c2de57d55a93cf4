"""The light network: its graphs and runtimes agree; its files are distinct from SiamFC's."""

import sys
from dataclasses import replace

import numpy as np
import pytest
from network_samples import (
    LIGHT_CHECKPOINTS,
    make_checkpoint,
    make_images,
    make_light_checkpoint,
)

from siamfc.errors import CheckpointError, InputError
from siamfc.network import (
    Checkpoint,
    EmbeddingSpec,
    Metadata,
    export_weights,
    load_checkpoint,
    load_matcher,
)
from siamfc.network.architectures import LIGHT, find_layout
from siamfc.network.export import build_graphs
from siamfc.network.onnx_runtime import OnnxBoxMatcher, OnnxMatcher, open_graphs
from siamfc.network.signatures import exemplar_signature, search_signature
from siamfc.tracking.exemplar_update import join, mix
from siamfc.tracking.targets import window_crops

SIZES = np.array([[63.5, 40.25], [90.0, 28.0], [50.0, 50.0]])


def make_onnx(checkpoint):
    graphs = build_graphs(checkpoint)
    return OnnxBoxMatcher(*graphs, threads=1)


def make_torch(checkpoint):
    pytest.importorskip("torch")
    from siamfc.network.light.torch_matcher import TorchLightMatcher

    return TorchLightMatcher(checkpoint)


@pytest.fixture(scope="module", params=[make_onnx, make_torch], ids=["onnx", "torch"])
def matcher(request):
    return request.param(make_light_checkpoint())


def samples(seed, targets):
    """Exemplars (N, 127, 127, 3), sizes (N, 2), searches (N, 255, 255, 3)."""
    exemplars, searches = make_images(seed, targets, scales=1)
    return exemplars, SIZES[:targets], searches[:, 0]


def located(matcher, exemplars, sizes, searches):
    return matcher.locate(matcher.embed_exemplar(exemplars, sizes), searches)


def assert_agree(found, expected, share=1e-4):
    """Logits and boxes to a fraction of their spread."""
    for one, other in zip(found, expected, strict=True):
        assert one.dtype == np.float32
        assert one.shape == other.shape
        assert np.abs(one - other).max() < share * np.ptp(other)


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("make", LIGHT_CHECKPOINTS)
def test_the_graphs_the_matcher_and_the_trained_network_agree(make, count):
    """Of two exemplars, a network with one uses the mean, as a tracker mixes them."""
    torch = pytest.importorskip("torch")
    from siamfc.network.light.model import LightNet, normalise_images

    checkpoint = make()
    exemplars, sizes, searches = samples(1, 2)
    layout = find_layout(checkpoint.metadata.architecture)
    model = LightNet(layout).eval()
    model.load_tensors(checkpoint.tensors)
    views = [(exemplars, sizes), (exemplars[:, ::-1].copy(), sizes / 2)][:count]

    def normalised(images):
        return normalise_images(torch.tensor(images), checkpoint.metadata.normalisation)

    with torch.no_grad():
        logits, boxes = model(
            [normalised(images) for images, _ in views],
            [torch.tensor(each, dtype=torch.float32) for _, each in views],
            normalised(searches),
        )
    expected = logits.numpy(), boxes.numpy()
    assert expected[0].shape == (2, 16, 16)
    assert expected[1].shape == (2, 4, 16, 16)
    for runtime in (make_onnx, make_torch):
        matcher = runtime(checkpoint)
        assert matcher.exemplars == layout.exemplars
        embeddings = [matcher.embed_exemplar(*view) for view in views]
        first, last = embeddings[0], embeddings[-1]
        together = join(first, last) if layout.exemplars > 1 else mix(first, last, np.full(2, 0.5))
        assert_agree(matcher.locate(together, searches), expected, 5e-4)


def test_tensors_are_returned_as_they_were_loaded():
    pytest.importorskip("torch")
    from siamfc.network.light.model import LightNet

    checkpoint = make_light_checkpoint(3)
    model = LightNet()
    model.load_tensors(checkpoint.tensors)
    found = model.tensors()
    assert found.keys() == LIGHT.tensor_shapes().keys()
    for name, tensor in checkpoint.tensors.items():
        np.testing.assert_array_equal(found[name], tensor)


def test_a_batch_gives_each_target_what_it_gets_alone(matcher):
    exemplars, sizes, searches = samples(2, 3)
    together = located(matcher, exemplars, sizes, searches)
    for row in range(3):
        rows = slice(row, row + 1)
        alone = located(matcher, exemplars[rows], sizes[rows], searches[rows])
        assert_agree([part[0] for part in alone], [part[row] for part in together], 1e-5)


def test_the_number_of_threads_changes_nothing():
    graphs = build_graphs(make_light_checkpoint())
    one, *others = (
        located(OnnxBoxMatcher(*graphs, threads=threads), *samples(2, 3)) for threads in (1, 2, 3)
    )
    for other in others:
        assert_agree(other, one, 1e-6)


def test_the_boxes_size_in_the_exemplar_matters(matcher):
    exemplars, sizes, searches = samples(3, 1)
    first = located(matcher, exemplars, sizes, searches)[1]
    second = located(matcher, exemplars, sizes / 2, searches)[1]
    assert np.abs(first - second).max() > 1e-3 * np.ptp(first)


def test_every_cells_box_holds_the_cells_own_point(matcher):
    exemplars, sizes, searches = samples(4, 2)
    boxes = located(matcher, exemplars, sizes, searches)[1]
    line = np.arange(16) * 16 + 0.5
    x, y = np.meshgrid(line, line)
    left, top, right, bottom = np.moveaxis(boxes, 1, 0)
    assert (left <= x).all()
    assert (x <= right).all()
    assert (top <= y).all()
    assert (y <= bottom).all()


def test_invalid_inputs_are_refused(matcher):
    exemplars, sizes, searches = samples(5, 2)
    embeddings = matcher.embed_exemplar(exemplars, sizes)
    for wrong in (sizes[:1], sizes * -1, sizes * np.nan, sizes[:, :1]):
        with pytest.raises(InputError, match=r"sizes: expected positive numbers \(2, 2\)"):
            matcher.embed_exemplar(exemplars, wrong)
    with pytest.raises(InputError, match=r"expected uint8 \(N, 255, 255, 3\)"):
        matcher.locate(embeddings, searches[:, None])
    with pytest.raises(InputError, match="expected those of 2 exemplars, got 1"):
        matcher.locate(embeddings, searches[:1])


def test_signatures_name_inputs_and_outputs():
    metadata = make_light_checkpoint().metadata
    assert str(exemplar_signature(metadata)) == (
        "images uint8 (N, 127, 127, 3), sizes float32 (N, 2) → embeddings float32 (N, 101, 64)"
    )
    assert str(search_signature(metadata)) == (
        "exemplars float32 (N, 101, 64), images uint8 (N, 255, 255, 3) → "
        "logits float32 (N, 16, 16), boxes float32 (N, 4, 16, 16)"
    )


def test_a_folder_of_weights_gives_a_network_of_its_kind(tmp_path):
    checkpoint = make_light_checkpoint()
    export_weights(checkpoint, tmp_path / "light")
    export_weights(make_checkpoint(), tmp_path / "other")
    assert isinstance(load_matcher(tmp_path / "light", device="cpu", threads=1), OnnxBoxMatcher)
    assert isinstance(load_matcher(tmp_path / "other", device="cpu", threads=1), OnnxMatcher)
    path = tmp_path / "light" / "model.safetensors"
    loaded = load_matcher(path, device="cpu", threads=1)
    assert isinstance(loaded, OnnxBoxMatcher)
    assert loaded.metadata == Checkpoint.load(path).metadata == checkpoint.metadata
    assert sum(file.stat().st_size for file in (tmp_path / "light").glob("*.onnx")) < 4e6


def test_graphs_are_the_same_bytes_every_time():
    assert build_graphs(make_light_checkpoint()) == build_graphs(make_light_checkpoint())


def test_graphs_of_two_networks_are_refused():
    light, other = make_light_checkpoint(), make_checkpoint()
    for first, second in ((light, other), (other, light)):
        with pytest.raises(CheckpointError, match="expected the weights of"):
            open_graphs(build_graphs(first)[0], build_graphs(second)[1], threads=1)


@pytest.mark.parametrize("light", [True, False], ids=["light", "SiamFC"])
def test_tensors_of_the_other_network_are_refused(light):
    ours, other = make_light_checkpoint(), make_checkpoint()
    metadata, tensors = (ours.metadata, other.tensors) if light else (other.metadata, ours.tensors)
    with pytest.raises(CheckpointError, match=r"expected a tensor .*, found none"):
        Checkpoint(tensors=tensors, metadata=metadata)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "siamfc-heavy"}, "architecture: expected 'siamfc-alexnet' or"),
        ({"spec": EmbeddingSpec()}, "response"),
        ({"spec": EmbeddingSpec(exemplar_size=143, response_size=16, stride=16)}, "127 and 255"),
    ],
)
def test_inconsistent_metadata_are_refused(changes, message):
    metadata = make_light_checkpoint().metadata
    with pytest.raises((InputError, CheckpointError), match=message):
        Metadata.from_json(replace(metadata, **changes).to_json())


def test_a_network_knows_its_kind():
    assert make_light_checkpoint().architecture is LIGHT


def test_locating_makes_no_tensor_of_numbers():
    # It would be copied to the GPU, which a recorded CUDA graph must not do.
    torch = pytest.importorskip("torch")
    from torch.overrides import TorchFunctionMode

    from siamfc.network.light.torch_matcher import TorchLightMatcher

    class Calls(TorchFunctionMode):
        def __torch_function__(self, function, types, args=(), kwargs=None):
            called.append(function)
            return function(*args, **(kwargs or {}))

    matcher = TorchLightMatcher(make_light_checkpoint(), device="meta")
    exemplars = torch.empty((2, 101, 64), device="meta")
    images = torch.empty((2, 255, 255, 3), dtype=torch.uint8, device="meta")
    called: list[object] = []
    with Calls(), torch.no_grad():
        found = matcher._locate(exemplars, images)
    assert found.shape == (2, 5, 16, 16)
    assert torch.softmax in called
    assert not {torch.tensor, torch.as_tensor, torch.from_numpy}.intersection(called)


def test_crops_are_made_on_the_cpu_where_triton_cannot_make_them(monkeypatch, caplog):
    pytest.importorskip("torch")
    from siamfc.network.light import torch_matcher

    monkeypatch.setattr(torch_matcher, "runs_kernels", lambda _: True)
    monkeypatch.setitem(sys.modules, "siamfc.cropping.cuda_kernel", None)
    matcher = torch_matcher.TorchLightMatcher(make_light_checkpoint(), device="cpu")
    assert matcher.crop_windows is None
    assert "crops are made on the CPU" in caplog.text


@pytest.mark.gpu
def test_cuda_in_half_precision_agrees():
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    from siamfc.network.light.torch_matcher import TorchLightMatcher

    checkpoint = load_checkpoint("light")  # random weights predict boxes of thousands of pixels
    exemplars, sizes, searches = samples(6, 3)
    searches[:, 64:191, 64:191] = exemplars
    expected = located(make_torch(checkpoint), exemplars, sizes, searches)
    cuda = TorchLightMatcher(checkpoint, device="cuda")
    embeddings = cuda.embed_exemplar(exemplars, sizes)
    for _ in range(2):  # records a graph, then replays it
        logits, boxes = cuda.locate(embeddings, searches)
        assert np.abs(logits - expected[0]).max() < 0.05
        assert np.abs(boxes - expected[1]).max() < 0.5
    alone = cuda.locate(embeddings[1:], searches[1:])  # rounds otherwise: another batch size
    assert np.abs(alone[0] - logits[1:]).max() < 0.05
    assert np.abs(alone[1] - boxes[1:]).max() < 0.5


@pytest.mark.gpu
@pytest.mark.parametrize("count", [1, 3])
def test_cuda_crops_what_the_cpu_crops(count):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    from siamfc.network.light.torch_matcher import TorchLightMatcher

    matcher = TorchLightMatcher(load_checkpoint("light"), device="cuda")
    assert matcher.crop_windows is not None
    generator = np.random.default_rng(8)
    for ratio in (0.3, 0.5, 2.2):  # records graphs, then replays them with other numbers
        frame = generator.integers(0, 256, (300, 400, 3), np.uint8)
        centers, sizes = generator.uniform(0, (400, 300), (count, 2)), np.full((count, 2), 64.0)
        found = []
        for crop in (matcher.crop_windows, window_crops):
            exemplars, searches = (
                crop(frame, centers, np.full(count, ratio * size), size, frame[0, 0])
                for size in (127, 255)
            )
            found.append(located(matcher, exemplars, sizes, searches))
        np.testing.assert_allclose(found[0][0], found[1][0], atol=0.05)
        np.testing.assert_allclose(found[0][1], found[1][1], atol=0.5)
