"""Procedural videos: exact boxes on smooth paths, and crops that match the boxes."""

import numpy as np
import pytest
import torch

from siamfc.boxes import iou
from siamfc.errors import InputError
from siamfc.procedural.scene import SceneSettings
from siamfc.procedural.textures import TextureSettings, draw_textures
from siamfc.procedural.videos import VIDEO_KINDS, ProceduralVideos, VideoSettings


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


def test_a_seed_determines_the_videos(bank, videos):
    again = ProceduralVideos(count=8, frames=12, bank=bank, seed=3)
    assert torch.equal(again.boxes, videos.boxes)
    other = ProceduralVideos(count=8, frames=12, bank=bank, seed=4)
    assert not torch.equal(other.boxes, videos.boxes)


def test_crops_follow_the_target(bank):
    # Two crops around the target look alike; one from elsewhere does not.
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


def test_a_larger_square_shows_more_around_the_same_position(bank):
    videos = ProceduralVideos(count=2, frames=1, bank=bank, seed=1)
    box = videos.boxes[:, 0]
    center, side = box[:, :2] + box[:, 2:] / 2, box[:, 2:].amax(-1)
    near, wide = videos.crops(0, center, torch.stack([side, 2 * side], 1), 40).float().unbind(1)
    # The central half of the wide crop is the narrow one at half its resolution.
    halved = near.view(2, 20, 2, 20, 2, 3).mean((2, 4))
    assert (halved - wide[:, 10:30, 10:30]).abs().mean() < 12
    assert (near - wide).abs().mean() > (halved - wide[:, 10:30, 10:30]).abs().mean()


def _kind(bank, settings, frames=25):
    return ProceduralVideos(count=12, frames=frames, bank=bank, seed=2, settings=settings)


def test_videos_without_settings_are_the_mixed_kind(bank, videos):
    again = ProceduralVideos(count=8, frames=12, bank=bank, seed=3, settings=VIDEO_KINDS["mixed"])
    assert torch.equal(again.boxes, videos.boxes)
    # Values from before the kinds existed.
    expected = torch.tensor([-59.5364, 55.8634, 34.5722, 16.1728])
    torch.testing.assert_close(videos.boxes[0, 11], expected, rtol=0, atol=2e-3)


def test_each_kind_has_more_of_what_its_name_says(bank):
    plain = _kind(bank, VideoSettings(piece_share=0.0)).boxes
    turning = _kind(bank, VIDEO_KINDS["turning"]).boxes
    growing = _kind(bank, VIDEO_KINDS["growing"]).boxes

    def spread(values):
        return (values.amax(1) - values.amin(1)).mean()

    ratios = [(boxes[..., 2] / boxes[..., 3]).log() for boxes in (plain, turning)]
    assert spread(ratios[1]) > 1.5 * spread(ratios[0])
    sizes = [boxes[..., 2:].prod(-1).log() / 2 for boxes in (plain, growing)]
    assert spread(sizes[1]) > 1.3 * spread(sizes[0])
    assert (sizes[1][:, 1:] - sizes[1][:, :-1]).abs().max() < 0.2  # and not by leaps

    twins = _kind(bank, VIDEO_KINDS["twins"], frames=2)
    alone = _kind(bank, VideoSettings(piece_share=0.0), frames=2)
    assert torch.equal(twins.boxes, alone.boxes)
    center = twins.boxes[:, 1, :2] + twins.boxes[:, 1, 2:] / 2
    sides = 4 * twins.boxes[:, 1, 2:].amax(-1, keepdim=True)
    crops = [kind.crops(1, center, sides, 31).float() for kind in (twins, alone)]
    assert ((crops[0] - crops[1]).abs().mean((1, 2, 3, 4)) > 0.3).all()


def test_an_exact_piece_keeps_its_first_box_and_later_follows_its_surface(bank):
    settings = VideoSettings(piece_share=1.0, scene=SceneSettings(camouflage_share=0.0))
    loose = _kind(bank, settings, frames=20).boxes
    exact = _kind(
        bank, VideoSettings(piece_share=1.0, exact_pieces=True, scene=settings.scene), frames=20
    ).boxes
    torch.testing.assert_close(exact[:, 0], loose[:, 0], rtol=1e-4, atol=1e-2)
    centers = [boxes[..., :2] + boxes[..., 2:] / 2 for boxes in (exact, loose)]
    assert ((centers[0] - centers[1]).abs() / exact[..., 2:]).mean() < 0.05
    ratio = (exact[..., 2:] / loose[..., 2:]).log().abs()
    assert ratio[:, 1].max() < ratio[:, -1].max()
    assert ratio[:, -1].mean() > 0.02


def test_a_relit_video_grows_dark_and_bright(bank):
    kinds = [_kind(bank, VIDEO_KINDS[name], frames=41) for name in ("mixed", "relit")]
    assert torch.equal(kinds[0].boxes, kinds[1].boxes)
    levels = []
    for kind in kinds:
        crops = []
        for frame in range(0, 41, 8):
            box = kind.boxes[:, frame]
            center, sides = box[:, :2] + box[:, 2:] / 2, 2 * box[:, 2:].amax(-1, keepdim=True)
            crops.append(kind.crops(frame, center, sides, 15).float().mean((1, 2, 3, 4)))
        levels.append(torch.stack(crops).clamp(min=1).log())
    swing = [(level.amax(0) - level.amin(0)).mean() for level in levels]
    assert swing[1] > 2 * swing[0]


def test_a_part_stays_in_its_target_and_moves_with_it(bank):
    whole, part = (
        _kind(bank, VideoSettings(piece_share=0.0, part_share=share), frames=20).boxes
        for share in (0.0, 1.0)
    )
    assert (part[:, 0, 2:] < 0.91 * whole[:, 0, 2:]).all()
    assert (part[:, 0, :2] >= whole[:, 0, :2] - 1e-3).all()
    place = (part[..., :2] + part[..., 2:] / 2 - whole[..., :2]) / whole[..., 2:]
    assert (place > 0).all()
    assert (place < 1).all()
    assert ((place[:, -1] - place[:, 0]).abs() > 0.01).any()  # bending, not by a fixed share


def test_impossible_videos_are_refused():
    with pytest.raises(InputError, match="zooming: expected a number from 0 to 1, got 3"):
        VideoSettings(zooming=3.0)
