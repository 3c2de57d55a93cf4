"""Accuracy of the study's weights on procedural videos and real sequences."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from benchmarks.light_study.folder import SEQUENCES, WEIGHTS, claim
from numpy.typing import NDArray
from torch import Tensor

from siamfc.boxes import iou
from siamfc.datasets.readers import find_format
from siamfc.datasets.sequences import read_sequences
from siamfc.errors import InputError
from siamfc.evaluation import PretrainedTracker, evaluate
from siamfc.evaluation.validators import Model, score_tracking, track_targets
from siamfc.files import write_file
from siamfc.procedural.textures import TextureSettings, draw_textures
from siamfc.procedural.videos import VIDEO_KINDS, ProceduralVideos
from siamfc.tracking import settings_for_weights
from siamfc.training.recipes import Recipe
from siamfc.workers import Workers


@dataclass(frozen=True, kw_only=True)
class JudgingSettings:
    """The procedural videos that every job tracks; a CPU and a GPU draw different ones."""

    videos: int = 64
    """Number of videos of each kind; see `VIDEO_KINDS`."""
    frames: int = 70
    textures: int = 256
    seed: int = 7001
    """No setting of the tracker was chosen by these videos."""


class Judged(NamedTuple):
    """Tracks of procedural videos."""

    iou: NDArray[np.float32]
    """(videos of all kinds, frames)."""
    score: NDArray[np.float32]
    """Score of each box, of the same shape; 1 in the first frame."""
    scores: dict[str, Any]
    """AUC, precision and centre error of all, and AUC by kind of each video."""

    def to_bytes(self) -> bytes:
        """The file `scores.npz`."""
        file = BytesIO()
        np.savez_compressed(file, iou=self.iou, score=self.score)
        return file.getvalue()


def judge(model: Model, recipe: Recipe, videos: JudgingSettings, device: torch.device) -> Judged:
    """Track procedural videos that are the same at every call, with the tracker's defaults."""
    found, truth, scores, each = [], [], [], {}
    for kind, settings in VIDEO_KINDS.items():
        scenes = ProceduralVideos(
            count=videos.videos,
            frames=videos.frames,
            bank=_bank(videos.textures, videos.seed, device),
            seed=videos.seed,
            settings=settings,
        )
        frames = list(track_targets(model, scenes, None, recipe.spec, recipe.normalisation))
        boxes, true = np.stack([t.boxes for t in frames], 1), scenes.boxes.double().cpu().numpy()
        boxes = boxes - (boxes - true)[:, :1] * [1, 1, 0, 0]  # the tracker's frame begins elsewhere
        pairs = zip(boxes, true, strict=True)
        each[kind] = [score_tracking(one[None], its[None]).auc for one, its in pairs]
        found.append(boxes)
        truth.append(true)
        scores.append(np.stack([t.score for t in frames], 1))
    all_found, all_true = np.concatenate(found), np.concatenate(truth)
    return Judged(
        iou=iou(all_found, all_true).astype(np.float32),
        score=np.concatenate(scores).astype(np.float32),
        scores={**asdict(score_tracking(all_found, all_true)), "auc_by_video": each},
    )


@lru_cache(maxsize=1)
def _bank(count: int, seed: int, device: torch.device) -> Tensor:
    size = 512 if device.type == "cuda" else 256
    generator = torch.Generator(device).manual_seed(seed)
    return draw_textures(TextureSettings(count=count, size=size), generator)


def track_sequences(folders: Iterable[Path], root: Path, device: str, workers: int) -> None:
    """Track real sequences in the layout of OTB with all weights that have not done so.

    The tracker looks for what the first frame shows, where the target was, so that nothing but
    the weights counts.

    Raises:
        InputError: a sequence that could not be tracked to its end.
        DatasetError: no sequences there.
    """
    sequences = list(read_sequences(find_format("otb").open(root)))
    with Workers(workers) as pool:
        for folder in folders:
            with claim(folder) as free:
                path = folder / SEQUENCES
                if not free or path.exists() or not (folder / WEIGHTS).exists():
                    continue
                weights = folder / WEIGHTS
                settings = settings_for_weights(weights, update="none", search_again=False)
                factory = PretrainedTracker(
                    weights=weights, device=device, threads=1, settings=settings
                )
                found = evaluate(factory, sequences, workers=pool if workers > 1 else None)
                if found.failures:
                    name, reason = next(iter(found.failures.items()))
                    raise InputError(f"{name}: {reason}")
                record = {"device": device, **found.to_json()}
                write_file(path, (json.dumps(record, indent=1) + "\n").encode())
                print(f"{folder.name}: AUC {found.scores['auc']:.4f} on real sequences", flush=True)
