"""Accuracy of a tracker's settings on procedural videos that training never saw.

The defaults of `siamfc.tracking.SiamFCSettings`, and of `LightSettings` for a network that
gives boxes, were chosen by these functions, on one H200 and with as many videos as in:

    python benchmarks/tracker_settings.py --device cuda --videos 128 --frames 70 --textures 256

`--weights` says which network, and so which settings. Every row tracks the same videos. The spread
is the standard error of the mean over videos; since the videos are the same, differences between
rows are surer than it says: the last number is the difference from the first row with its own
standard error, video by video.

How often the box is right by the score, and from what score on a target is lost, is for
`benchmarks/calibration.py` to say.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import torch

from siamfc.evaluation.validators import Model, score_tracking, track_videos
from siamfc.network import Checkpoint, load_checkpoint
from siamfc.network.architectures import LIGHT
from siamfc.network.light.model import LightNet
from siamfc.network.siamfc.model import SiamFC
from siamfc.procedural.textures import TextureSettings, draw_textures
from siamfc.procedural.videos import ProceduralVideos
from siamfc.tracking import LightSettings, Settings, five_scales, one_scale, three_scales

SEED = 992


def scale_variants() -> dict[str, Settings]:
    """The published settings, and steps away from them one at a time."""
    base = replace(three_scales(), scale_penalty=0.99)
    return {
        "published, three scales": three_scales(),
        "published, five scales": five_scales(),
        "one scale": one_scale(),
        "penalty 0.99": base,
        "penalty 0.99, step 1.05": replace(base, scale_step=1.05),
        "penalty 0.99, damping 0.4": replace(base, scale_damping=0.4),
        "penalty 0.99, window 0.1": replace(base, window_influence=0.1),
        "penalty 0.99, window 0.25": replace(base, window_influence=0.25),
        "penalty 0.98, step 1.05": replace(base, scale_penalty=0.98, scale_step=1.05),
    }


def box_variants() -> dict[str, Settings]:
    """The defaults, and a grid of window, penalty and damping."""
    grid = product((0.1, 0.2, 0.3, 0.4, 0.5), (0.0, 0.05, 0.1, 0.2, 0.4), (0.3, 0.5, 0.7, 1.0))
    return {
        "defaults": LightSettings(),
        **{
            f"window {window}, penalty {penalty}, damping {damping}": LightSettings(
                window_influence=window, change_penalty=penalty, size_damping=damping
            )
            for window, penalty, damping in grid
        },
    }


def load(checkpoint: Checkpoint, device: str) -> Model:
    """The network as it is trained."""
    model = LightNet() if checkpoint.architecture is LIGHT else SiamFC()
    model.load_tensors(checkpoint.tensors)
    return model.to(device).eval()


def draw_videos(options: argparse.Namespace) -> ProceduralVideos:
    """The videos that every row tracks."""
    generator = torch.Generator(options.device).manual_seed(SEED - 1)
    size = 512 if options.device.startswith("cuda") else 256
    bank = draw_textures(TextureSettings(count=options.textures, size=size), generator)
    return ProceduralVideos(count=options.videos, frames=options.frames, bank=bank, seed=SEED)


def measure(
    model: Model,
    checkpoint: Checkpoint,
    videos: ProceduralVideos,
    variants: dict[str, Settings],
) -> Iterator[tuple[str, dict[str, float]]]:
    """Scores of each row, with its difference from the first."""
    truth = videos.boxes.double().cpu().numpy()
    metadata = checkpoint.metadata
    first = None
    for name, settings in variants.items():
        boxes = track_videos(model, videos, settings, metadata.spec, metadata.normalisation)
        scores = score_tracking(boxes, truth)
        pairs = zip(boxes, truth, strict=True)
        each = np.array([score_tracking(b[None], t[None]).auc for b, t in pairs])
        first = each if first is None else first
        yield (
            name,
            {
                "auc": scores.auc,
                "error": _standard_error(each),
                "precision": scores.precision,
                "difference": float((each - first).mean()),
                "difference_error": _standard_error(each - first),
            },
        )


def _standard_error(values: np.ndarray) -> float:
    return float(np.std(values) / np.sqrt(len(values)))


def main() -> None:
    """Track, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="siamfc", help="a name or a path")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--videos", type=int, default=16)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--textures", type=int, default=24)
    parser.add_argument("--only", help="rows whose name contains this, beside the first")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    checkpoint = load_checkpoint(options.weights)
    model, videos = load(checkpoint, options.device), draw_videos(options)
    variants = box_variants() if isinstance(model, LightNet) else scale_variants()
    first = next(iter(variants))
    if options.only:
        variants = {n: s for n, s in variants.items() if n == first or options.only in n}
    result: dict[str, Any] = {"rows": {}}
    for name, row in measure(model, checkpoint, videos, variants):
        result["rows"][name] = row
        if not options.json:
            print(
                f"{name:40s} AUC {row['auc']:.4f} ± {row['error']:.4f}, "
                f"{row['precision']:.4f} precise, "
                f"{row['difference']:+.4f} ± {row['difference_error']:.4f}",
                flush=True,
            )
    if options.json:
        print(json.dumps(result))


if __name__ == "__main__":
    main()
