"""Procedural videos: exact boxes on smooth paths, and crops that show the box where it is."""

import numpy as np
import pytest
import torch

from siamfc.boxes import iou
from siamfc.data.procedural.textures import TextureSettings, draw_textures
from siamfc.data.procedural.videos import ProceduralVideos


@pytest.fixture(scope="module")
def bank():
    settings = TextureSettings(count=3, size=16, leaves=3)
    return draw_textures(settings, torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def videos(bank):
    return ProceduralVideos(count=8, frames=12, bank=bank, seed=3)


def test_the_truth_is_smooth(videos):
    boxes = videos.boxes.double().numpy()
    assert boxes.shape == (8, 12, 4)
    assert (boxes[..., 2:] > 0).all()
    size = np.sqrt(boxes[..., 2:].prod(-1))
    centers = boxes[..., :2] + boxes[..., 2:] / 2
    steps = np.linalg.norm(np.diff(centers, axis=1), axis=-1) / size[:, 1:]
    assert np.median(steps) < 0.3
    assert steps.max() < 1.0
    growth = np.abs(np.diff(np.log(size), axis=1))
    assert growth.max() < 0.2
    assert iou(boxes[:, 1:], boxes[:, :-1]).mean() > 0.6
    assert steps.mean() > 0.001  # and it moves


def test_a_seed_has_its_videos(bank, videos):
    again = ProceduralVideos(count=8, frames=12, bank=bank, seed=3)
    assert torch.equal(again.boxes, videos.boxes)
    other = ProceduralVideos(count=8, frames=12, bank=bank, seed=4)
    assert not torch.equal(other.boxes, videos.boxes)


def test_crops_follow_the_target(bank):
    # Two crops about the target show it alike; one that lies elsewhere shows other things.
    videos = ProceduralVideos(count=4, frames=3, bank=bank, seed=3)
    boxes = videos.boxes
    center = boxes[:, :, :2] + boxes[:, :, 2:] / 2
    sides = boxes[:, :, 2:].amax(-1)
    first = videos.crops(0, center[:, 0], sides[:, 0, None], 31)
    assert first.shape == (4, 1, 31, 31, 3)
    assert first.dtype == torch.uint8
    second = videos.crops(1, center[:, 1], sides[:, 1, None], 31)
    far = videos.crops(1, center[:, 1] + 2 * sides[:, 1, None], sides[:, 1, None], 31)
    same, different = (
        (first.float() - other.float()).abs().mean((1, 2, 3, 4)) for other in (second, far)
    )
    assert (same < different).all()


def test_a_larger_square_shows_more_at_the_same_place(bank):
    videos = ProceduralVideos(count=2, frames=1, bank=bank, seed=1)
    box = videos.boxes[:, 0]
    center, side = box[:, :2] + box[:, 2:] / 2, box[:, 2:].amax(-1)
    near, wide = videos.crops(0, center, torch.stack([side, 2 * side], 1), 40).float().unbind(1)
    # The middle half of the wide crop is the near one, at half its resolution.
    halved = near.view(2, 20, 2, 20, 2, 3).mean((2, 4))
    assert (halved - wide[:, 10:30, 10:30]).abs().mean() < 12
    assert (near - wide).abs().mean() > (halved - wide[:, 10:30, 10:30]).abs().mean()
