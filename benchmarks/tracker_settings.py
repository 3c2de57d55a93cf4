"""How well a tracker's settings do on procedural videos that training never saw.

The defaults of `siamfc.tracking.TrackerSettings` were chosen by these functions, on one H200 and
with as many videos as in:

    python benchmarks/tracker_settings.py --device cuda --videos 128 --frames 70 --textures 256

Every row tracks the same videos. The spread is the standard error of the mean over videos; since
the videos are the same, differences between rows are surer than it says.
"""

import argparse
import json
from dataclasses import replace

import numpy as np
import torch

from siamfc.data.procedural.textures import TextureSettings, draw_textures
from siamfc.data.procedural.videos import ProceduralVideos
from siamfc.evaluation.procedural import score_tracking, track_videos
from siamfc.network import load_checkpoint
from siamfc.network.alexnet import SiamFC
from siamfc.tracking import five_scales, one_scale, three_scales

SEED = 992


def variants() -> dict[str, dict]:
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


def main() -> None:
    """Track, score, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", default="default")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--videos", type=int, default=16)
    parser.add_argument("--frames", type=int, default=40)
    parser.add_argument("--textures", type=int, default=24)
    parser.add_argument("--only", help="rows whose name contains this")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()

    checkpoint = load_checkpoint(options.weights)
    model = SiamFC()
    model.load_tensors(checkpoint.tensors)
    model.to(options.device).eval()
    on_gpu = options.device.startswith("cuda")
    generator = torch.Generator(options.device)
    generator.manual_seed(SEED - 1)
    size = 512 if on_gpu else 256
    bank = draw_textures(TextureSettings(count=options.textures, size=size), generator)
    videos = ProceduralVideos(
        count=options.videos, frames=options.frames, bank=bank, seed=SEED
    )
    truth = videos.boxes.double().cpu().numpy()
    rows = {}
    for name, settings in variants().items():
        if options.only and options.only not in name:
            continue
        metadata = checkpoint.metadata
        boxes = track_videos(model, videos, settings, metadata.spec, metadata.normalisation)
        scores = score_tracking(boxes, truth)
        each = [score_tracking(b[None], t[None]).auc for b, t in zip(boxes, truth, strict=True)]
        error = float(np.std(each) / np.sqrt(len(each)))
        rows[name] = {"auc": scores.auc, "error": error, "precision": scores.precision}
        if not options.json:
            print(f"{name:28s} AUC {scores.auc:.4f} ± {error:.4f}, {scores.precision:.4f} precise")
    if options.json:
        print(json.dumps(rows))


if __name__ == "__main__":
    main()
