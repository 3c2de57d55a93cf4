"""Both runtimes: agreement, independence of the batch, clear errors."""

import numpy as np
import pytest
from network_samples import CHECKPOINTS, make_checkpoint, make_images

from siamfc.errors import CheckpointError, InputError
from siamfc.network import onnx_runtime
from siamfc.network.export import build_graphs
from siamfc.network.onnx_runtime import OnnxMatcher


def make_onnx(checkpoint):
    graphs = build_graphs(checkpoint)
    return OnnxMatcher(*graphs, threads=1)


def make_torch(checkpoint):
    pytest.importorskip("torch")
    from siamfc.network.siamfc.torch_matcher import TorchSiamFCMatcher

    return TorchSiamFCMatcher(checkpoint, threads=1)


RUNTIMES = [pytest.param(make_onnx, id="onnx"), pytest.param(make_torch, id="torch")]


@pytest.fixture(scope="module", params=RUNTIMES)
def matcher(request):
    return request.param(make_checkpoint())


@pytest.mark.parametrize("make", CHECKPOINTS)
def test_the_runtimes_agree(make):
    checkpoint = make()
    exemplars, searches = make_images(seed=2, targets=1, scales=3)
    onnx, torch = (
        runtime.respond(runtime.embed_exemplar(exemplars), searches)
        for runtime in (make_onnx(checkpoint), make_torch(checkpoint))
    )
    assert np.abs(onnx - torch).max() < 1e-4 * np.ptp(torch)


def test_a_batch_gives_each_target_and_scale_what_it_gets_alone(matcher):
    exemplars, searches = make_images(seed=3, targets=3, scales=2)
    together = matcher.respond(matcher.embed_exemplar(exemplars), searches)
    assert together.shape == (3, 2, 17, 17)
    assert together.dtype == np.float32
    for target in range(3):
        embedding = matcher.embed_exemplar(exemplars[target, None])
        for scale in range(2):
            alone = matcher.respond(embedding, searches[target, scale][None, None])
            np.testing.assert_allclose(
                alone[0, 0], together[target, scale], atol=1e-5 * np.ptp(together)
            )


def test_a_cell_compares_the_window_that_lies_eight_pixels_a_cell_from_the_corner(matcher):
    """The exemplar's corner is (80, 40) in its search image, so cell (10, 5) sees itself."""
    exemplars, searches = make_images(seed=4, targets=1, scales=1)
    embedding = np.asarray(matcher.embed_exemplar(exemplars), np.float64)
    responses = matcher.respond(matcher.embed_exemplar(exemplars), searches)
    tensors = make_checkpoint().tensors
    itself = np.exp(tensors["log_gain"]) * (embedding**2).sum() + tensors["bias"]
    assert responses[0, 0, 5, 10] == pytest.approx(itself, abs=1e-5 * float(np.ptp(responses)))


def test_images_need_not_be_one_block_of_memory(matcher):
    exemplars, searches = make_images(seed=5, targets=1, scales=2)
    expected = matcher.respond(matcher.embed_exemplar(exemplars), searches)
    mirrored = exemplars[..., ::-1].copy()[..., ::-1]
    strided = searches.repeat(2, 1)[:, ::2]
    strided.flags.writeable = False
    found = matcher.respond(matcher.embed_exemplar(mirrored), strided)
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("shape", "dtype", "got"),
    [
        pytest.param((127, 127, 3), np.uint8, r"\(127, 127, 3\)", id="no batch"),
        pytest.param((1, 126, 127, 3), np.uint8, r"\(1, 126, 127, 3\)", id="another size"),
        pytest.param((1, 3, 127, 127), np.uint8, r"\(1, 3, 127, 127\)", id="planes first"),
        pytest.param((1, 127, 127, 4), np.uint8, r"\(1, 127, 127, 4\)", id="alpha"),
        pytest.param((0, 127, 127, 3), np.uint8, r"\(0, 127, 127, 3\)", id="none"),
        pytest.param((1, 127, 127, 3), np.float32, "float32", id="floats"),
    ],
)
def test_other_exemplar_images_are_refused(shape, dtype, got, matcher):
    with pytest.raises(InputError, match=rf"expected uint8 \(N, 127, 127, 3\), got .*{got}"):
        matcher.embed_exemplar(np.zeros(shape, dtype))


@pytest.mark.parametrize(
    "shape", [(1, 255, 255, 3), (1, 0, 255, 255, 3), (1, 3, 254, 255, 3)], ids=str
)
def test_other_search_images_are_refused(shape, matcher):
    embedding = matcher.embed_exemplar(np.zeros((1, 127, 127, 3), np.uint8))
    with pytest.raises(InputError, match=r"expected uint8 \(N, S, 255, 255, 3\), got"):
        matcher.respond(embedding, np.zeros(shape, np.uint8))


def test_every_exemplar_needs_search_images(matcher):
    """One exemplar for two targets would otherwise be broadcast silently."""
    embedding = matcher.embed_exemplar(np.zeros((1, 127, 127, 3), np.uint8))
    with pytest.raises(InputError, match="expected those of 1 exemplars, got 2"):
        matcher.respond(embedding, np.zeros((2, 1, 255, 255, 3), np.uint8))


@pytest.mark.parametrize(
    ("exemplar", "search", "message"),
    [
        pytest.param(b"no graph", None, "expected an ONNX graph", id="rubbish"),
        pytest.param(None, "truncated", "expected an ONNX graph", id="truncated"),
        pytest.param(
            None, "exemplar", "expected exemplars float32 \\(N, 256", id="the wrong graph"
        ),
        pytest.param(None, "other", "expected the weights of", id="of other weights"),
        pytest.param(None, "foreign", "that `siamfc export` wrote", id="not ours"),
    ],
)
def test_graphs_that_do_not_fit_are_refused_in_one_line(exemplar, search, message, checkpoint):
    import onnx

    graph, search_graph = build_graphs(checkpoint)
    foreign = onnx.load_from_string(graph)
    del foreign.metadata_props[:]
    content = {
        None: search_graph,
        "truncated": search_graph[:-5000],
        "exemplar": graph,
        "other": build_graphs(make_checkpoint(9))[1],
        "foreign": foreign.SerializeToString(),
    }[search]
    with pytest.raises(CheckpointError, match=message) as caught:
        OnnxMatcher(exemplar or graph, content, threads=1)
    assert "\n" not in str(caught.value)


@pytest.mark.gpu
def test_cuda_in_half_precision_agrees(checkpoint):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    from siamfc.network.siamfc.torch_matcher import TorchSiamFCMatcher

    exemplars, searches = make_images(seed=6, targets=2, scales=3)
    cpu, cuda = make_torch(checkpoint), TorchSiamFCMatcher(checkpoint, device="cuda")
    expected = cpu.respond(cpu.embed_exemplar(exemplars), searches)
    embeddings = cuda.embed_exemplar(exemplars)
    for _ in range(2):  # records a graph, then replays it
        found = cuda.respond(embeddings, searches)
        assert np.abs(found - expected).max() < 5e-3 * np.ptp(expected)
    alone = cuda.respond(embeddings[1:], searches[1:])
    np.testing.assert_allclose(alone, found[1:], atol=5e-3 * np.ptp(expected))


def test_a_gpu_records_few_sizes_of_batches(monkeypatch):
    """For any number of targets, each with its own result; a stand-in replaces the GPU."""
    torch = pytest.importorskip("torch")
    from siamfc.network import cuda_graphs
    from unrecorded import UnrecordedGraph

    monkeypatch.setattr(UnrecordedGraph, "made", [], raising=False)
    monkeypatch.setattr(cuda_graphs, "_CudaGraph", UnrecordedGraph)
    cache = cuda_graphs.GraphCache(lambda rows, images: images.sum(1) + rows, torch.device("cpu"))
    for count in (1, 3, 4, 2, 7, 5, 8, 600, 3, 1):
        rows = torch.arange(float(count))
        for step in (0, 1):  # rows that are given again need not be copied again
            images = torch.arange(count * 2).view(count, 2).remainder(50).byte() + step
            torch.testing.assert_close(cache._replay(rows, images), images.sum(1) + rows)
    assert UnrecordedGraph.made == [1, 4, 2, 8, 256, 128]


@pytest.mark.gpu
def test_cuda_keeps_a_bounded_number_of_graphs(checkpoint):
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    from siamfc.network.siamfc.torch_matcher import TorchSiamFCMatcher

    matcher = TorchSiamFCMatcher(checkpoint, device="cuda")
    exemplars, searches = make_images(seed=7, targets=1, scales=12)
    embedding = matcher.embed_exemplar(exemplars)
    whole = matcher.respond(embedding, searches)
    for count in (*range(1, 13), 1):
        found = matcher.respond(embedding, searches[:, :count])
        np.testing.assert_allclose(found, whole[:, :count], atol=5e-3 * np.ptp(whole))


def test_many_images_are_cut_into_batches(checkpoint, monkeypatch):
    """Memory is bounded: ONNX Runtime never sees more than the stated number of images."""
    seen = []
    real = onnx_runtime._run

    def run(session, feeds):
        images = feeds["images"]
        seen.append(len(images) * (images.shape[1] if images.ndim == 5 else 1))
        return real(session, feeds)

    matcher = make_onnx(checkpoint)
    exemplars, searches = make_images(seed=8, targets=5, scales=6)
    embeddings = matcher.embed_exemplar(exemplars)
    expected = matcher.respond(embeddings[4:], searches[4:, 5:])
    monkeypatch.setattr(onnx_runtime, "_run", run)
    np.testing.assert_array_equal(matcher.embed_exemplar(exemplars), embeddings)
    for scales in (1, 3, 6):
        found = matcher.respond(embeddings, searches[:, -scales:])
        assert found.shape == (5, scales, 17, 17)
        np.testing.assert_allclose(found[4:, -1:], expected, atol=1e-5 * np.ptp(found))
    assert max(seen) <= onnx_runtime._CPU_BATCH
