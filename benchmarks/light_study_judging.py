"""How well weights of `light_study.py` track: procedural videos, and real sequences."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from light_study_folder import SEQUENCES, WEIGHTS, claim
from numpy.typing import NDArray
from torch import Tensor

from siamfc.boxes import iou
from siamfc.data.procedural.textures import TextureSettings, draw_textures
from siamfc.data.procedural.videos import ProceduralVideos
from siamfc.data.readers import find_format
from siamfc.data.sequences import read_sequences
from siamfc.errors import InputError
from siamfc.evaluation import SiamFC, evaluate
from siamfc.evaluation.procedural import Model, follow_videos, score_tracking
from siamfc.files import write_file
from siamfc.training.recipes import Recipe
from siamfc.workers import Workers


@dataclass(frozen=True, kw_only=True)
class VideoSettings:
    """The procedural videos that every job tracks; a CPU and a GPU draw different ones."""

    videos: int = 128
    frames: int = 70
    textures: int = 256
    seed: int = 7001
    """No setting of the tracker was chosen by these videos."""


class Judged(NamedTuple):
    """How procedural videos were tracked."""

    iou: NDArray[np.float32]
    """(videos, frames)."""
    score: NDArray[np.float32]
    """What the tracker says of itself, (videos, frames); of the first frame 1."""
    scores: dict[str, Any]
    """AUC, precision and centre error, and AUC by video."""

    def to_bytes(self) -> bytes:
        """The file `scores.npz`."""
        file = BytesIO()
        np.savez_compressed(file, iou=self.iou, score=self.score)
        return file.getvalue()


def judge(model: Model, recipe: Recipe, videos: VideoSettings, device: torch.device) -> Judged:
    """Track procedural videos that are the same at every call, with the tracker's defaults."""
    scenes = ProceduralVideos(
        count=videos.videos,
        frames=videos.frames,
        bank=_bank(videos.textures, videos.seed, device),
        seed=videos.seed,
    )
    frames = list(follow_videos(model, scenes, None, recipe.spec, recipe.normalisation))
    truth = scenes.boxes.double().cpu().numpy()
    found = np.stack([targets.boxes for targets in frames], 1)
    found = found - (found - truth)[:, :1] * [1, 1, 0, 0]  # the tracker's frame begins elsewhere
    each = [score_tracking(b[None], t[None]).auc for b, t in zip(found, truth, strict=True)]
    return Judged(
        iou=iou(found, truth).astype(np.float32),
        score=np.stack([targets.score for targets in frames], 1).astype(np.float32),
        scores={**asdict(score_tracking(found, truth)), "auc_by_video": each},
    )


@lru_cache(maxsize=1)
def _bank(count: int, seed: int, device: torch.device) -> Tensor:
    size = 512 if device.type == "cuda" else 256
    generator = torch.Generator(device).manual_seed(seed)
    return draw_textures(TextureSettings(count=count, size=size), generator)


def track_sequences(folders: Iterable[Path], root: Path, device: str, workers: int) -> None:
    """Track real sequences in the layout of OTB with all weights that have not done so.

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
                factory = SiamFC(weights=folder / WEIGHTS, device=device, threads=1)
                found = evaluate(factory, sequences, workers=pool if workers > 1 else None)
                if found.failures:
                    name, reason = next(iter(found.failures.items()))
                    raise InputError(f"{name}: {reason}")
                record = {"device": device, **found.to_json()}
                write_file(path, (json.dumps(record, indent=1) + "\n").encode())
                print(f"{folder.name}: AUC {found.scores['auc']:.4f} on real sequences", flush=True)
