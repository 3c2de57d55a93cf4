"""The torch network: sizes, the correlation against torch's own, gain and bias."""

import math

import pytest

pytest.importorskip("torch")

import torch
from torch.nn import functional

from siamfc.errors import InputError
from siamfc.network.normalisation import Normalisation
from siamfc.network.siamfc.architecture import CHANNELS, STRIDE, embedding_size, tensor_shapes
from siamfc.network.siamfc.model import AlexNet, Normalise, SiamFC, correlate, initialise


def grouped_correlation(exemplars, searches):
    """Correlate with torch's grouped convolution, an independent implementation."""
    count, channels, height, width = searches.shape
    joined = searches.reshape(1, count * channels, height, width)
    return functional.conv2d(joined, exemplars, groups=count).transpose(0, 1)


@pytest.mark.parametrize(
    ("exemplar_shape", "search_shape"),
    [
        pytest.param((3, 8, 6, 6), (3, 8, 22, 22), id="the paper's sizes"),
        pytest.param((2, 4, 3, 5), (2, 4, 9, 7), id="sides that differ"),
        pytest.param((1, 4, 1, 1), (1, 4, 5, 4), id="an exemplar of one cell"),
        pytest.param((2, 4, 5, 4), (2, 4, 5, 4), id="a response of one cell"),
    ],
)
def test_correlation_equals_a_grouped_convolution(exemplar_shape, search_shape):
    generator = torch.Generator().manual_seed(1)
    exemplars = torch.randn(exemplar_shape, generator=generator, dtype=torch.float64)
    searches = torch.randn(search_shape, generator=generator, dtype=torch.float64)
    expected = grouped_correlation(exemplars, searches)
    torch.testing.assert_close(correlate(exemplars, searches), expected)
    channels_last = searches.to(memory_format=torch.channels_last)
    torch.testing.assert_close(correlate(exemplars, channels_last), expected)


def test_correlation_has_exact_gradients():
    exemplars = torch.randn(2, 3, 2, 3, dtype=torch.float64, requires_grad=True)
    searches = torch.randn(2, 3, 5, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(correlate, (exemplars, searches))


def test_half_precision_is_summed_in_float32():
    generator = torch.Generator().manual_seed(2)
    exemplars = torch.randn(2, 256, 6, 6, generator=generator).bfloat16()
    searches = torch.randn(2, 256, 22, 22, generator=generator).bfloat16()
    response = correlate(exemplars, searches)
    expected = grouped_correlation(exemplars.double(), searches.double())
    assert response.dtype == torch.float32
    assert (response - expected).abs().max() < 2e-3 * expected.abs().max()


def test_correlation_compiles_as_one_graph():
    exemplars, searches = torch.randn(2, 4, 6, 6), torch.randn(2, 4, 22, 22)
    compiled = torch.compile(correlate, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(exemplars, searches), correlate(exemplars, searches))


def test_sizes_and_parameter_count_are_the_papers():
    assert (CHANNELS, STRIDE) == (256, 8)
    model = SiamFC().eval()
    with torch.no_grad():
        assert model.backbone(torch.zeros(1, 3, 127, 127)).shape == (1, 256, 6, 6)
        assert model.backbone(torch.zeros(1, 3, 255, 255)).shape == (1, 256, 22, 22)
        assert model(torch.zeros(2, 3, 127, 127), torch.zeros(2, 3, 255, 255)).shape == (
            2,
            1,
            17,
            17,
        )
    convolutions = 3 * 96 * 121 + 48 * 256 * 25 + 256 * 384 * 9 + 192 * 384 * 9 + 192 * 256 * 9
    others = 2 * (96 + 256 + 384 + 384) + 256 + 2
    assert sum(parameter.numel() for parameter in model.parameters()) == convolutions + others


def test_gain_and_bias_make_the_logit():
    model = SiamFC()
    exemplars, searches = torch.randn(1, 4, 2, 2), torch.randn(1, 4, 3, 3)
    assert math.isclose(model.log_gain.exp().item(), 1e-3, rel_tol=1e-6)
    with torch.no_grad():
        model.log_gain.fill_(math.log(2.0))
        model.bias.fill_(-3.0)
        expected = 2 * correlate(exemplars, searches) - 3
        torch.testing.assert_close(model.respond(exemplars, searches), expected)


def test_initialisation_is_xavier_and_reproducible():
    backbones = [AlexNet(), AlexNet()]
    for backbone in backbones:
        initialise(backbone, torch.Generator().manual_seed(3))
    first, second = backbones
    assert torch.equal(first.conv3.weight, second.conv3.weight)
    bound = math.sqrt(6 / (9 * 256 + 9 * 384))
    assert 0.99 * bound < first.conv3.weight.abs().max() <= bound
    assert not first.conv5.bias.any()


def test_normalise_applies_the_documented_map():
    layer = Normalise(Normalisation(mean=(0.0, 0.5, 1.0), std=(1.0, 0.5, 0.25)))
    images = torch.full((1, 3, 2, 2), 255, dtype=torch.uint8)
    assert layer(images)[0, :, 0, 0].tolist() == pytest.approx([1.0, 1.0, 0.0])
    assert not layer.state_dict()


def test_tensors_are_those_of_the_architecture_and_load_again():
    source, target = SiamFC(), SiamFC()
    source.backbone.norm2.running_mean.fill_(3.0)
    tensors = source.tensors()
    assert {name: tensor.shape for name, tensor in tensors.items()} == tensor_shapes()
    target.load_tensors(tensors)
    for name, value in source.state_dict().items():
        assert torch.equal(target.state_dict()[name], value), name


@pytest.mark.parametrize("size", [87, 127, 135, 255, 263])
def test_embedding_size_is_torchs(size):
    with torch.no_grad():
        embedding = AlexNet().eval()(torch.zeros(1, 3, size, size))
    assert embedding.shape == (1, CHANNELS, embedding_size(size), embedding_size(size))


@pytest.mark.parametrize("size", [0, 79, 126, 128, 256])
def test_sizes_that_would_shift_the_response_are_refused(size):
    with pytest.raises(InputError, match=f"got {size}"):
        embedding_size(size)
