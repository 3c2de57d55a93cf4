"""Causes of the published error: the thesis's geometric faults, separately and together.

Each fault is switched on alone, and off alone; for an ideal matcher, whose error is purely
geometric, and for trained weights.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from siamfc.boxes import center
from siamfc.experiments.as_published import (
    Faults,
    PublishedTracker,
    all_faults,
    draw_frame,
    published_displacement,
    published_offset,
)
from siamfc.network.matcher import Matcher
from siamfc.synthetic import SquareVideo
from siamfc.tracking import one_scale

TITLES = {
    "bilinear_upsampling": "bilinear upsampling",
    "floored_crops": "floored crops",
    "shifted_first_box": "first box read as 1-based",
    "wide_square": "41 pixels labelled 40",
}
"""Titles of the fields of `Faults`."""


@dataclass(frozen=True, kw_only=True)
class Term:
    """A row: the enabled faults, with a title."""

    title: str
    faults: Faults


def terms() -> list[Term]:
    """Return all combinations to measure: none, each alone, all, and all but each."""
    names = [one.name for one in fields(Faults)]
    alone = [Term(title=f"only {TITLES[n]}", faults=Faults(**{n: True})) for n in names]
    without = [
        Term(title=f"all but {TITLES[n]}", faults=replace(all_faults(), **{n: False}))
        for n in names
    ]
    exact = Term(title="exact geometry", faults=Faults())
    return [exact, *alone, Term(title="as published", faults=all_faults()), *without]


def measure_terms(
    matcher: Matcher, video: SquareVideo, *, on_frames: Callable[[int], None] | None = None
) -> dict[str, dict[str, Any]]:
    """Track the video with one scale for each of `terms`: its title → errors, see `errors_of`."""
    results = {}
    for term in terms():
        boxes = _track(matcher, video, term.faults)
        results[term.title] = errors_of(boxes, video.boxes)
        if on_frames is not None:
            on_frames(len(video))
    return results


def errors_of(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> dict[str, Any]:
    """Errors of boxes (F, 4) in pixels, exact and as the thesis measures them.

    `center_error` and `offset`, to the right and down, are exact; `published_center_error` follows
    the thesis's eq. (6) with its conventions, and `published_displacement` has the means of figure
    12.
    """
    offset = center(predicted) - center(truth)
    published = published_offset(predicted, truth)
    return {
        "center_error": float(np.hypot(*offset.T).mean()),
        "offset": offset.mean(axis=0).tolist(),
        "published_center_error": float(np.hypot(*published.T).mean()),
        "published_displacement": published_displacement(predicted, truth).mean(axis=0).tolist(),
    }


def _track(matcher: Matcher, video: SquareVideo, faults: Faults) -> NDArray[np.float64]:
    tracker = PublishedTracker(matcher, one_scale(), faults)
    first = video.boxes[0]
    tracker.init(draw_frame(video, 0, faults), first)
    followed = [tracker.update(draw_frame(video, i, faults)) for i in range(1, len(video))]
    return np.stack([first, *followed])
