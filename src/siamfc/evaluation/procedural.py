"""Validation that means something: tracking procedural videos that training never saw."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from siamfc.boxes import center_distance, iou
from siamfc.data.procedural.videos import ProceduralVideos
from siamfc.network.alexnet import Normalise, SiamFC
from siamfc.network.matcher import EmbeddingSpec
from siamfc.network.normalisation import Normalisation
from siamfc.tracking.settings import TrackerSettings
from siamfc.tracking.targets import advance, start

_MIDDLE = 50_000.0
"""Procedural frames have no end; the tracker's do, so its frame lies about this point."""


@dataclass(frozen=True)
class TrackingScores:
    """Mean over videos, the first frame counting, as in the OTB toolkit."""

    auc: float
    precision: float
    """Share of frames whose centre error is at most 20 pixels of a target of 64 pixels."""
    center_error: float
    """In the same pixels, median over frames."""


@torch.no_grad()
def track_videos(
    model: SiamFC,
    videos: ProceduralVideos,
    settings: TrackerSettings,
    spec: EmbeddingSpec,
    normalisation: Normalisation,
) -> NDArray[np.float64]:
    """Track all videos at once with the product's own tracker: boxes (videos, frames, 4)."""
    device = videos.boxes.device
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    prepare = Normalise(normalisation).to(device)
    truth = videos.boxes.double().cpu().numpy()
    shift = np.array([_MIDDLE, _MIDDLE, 0, 0])
    targets = start(truth[:, 0] + shift, (int(2 * _MIDDLE),) * 2, spec)

    def embed(
        frame: int, center: NDArray[np.float64], sides: NDArray[np.float64], size: int
    ) -> torch.Tensor:
        place = torch.from_numpy(center - _MIDDLE).float().to(device)
        lengths = torch.from_numpy(sides).float().to(device)
        crops = videos.crops(frame, place, lengths, size)
        images = prepare(crops.flatten(0, 1).permute(0, 3, 1, 2))
        with torch.autocast(device.type, dtype, enabled=device.type == "cuda"):
            images = images.contiguous(memory_format=torch.channels_last)
            embeddings: torch.Tensor = model.backbone(images)
            return embeddings

    center, side = targets.exemplar_windows(spec)
    exemplars = embed(0, center, side[:, None], spec.exemplar_size)
    exemplars = exemplars.repeat_interleave(settings.scales, 0)
    boxes = [targets.boxes]
    for frame in range(1, videos.frames):
        center, sides = targets.search_windows(settings)
        searches = embed(frame, center, sides, spec.search_size)
        responses = model.respond(exemplars, searches).float().cpu().numpy()
        shape = (len(targets), settings.scales, spec.response_size, spec.response_size)
        targets = advance(targets, responses.reshape(shape), settings, spec)
        boxes.append(targets.boxes)
    predicted: NDArray[np.float64] = np.stack(boxes, 1) - shift
    return predicted


def score_tracking(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> TrackingScores:
    """Score boxes (videos, frames, 4) against the truth."""
    overlap = iou(predicted, truth)
    thresholds = np.linspace(0, 1, 21)
    auc = (overlap[..., None] > thresholds).mean()
    size = np.sqrt(truth[..., 2] * truth[..., 3])
    error = center_distance(predicted, truth) / size * 64
    return TrackingScores(float(auc), float((error <= 20).mean()), float(np.median(error)))
