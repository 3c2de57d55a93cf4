"""Validators: functions that training calls after each epoch to track with the network."""

import logging
from collections.abc import Callable

import numpy as np
import torch

from siamfc.boxes import center_distance, iou
from siamfc.errors import InputError
from siamfc.evaluation.procedural import SHIFT, Model, score_tracking, track_targets, track_videos
from siamfc.evaluation.scoring.calibration import RIGHT, fit_calibration
from siamfc.network.calibration import Calibration
from siamfc.network.checkpoint import Checkpoint
from siamfc.network.light.model import LightNet
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.metadata import Metadata
from siamfc.network.normalisation import Normalisation
from siamfc.network.siamfc.model import SiamFC
from siamfc.network.siamfc.torch_matcher import TorchSiamFCMatcher
from siamfc.procedural.textures import TextureSettings, draw_textures
from siamfc.procedural.videos import ProceduralVideos
from siamfc.synthetic.video import SquareVideo, SquareVideoSettings
from siamfc.tracking import Tracker
from siamfc.tracking.siamfc.settings import one_scale
from siamfc.training.validation import BestBoxes, Calibrator

logger = logging.getLogger(__name__)

Validator = Callable[[SiamFC], dict[str, float]]

_SEED = 2**33
"""Start of the validation seeds, outside the range from which training draws scenes."""


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
    `siamfc.evaluation.procedural.TrackingScores`.
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
