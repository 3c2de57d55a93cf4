"""A network's own offset, measured in the first frame and subtracted."""

from dataclasses import replace

import numpy as np
import pytest

from fakes import IdealMatcher
from siamfc.boxes import center, iou
from siamfc.errors import InputError
from siamfc.network.matcher import EmbeddingSpec
from siamfc.synthetic.video import SquareVideo, SquareVideoSettings
from siamfc.tracking import LostSettings, SiamFCSettings, Stepper, Tracker, one_scale, track

SPEC = EmbeddingSpec()


class SkewedMatcher(IdealMatcher):
    """Sees all targets shifted by a number of search image pixels."""

    def __init__(self, right, down):
        super().__init__()
        self._shift_cells = np.array([right, down]) / SPEC.stride
        self.seen = 0

    def respond(self, exemplars, searches):
        """Return the ideal response, shifted exactly by the Fourier shift theorem."""
        self.seen += searches.shape[0] * searches.shape[1]
        response = super().respond(exemplars, searches)
        low = response.min(axis=(-2, -1), keepdims=True)
        wide = np.pad(response - low, [(0, 0), (0, 0), (16, 16), (16, 16)])
        frequency = np.fft.fftfreq(wide.shape[-1])
        right, down = self._shift_cells
        turn = np.exp(-2j * np.pi * (frequency[:, None] * down + frequency * right))
        shifted = np.fft.ifft2(np.fft.fft2(wide) * turn).real[..., 16:-16, 16:-16]
        return (shifted + low).astype(np.float32)


def follow(matcher, settings, longest_step=4):
    video = SquareVideo(SquareVideoSettings(frames=120, max_displacement=longest_step, seed=1))
    tracker = Tracker(matcher, settings)
    frames = iter(video)
    tracker.init(next(frames), video.boxes[0])
    boxes = np.array([tracker.update(image) for image in frames])
    assert iou(boxes, video.boxes[1:]).min() > 0.7
    return (center(boxes) - center(video.boxes[1:])).mean(axis=0)


@pytest.mark.parametrize("skew", [(3, -2), (-1, 0.5)])
@pytest.mark.parametrize("count", [1, 2, 4])
def test_the_networks_own_offset_is_subtracted(skew, count):
    crop_pixel = 160 / 255  # 40 pixels and as many of context, twice as wide
    plain = follow(SkewedMatcher(*skew), one_scale())
    np.testing.assert_allclose(plain, np.array(skew) * crop_pixel, atol=0.35)
    assert np.abs(plain).max() > 0.5
    centred = follow(SkewedMatcher(*skew), replace(one_scale(), bias_correction=count))
    assert np.abs(centred).max() < 0.1


def test_a_network_without_offset_is_unaffected():
    assert np.abs(follow(IdealMatcher(), replace(one_scale(), bias_correction=4), 16)).max() < 0.02


def test_only_the_first_frame_costs_more():
    matcher, image = SkewedMatcher(0, 0), np.full((200, 240, 3), 255, np.uint8)
    image[80:120, 100:140] = 0
    settings = SiamFCSettings(bias_correction=3)
    state = Stepper(matcher, settings).begin(image, [100, 80, 40, 40])
    assert matcher.seen == 9
    Stepper(matcher, settings).step(state, image)
    assert matcher.seen == 9 + settings.scales


def test_each_target_has_its_own_offset():
    """In frame pixels, a large target has a larger offset."""
    image = np.full((300, 640, 3), 255, np.uint8)
    image[100:120, 100:120] = 0
    image[100:180, 400:480] = 0
    boxes = [[100, 100, 20, 20], [400, 100, 80, 80]]
    settings = replace(one_scale(), bias_correction=2)
    *_, last = track([image] * 4, boxes, matcher=SkewedMatcher(3, -2), settings=settings)
    np.testing.assert_allclose(last.boxes, boxes, atol=0.2)
    plain = list(track([image] * 4, boxes, matcher=SkewedMatcher(3, -2), settings=one_scale()))
    moved = plain[1].boxes - boxes
    assert moved[1, 0] > 2 * moved[0, 0] > 0.5


def test_a_target_found_elsewhere_is_centred_too():
    def picture(x, y):
        image = np.full((400, 500, 3), 255, np.uint8)
        image[y : y + 40, x : x + 40] = 0
        return image

    lost = LostSettings(lost_threshold=0.2, found_threshold=0.5, relocate_threshold=0.5, windows=8)
    settings = replace(one_scale(), bias_correction=4, lost=lost)
    images = [picture(100, 100)] * 3 + [picture(400, 320)] * 8
    results = list(
        track(images, [100, 100, 40, 40], matcher=SkewedMatcher(3, -2), settings=settings)
    )
    assert results[3].lost
    np.testing.assert_allclose(results[-1].boxes, [[400, 320, 40, 40]], atol=0.3)


def test_an_offset_is_limited_to_half_a_cell():
    image = np.full((200, 240, 3), 255, np.uint8)
    image[80:120, 100:140] = 0
    settings = replace(one_scale(), bias_correction=2)
    state = Stepper(SkewedMatcher(20, 0), settings).begin(image, [100, 80, 40, 40])
    np.testing.assert_allclose(state.targets.offset_crop, [[4, 0]], atol=0.05)


def test_a_wrong_number_of_shifts_is_named():
    for value in (-1, 1.5, 17):
        with pytest.raises(InputError, match=r"^bias_correction: expected "):
            SiamFCSettings(bias_correction=value)
