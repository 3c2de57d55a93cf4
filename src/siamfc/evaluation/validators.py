"""Validators: functions that training calls after each epoch to track with the network.

They track procedural videos that training has not seen, all at once, or the thesis's synthetic one.
"""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from siamfc.array_types import Float32Array, FloatArray
from siamfc.boxes import area, center_distance, iou
from siamfc.errors import InputError
from siamfc.evaluation.scoring import metrics
from siamfc.evaluation.scoring.calibration import RIGHT, fit_calibration
from siamfc.network.calibration import Calibration
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.light.model import LightNet
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.metadata import Metadata
from siamfc.network.normalisation import Normalisation
from siamfc.network.siamfc.model import Normalise, SiamFC
from siamfc.network.siamfc.torch_matcher import TorchSiamFCMatcher
from siamfc.procedural.textures import TextureSettings, draw_textures
from siamfc.procedural.videos import ProceduralVideos
from siamfc.synthetic.video import SquareVideo, SquareVideoSettings
from siamfc.tracking import Tracker, light, siamfc
from siamfc.tracking.defaults import Settings, light_settings, siamfc_settings
from siamfc.tracking.light import LightSettings, LightTargets
from siamfc.tracking.siamfc import SiamFCSettings, SiamFCTargets
from siamfc.tracking.siamfc.settings import one_scale
from siamfc.training.validation import BestBoxes, Calibrator

logger = logging.getLogger(__name__)

Validator = Callable[[SiamFC], dict[str, float]]

_SEED = 2**33
"""Start of the validation seeds, outside the range from which training draws scenes."""


Model = SiamFC | LightNet
"""Network in training."""

_MIDDLE = 50_000.0
"""Centre of the tracker's finite frame, in pixels; procedural frames are unbounded."""
SHIFT = np.array([_MIDDLE, _MIDDLE, 0, 0])
"""Offset from a procedural video's box to the tracker's."""
_FRAME = (int(2 * _MIDDLE),) * 2


@dataclass(frozen=True)
class TrackingScores:
    """Scores over all frames of several videos; the first counts, as in the OTB toolkit."""

    auc: float
    precision: float
    """Fraction of frames with a centre error of at most 20 pixels, scaled to a target of 64 pixels.
    """
    center_error: float
    """Median centre error over the frames, in the same pixels."""


def track_videos(
    model: Model,
    videos: ProceduralVideos,
    settings: Settings | None,
    spec: EmbeddingSpec,
    normalisation: Normalisation,
) -> FloatArray:
    """Track all videos at once with siamfc's own tracker: boxes (videos, frames, 4).

    The model's kind decides the tracker; `settings` of None are that tracker's defaults.

    Raises:
        InputError: the settings belong to the other kind.
    """
    frames = track_targets(model, videos, settings, spec, normalisation)
    predicted: FloatArray = np.stack([targets.boxes for targets in frames], 1) - SHIFT
    return predicted


def track_targets(
    model: Model,
    videos: ProceduralVideos,
    settings: Settings | None,
    spec: EmbeddingSpec,
    normalisation: Normalisation,
) -> Iterator[SiamFCTargets | LightTargets]:
    """Track as `track_videos` does, but yield each frame's targets, with their scores.

    The targets are one per video. Their boxes are those of the videos plus `SHIFT`.
    """
    first = videos.boxes[:, 0].double().cpu().numpy() + SHIFT
    camera = _Camera(videos, normalisation)
    if isinstance(model, LightNet):
        return _track_boxes(
            model, camera, light.start(first, _FRAME), light_settings(settings), spec
        )
    return _track_scales(
        model, camera, siamfc.start(first, _FRAME, spec), siamfc_settings(settings), spec
    )


class _Camera:
    """Crops of squares from all videos at once."""

    def __init__(self, videos: ProceduralVideos, normalisation: Normalisation) -> None:
        self.frames = videos.frames
        self.device = videos.boxes.device
        self._videos = videos
        self._prepare = Normalise(normalisation).to(self.device)

    def images(self, frame: int, center: FloatArray, sides: FloatArray, size: int) -> torch.Tensor:
        """Crop squares with centres (N, 2) and sides (N, S) as network input (N · S, 3, n, n)."""
        place = torch.from_numpy(center - _MIDDLE).float().to(self.device)
        lengths = torch.from_numpy(sides).float().to(self.device)
        crops = self._videos.crops(frame, place, lengths, size)
        images: torch.Tensor = self._prepare(crops.flatten(0, 1).permute(0, 3, 1, 2))
        return images.contiguous(memory_format=torch.channels_last)

    def half(self, dtype: torch.dtype) -> torch.autocast:
        """Return half precision on a GPU; on a CPU it has no effect."""
        return torch.autocast(self.device.type, dtype, enabled=self.device.type == "cuda")


def _track_scales(
    model: SiamFC,
    camera: _Camera,
    targets: SiamFCTargets,
    settings: SiamFCSettings,
    spec: EmbeddingSpec,
) -> Iterator[SiamFCTargets]:
    @torch.no_grad()
    def embed(images: torch.Tensor) -> torch.Tensor:
        with camera.half(torch.bfloat16):
            embeddings: torch.Tensor = model.backbone(images)
            return embeddings

    center, side = targets.exemplar_windows(spec)
    exemplars = embed(camera.images(0, center, side[:, None], spec.exemplar_size))
    exemplars = exemplars.repeat_interleave(settings.scales, 0)
    shape = (len(targets), settings.scales, spec.response_size, spec.response_size)
    yield targets
    for frame in range(1, camera.frames):
        center, sides = targets.search_windows(settings)
        searches = embed(camera.images(frame, center, sides, spec.search_size))
        with torch.no_grad():
            responses = model.respond(exemplars, searches).float().cpu().numpy()
        targets = siamfc.move(targets, responses.reshape(shape), settings, spec)
        yield targets


def _track_boxes(
    model: LightNet,
    camera: _Camera,
    targets: LightTargets,
    settings: LightSettings,
    spec: EmbeddingSpec,
) -> Iterator[LightTargets]:
    @torch.no_grad()
    def embed(images: torch.Tensor) -> torch.Tensor:
        with camera.half(torch.float16):
            return model.embed([images])[0]

    @torch.no_grad()
    def compare(searches: torch.Tensor) -> tuple[Float32Array, Float32Array]:
        with camera.half(torch.float16):
            logits, boxes = model.compare(keys, places, searches)
        return logits.cpu().numpy(), boxes.cpu().numpy()

    center, side = targets.exemplar_windows(spec)
    exemplars = embed(camera.images(0, center, side[:, None], spec.exemplar_size))
    sizes = torch.from_numpy(targets.exemplar_sizes(spec)).float().to(camera.device)
    keys, places = model.memory([exemplars], [model.places(sizes)])
    yield targets
    for frame in range(1, camera.frames):
        center, side = targets.present_windows(spec)
        searches = embed(camera.images(frame, center, side[:, None], spec.search_size))
        targets = light.move(targets, *compare(searches), settings, spec)
        yield targets


def score_tracking(predicted: FloatArray, truth: FloatArray) -> TrackingScores:
    """Score predicted boxes (videos, frames, 4) against the ground truth, likewise."""
    curve = metrics.success_curve(iou(predicted, truth).ravel())
    errors = center_distance(predicted, truth) / np.sqrt(area(truth)) * 64
    return TrackingScores(
        auc=metrics.area_under_curve(curve),
        precision=metrics.precision_at(errors.ravel()),
        center_error=float(np.median(errors)),
    )


def procedural_validator(
    spec: EmbeddingSpec,
    normalisation: Normalisation,
    *,
    device: torch.device,
    videos: int = 64,
    frames: int = 100,
    textures: TextureSettings | None = None,
) -> Callable[[Model], dict[str, float]]:
    """Make a validator that tracks procedural videos: always the same, none of training's scenes.

    Scores: `tracking_auc`, `tracking_precision` and `tracking_center_error`, see
    `siamfc.evaluation.validators.TrackingScores`.
    """
    generator = torch.Generator(device).manual_seed(_SEED)
    bank = draw_textures(textures or TextureSettings(count=256), generator)

    def validate(model: Model) -> dict[str, float]:
        scenes = ProceduralVideos(
            count=videos,
            frames=frames,
            bank=bank,
            seed=_SEED,
        )
        predicted = track_videos(model, scenes, None, spec, normalisation)
        scores = score_tracking(predicted, scenes.boxes.double().cpu().numpy())
        return {
            "tracking_auc": scores.auc,
            "tracking_precision": scores.precision,
            "tracking_center_error": scores.center_error,
        }

    return validate


def video_calibrator(
    spec: EmbeddingSpec,
    normalisation: Normalisation,
    *,
    device: torch.device,
    videos: int = 8,
    frames: int = 20,
    textures: TextureSettings | None = None,
) -> Calibrator:
    """Make a calibrator for pairs from stores and frames of procedural videos, equally weighted."""
    generator = torch.Generator(device).manual_seed(_SEED)
    bank = draw_textures(textures or TextureSettings(count=256), generator)

    def calibrate(model: LightNet, pairs: BestBoxes) -> Calibration | None:
        scenes = ProceduralVideos(count=videos, frames=frames, bank=bank, seed=_SEED + 1)
        tracked = list(track_targets(model, scenes, None, spec, normalisation))[1:]
        scores = np.concatenate([targets.score for targets in tracked])
        predicted = np.stack([targets.boxes for targets in tracked], 1) - SHIFT
        overlaps = iou(predicted, scenes.boxes[:, 1:].double().cpu().numpy())
        groups = (
            (pairs.logits.double().cpu().numpy(), pairs.overlaps.cpu().numpy() > RIGHT),
            (np.log(scores) - np.log1p(-scores), overlaps.T.ravel() > RIGHT),
        )
        logits, right = (np.concatenate(parts) for parts in zip(*groups, strict=True))
        weights = np.concatenate([np.full(len(one), 1 / len(one)) for one, _ in groups])
        try:
            return fit_calibration(logits, right, weights * len(logits) / 2)
        except InputError as error:
            logger.warning("the weights keep the calibration that they had: %s", error)
            return None

    return calibrate


def square_validator(
    spec: EmbeddingSpec,
    normalisation: Normalisation,
    *,
    device: torch.device,
    video: SquareVideoSettings | None = None,
) -> Validator:
    """Make a validator that tracks the thesis's synthetic video (4.1.5) with one scale, as it does.

    Score: `tracking_center_error`, the mean over frames in pixels (thesis, table 7).
    """
    truth = SquareVideo(video)
    metadata = Metadata(spec=spec, normalisation=normalisation)

    def validate(model: SiamFC) -> dict[str, float]:
        checkpoint = Checkpoint(tensors=model.tensors(), metadata=metadata)
        tracker = Tracker(TorchSiamFCMatcher(checkpoint, device=device.type), one_scale())
        tracker.init(truth[0], truth.boxes[0])
        tracked = [tracker.update(truth[index]) for index in range(1, len(truth))]
        error = center_distance(np.stack([truth.boxes[0], *tracked]), truth.boxes)
        return {"tracking_center_error": float(np.mean(error))}

    return validate
