import hashlib
import math

import numpy as np
import pytest

from siamfc.boxes import center, from_mask
from siamfc.errors import InputError
from siamfc.synthetic import clip as clip_module
from siamfc.synthetic.clip import ClipSettings, ProceduralClip


@pytest.fixture(scope="module")
def clip():
    return ProceduralClip(ClipSettings(width=320, height=180, target=34, seed=2))


def _target_mask(clip, index):
    window = (0, 0, clip.settings.width, clip.settings.height)
    return clip_module._coverage(clip._target, clip._target_pose(index), window)


def test_the_box_fits_the_drawn_target_closely(clip):
    for index in range(0, len(clip), 9):
        drawn = from_mask(_target_mask(clip, index) > 0.5)
        # A mask shows its edges only to a pixel.
        edges = np.abs([drawn[:2] - clip.boxes[index, :2], drawn[2:] - clip.boxes[index, 2:]])
        assert edges.max() < 1.6


def test_the_boxes_have_no_bias(clip):
    """The mask's centre of gravity, weighted by coverage, agrees with the outline's."""
    offsets = []
    for index in range(0, len(clip), 9):
        mask = _target_mask(clip, index)
        rows, columns = np.nonzero(mask > 0.02)
        low = np.array([columns.min(), rows.min()])
        high = np.array([columns.max() + 1, rows.max() + 1])
        offsets.append((low + high) / 2 - center(clip.boxes[index]))
    assert np.abs(np.mean(offsets, axis=0)).max() < 0.2


def test_what_is_drawn_moves_with_the_box():
    """Only pixels of the target differ from the same scene without it."""
    clip = ProceduralClip(ClipSettings(frames=3, width=160, height=90, target=20, noise=0))
    with_target = clip[2].astype(int)
    ground = np.asarray(clip._view_ground(2), dtype=int)
    changed = np.abs(with_target - ground).max(axis=2) > 40
    x, y, w, h = clip.boxes[2]
    rows, columns = np.nonzero(changed)
    near = (np.abs(columns + 0.5 - (x + w / 2)) < w) & (np.abs(rows + 0.5 - (y + h / 2)) < h)
    assert near.sum() > 0.5 * w * h


@pytest.mark.parametrize("seed", range(6))
def test_the_target_stays_inside_is_half_hidden_once_and_wholly_hidden_briefly(seed):
    clip = ProceduralClip(ClipSettings(width=320, height=180, target=34, seed=seed))
    assert clip.boxes[:, :2].min() > 0
    assert (clip.boxes[:, :2] + clip.boxes[:, 2:] < (320, 180)).all()
    assert clip.visibility[0] == 1
    assert 0.2 < clip.visibility[55:75].min() < 0.65
    hidden = clip.visibility < 0.02
    assert 2 <= hidden.sum() <= 20
    assert np.flatnonzero(hidden).min() > 100


@pytest.mark.parametrize("seed", range(6))
def test_the_target_moves_within_what_three_scales_can_follow(seed):
    clip = ProceduralClip(ClipSettings(seed=seed, frames=400))
    motion = clip._motion
    assert np.abs(np.diff(center(clip.boxes), axis=0)).max() < 68 / 8
    assert motion.scale.min() > 0.7
    assert motion.scale.max() < 1.4
    assert np.abs(np.diff(np.log(motion.scale))).max() < math.log(1.0375) / 3
    assert np.degrees(np.abs(motion.angle)).max() <= 30


def test_the_same_seed_gives_the_same_frames_in_any_order():
    settings = ClipSettings(frames=8, width=128, height=72, target=16, seed=4)
    first, again = ProceduralClip(settings), ProceduralClip(settings)
    for index in (5, 0, 7):
        np.testing.assert_array_equal(first[index], again[index])
    assert (first[1] != ProceduralClip(ClipSettings(
        frames=8, width=128, height=72, target=16, seed=5))[1]).any()  # fmt: skip


def test_noise_has_the_requested_deviation():
    clips = [
        ProceduralClip(ClipSettings(frames=1, width=256, height=144, target=20, noise=noise))
        for noise in (0, 6)
    ]
    quiet, noisy = (clip[0].astype(int) for clip in clips)
    inside = (quiet > 40) & (quiet < 215)
    assert np.std((noisy - quiet)[inside]) == pytest.approx(6, rel=0.03)


def test_a_clip_in_another_process_is_the_same_to_the_byte(tmp_path):
    import subprocess
    import sys

    script = (
        "import hashlib; from siamfc.synthetic.clip import *; "
        "c = ProceduralClip(ClipSettings(frames=3, width=96, height=64, target=12)); "
        "print(hashlib.sha256(b''.join(f.tobytes() for f in c)).hexdigest())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout.strip()
    clip = ProceduralClip(ClipSettings(frames=3, width=96, height=64, target=12))
    assert hashlib.sha256(b"".join(f.tobytes() for f in clip)).hexdigest() == printed


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"frames": 0}, "frames: expected a whole number from 1 to 1000000, got 0"),
        ({"width": 10}, "width: expected a whole number of at least 64, got 10"),
        ({"target": 200}, "target: expected at most a quarter of the frame's shorter side, 90"),
        ({"noise": math.nan}, "noise: expected a number from 0 to 64, got nan"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        ClipSettings(**settings)
