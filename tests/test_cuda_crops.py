"""Crops made on a GPU have the CPU's values: on a GPU, else in Triton's interpreter."""

import os

import numpy as np
import pytest
import torch

if not torch.cuda.is_available():
    os.environ["TRITON_INTERPRET"] = "1"  # read when the kernel is imported
pytest.importorskip("triton")

from siamfc import geometry
from siamfc.cropping.cuda import Windows, make_crops
from siamfc.network import cuda_graphs
from unrecorded import UnrecordedGraph

ON_GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if ON_GPU else "cpu")
WIDTH, HEIGHT = 128, 96
IMAGE = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
IMAGE.flags.writeable = False
FILL = np.array([10, 130, 250], np.uint8)
SIZES = (127, 255) if ON_GPU else (11, 14)  # the interpreter takes its time
SQUARES = {
    "enlarged": (60.3, 40.8, 15.7),
    "as it is": (60.0, 40.0, float(SIZES[0])),
    "shrunk a little": (60.3, 40.8, SIZES[0] * 1.7),
    "averaged over cells of 2": (60.3, 40.8, SIZES[0] * 2.3),
    "averaged over cells of 4": (60.3, 40.8, SIZES[0] * 5.1),
    "cut by the frame's left and top edge": (3.2, -4.1, 40.0),
    "cut by its right and bottom edge": (130.0, 91.4, 40.0),
    "averaged and cut": (1.0, 95.0, SIZES[0] * 3.3),
    "outside the frame": (-500.0, 40.0, 30.0),
}

pytestmark = [
    # The interpreter's numpy warns of overflows where a value isn't used, unlike Triton.
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    *([pytest.mark.gpu] if ON_GPU else []),
]


def both(image, squares, size):
    """Return crops made on the device, and by the CPU."""
    centers, sides = squares[:, :2], squares[:, 2]
    found = Windows(image, centers, sides, size, FILL).cropped(DEVICE).cpu().numpy()
    expected = [
        geometry.crop(image, center, float(side), size, FILL)
        for center, side in zip(centers, sides, strict=True)
    ]
    return found.astype(int), np.array(expected, int)


@pytest.mark.parametrize("square", SQUARES.values(), ids=SQUARES)
def test_a_crop_has_the_same_bytes(square):
    found, expected = both(IMAGE, np.array([square]), SIZES[0])
    np.testing.assert_array_equal(found, expected)


def test_crops_of_many_scales_have_the_same_bytes():
    found, expected = both(IMAGE, np.array(list(SQUARES.values())), SIZES[1])
    np.testing.assert_array_equal(found, expected)


def test_cells_that_the_frames_border_cuts_differ_by_one_level_at_most():
    found, expected = both(IMAGE[:95, :125], np.array(list(SQUARES.values())), SIZES[1])
    assert np.abs(found - expected).max() <= 1


def test_a_graph_crops_any_number_of_squares_of_any_frame(monkeypatch):
    monkeypatch.setattr(UnrecordedGraph, "made", [], raising=False)
    if not ON_GPU:
        monkeypatch.setattr(cuda_graphs, "_CudaGraph", UnrecordedGraph)
    monkeypatch.setattr(cuda_graphs, "LARGEST_BATCH", 4)
    size = SIZES[0]
    cache = cuda_graphs.GraphCache(lambda rows, buffer: make_crops(buffer, len(rows), size), DEVICE)
    squares = np.array(list(SQUARES.values()))
    for image, chosen in (
        (IMAGE, [0]),  # one piece of one square
        (IMAGE[::-1], [5, 2]),  # another frame, and squares of two levels
        (IMAGE, [7]),  # fewer than before
        (IMAGE, [6, 3, 4]),  # padded
        (IMAGE[:64, :32], [1, 0, 7, 4, 2]),  # a smaller frame; cut into two pieces
    ):
        centers, sides = squares[chosen, :2], squares[chosen, 2]
        windows = Windows(image, centers, sides, size, FILL)
        found = cache._replay(torch.zeros(len(chosen), 1), windows).cpu().numpy()
        np.testing.assert_array_equal(found, windows.cropped(DEVICE).cpu().numpy())
