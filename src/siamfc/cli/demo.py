"""`siamfc demo`."""

from pathlib import Path

import numpy as np

from siamfc.array_types import FloatArray
from siamfc.cli.console import print_json
from siamfc.cli.loop import Outcome, exit_status, run_loop
from siamfc.cli.parameters import Device, Flag, Json, Out, Weights, Whole
from siamfc.evaluation import PROTOCOLS, Scores
from siamfc.frames import Frame, draw_boxes, open_source, open_writer
from siamfc.network import DEFAULT_WEIGHTS, load_matcher
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import FrameResult, follow

_FRAME_RATE = 30.0
_TRUTH_COLOR = (255, 255, 255)
_TRACK_COLOR = (230, 159, 0)


def demo(
    *,
    out: Out = Path("siamfc-demo.mp4"),
    frames: Whole = ClipSettings.frames,
    seed: Whole = 2,
    weights: Weights = DEFAULT_WEIGHTS,
    device: Device = "auto",
    overwrite: Flag = False,
    json: Json = False,
) -> int:
    """Track a synthetic video and print the accuracy.

    A textured object turns, grows and passes behind posts while the camera follows. The video is
    rendered on the spot, so nothing is downloaded, and the object's exact position is known in
    every frame. The output shows the ground truth in white and the track, with its score, in
    orange.

    Parameters
    ----------
    out
        The video to write.
    frames
        Number of frames.
    seed
        Seed of the video: another seed gives another object; some are lost behind the wide post.
    overwrite
        Replace the video if it exists.
    """
    clip = ProceduralClip(ClipSettings(frames=frames, seed=seed))
    predicted: list[FloatArray] = []
    with (
        open_writer(out, frame_rate=_FRAME_RATE, overwrite=overwrite) as writer,
        open_source(clip, frame_rate=_FRAME_RATE) as source,
    ):

        def show(frame: Frame, result: FrameResult) -> None:
            predicted.append(result.boxes[0])
            boxes = [clip.boxes[frame.index], result.boxes[0]]
            labels = ["", f"{result.scores[0]:.2f}"]
            colors = [_TRUTH_COLOR, _TRACK_COLOR]
            writer.write(draw_boxes(frame.image, boxes, labels=labels, colors=colors), frame.time)

        tracked = follow(source, clip.boxes[0], load_matcher(weights, device=device))
        outcome = run_loop(lambda _: tracked, [show], total=len(clip))
    rules = PROTOCOLS["otb"]
    scores = rules.score(rules.compare(np.stack(predicted), clip.boxes[: len(predicted)]))
    if json:
        print_json({**scores, "fps": outcome.rate, "frames": outcome.count, "out": str(out)})
    else:
        _print(outcome, scores, clip.settings, out)
    return exit_status(outcome)


def _print(outcome: Outcome, scores: Scores, video: ClipSettings, out: Path) -> None:
    print(f"{outcome.count} frames of {video.width}×{video.height} pixels")
    print(f"centre error  {scores['center_error']:.2f} pixels")
    print(f"AUC           {scores['auc']:.3f}")
    print(f"speed         {outcome.rate:.1f} frames/s, with drawing and writing the video")
    print(f"video         {out}")
