"""Draw the pictures of the documentation: `python docs/tools/drawings.py`.

Everything that has a size is drawn to scale, from the formulas of `siamfc.geometry` themselves; the
crops and the response are those of the demo's video.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from svg import arrow, dot, drawing, labelled_box, line, picture, rectangle, text, write

from siamfc import boxes, geometry
from siamfc.network import load_matcher
from siamfc.synthetic.clip import ClipSettings, ProceduralClip

FOLDER = Path(__file__).parents[1] / "pictures"
WIDTH = 540
FRAME = 24
"""The frame of the demo's video that the pictures show."""


def track() -> str:
    """Draw the first river, with what the network sees of the demo's video."""
    clip = ProceduralClip(ClipSettings(frames=FRAME + 1, seed=2))
    frames = list(clip)
    exemplar, search, response = _seen(frames[0], clip.boxes[0], frames[FRAME])
    shrunk = [geometry.crop(frames[index], (320, 180), 640, 240, (0, 0, 0)) for index in (0, FRAME)]
    first, later = (image[52:188] for image in shrunk)
    left, right = 135, 405
    parts = [
        text(left, 30, "first frame, with its box", "middle strong"),
        text(right, 30, "each frame that follows", "middle strong"),
        picture(left - 105, 42, 210, 118, first),
        _box_in(left - 105, 42, 210 / 640, clip.boxes[0]),
        picture(right - 105, 42, 210, 118, later),
        arrow((left, 160), (left, 196)),
        arrow((right, 160), (right, 196)),
        text(left - 10, 183, "crop", "end small"),
        text(right - 10, 183, "crop about the last box", "end small"),
        picture(left - 55, 198, 110, 110, exemplar),
        picture(right - 80, 198, 160, 160, search),
        text(left, 326, "exemplar 127×127×3", "middle small"),
        text(right, 376, "search 255×255×3, in S sizes", "middle small"),
        arrow((left, 334), (left, 396)),
        arrow((right, 384), (right, 396)),
        labelled_box(40, 398, 460, 50, ["embedding", "the same AlexNet for both, no padding"]),
        arrow((left, 448), (left, 492)),
        arrow((right, 448), (right, 492)),
        labelled_box(left - 75, 494, 150, 46, ["256×6×6", "kept for good"], "kept"),
        labelled_box(right - 75, 494, 150, 46, ["S×256×22×22", "anew in each frame"]),
        arrow((left, 540), (left, 572), (WIDTH / 2 - 22, 572), (WIDTH / 2 - 22, 590)),
        arrow((right, 540), (right, 572), (WIDTH / 2 + 22, 572), (WIDTH / 2 + 22, 590)),
        labelled_box(125, 592, 290, 46, ["correlation", "one placed at all places of the other"]),
        arrow((WIDTH / 2, 638), (WIDTH / 2, 664)),
        picture(WIDTH / 2 - 68, 666, 136, 136, response),
        text(WIDTH / 2 + 80, 730, "response S×17×17", "small"),
        text(WIDTH / 2 + 80, 749, "sigmoid of the peak: score", "small"),
        arrow((WIDTH / 2, 802), (WIDTH / 2, 828)),
        labelled_box(
            100, 830, 340, 46, ["box x, y, w, h", "peak → place; the best of S sizes → size"]
        ),
    ]
    title = "Track: frame, crop, embedding, response, box, for the first frame and each later one"
    return drawing(WIDTH, 894, title, parts)


def light() -> str:
    """Draw how the light network follows a target, with what it sees of the demo's video."""
    clip = ProceduralClip(ClipSettings(frames=FRAME + 1, seed=2))
    frames = list(clip)
    seen = _seen_by_light(frames[0], clip.boxes[0], frames[FRAME])
    left, right, middle = 135, 405, WIDTH / 2
    size = seen.size * (110 / 127)
    parts = [
        text(left, 30, "first frame, and sure ones", "middle strong"),
        text(right, 30, "each frame that follows", "middle strong"),
        picture(left - 55, 42, 110, 110, seen.exemplar),
        rectangle(left - size[0] / 2, 97 - size[1] / 2, *size, "target"),
        picture(right - 80, 42, 160, 160, seen.search),
        text(left, 170, "exemplar 127×127×3", "middle small"),
        text(left, 187, "and the box's size in it", "middle small"),
        text(right, 220, "search 255×255×3, one size", "middle small"),
        arrow((left, 195), (left, 240)),
        arrow((right, 228), (right, 240)),
        labelled_box(40, 242, 460, 50, ["features", "the same depth-wise convolutions for both"]),
        arrow((left, 292), (left, 324)),
        arrow((right, 292), (right, 324)),
        labelled_box(left - 95, 326, 190, 62, ["64 cells", "with their place in the box"], "kept"),
        labelled_box(right - 75, 326, 150, 62, ["256 cells", "anew in each frame"]),
        arrow((left, 388), (left, 418), (middle - 22, 418), (middle - 22, 436)),
        arrow((right, 388), (right, 418), (middle + 22, 418), (middle + 22, 436)),
        labelled_box(
            90, 438, 360, 46, ["comparison", "each cell with the 64: what part of the box is it?"]
        ),
        arrow((left, 484), (left, 514)),
        arrow((right, 484), (right, 514)),
        picture(left - 80, 516, 160, 160, seen.scores),
        picture(right - 80, 516, 160, 160, seen.search),
        *(_corners_in(right - 80, 516, 160 / 255, box, "exemplar") for box in seen.likely),
        _corners_in(right - 80, 516, 160 / 255, seen.best, "target"),
        text(left, 694, "a score for each of 16×16 cells", "middle small"),
        text(right, 694, "and a box, here the ten best", "middle small"),
        arrow((left, 702), (left, 734)),
        arrow((right, 702), (right, 734)),
        labelled_box(
            70,
            736,
            400,
            64,
            [
                "box x, y, w, h and its probability",
                "minus a penalty for sudden changes,",
                "plus a window that prefers the middle",
            ],
        ),
    ]
    title = "The light network: exemplar and search image, features, comparison, scores and boxes"
    return drawing(WIDTH, 820, title, parts)


class _Light(NamedTuple):
    """Inputs and outputs of the light network for one frame."""

    exemplar: NDArray[np.uint8]
    size: NDArray[np.float64]
    """Size of the box in the exemplar, pixels."""
    search: NDArray[np.uint8]
    scores: NDArray[np.uint8]
    """Scores as a picture."""
    likely: NDArray[np.float64]
    """Boxes of the ten best cells: left, top, right, bottom in the search image."""
    best: NDArray[np.float64]


def _seen_by_light(
    first: NDArray[np.uint8], box: NDArray[np.float64], later: NDArray[np.uint8]
) -> _Light:
    """Return the light network's view of a target searched for at its first place."""
    matcher = load_matcher("light", device="cpu", threads=1)
    side = float(geometry.exemplar_side(box[2:]))
    fill = geometry.mean_color(first)
    center = boxes.center(box)
    exemplar = geometry.crop(first, center, side, 127, fill)
    search = geometry.crop(later, center, side * 255 / 127, 255, fill)
    size = box[2:] * 127 / side
    embedding = matcher.embed_exemplar(exemplar[None], size[None])
    logits, corners = (found[0] for found in matcher.locate(embedding, search[None]))
    order = np.argsort(-logits.ravel(), kind="stable")
    cells = corners.reshape(4, -1).T.astype(np.float64)
    share = 1 / (1 + np.exp(-logits.astype(np.float64)))
    shown = np.repeat(np.repeat(share, 10, axis=0), 10, axis=1)[..., None]
    return _Light(exemplar, size, search, _heat(shown), cells[order[1:10]], cells[order[0]])


def _heat(share: NDArray[np.float64]) -> NDArray[np.uint8]:
    cold, hot = np.array([26.0, 46.0, 70.0]), np.array([255.0, 190.0, 70.0])
    return np.rint(cold + (hot - cold) * share).astype(np.uint8)


def _corners_in(x: float, y: float, scale: float, box: NDArray[np.float64], kind: str) -> str:
    """A box by its corners, rounded: the last digits differ between machines."""
    left, top, right, bottom = (round(float(value) * scale) for value in box)
    return rectangle(x + left, y + top, right - left, bottom - top, kind)


def _seen(
    first: NDArray[np.uint8], box: NDArray[np.float64], later: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Exemplar, search image and response as a picture, of a target searched at its first place."""
    matcher = load_matcher("siamfc", device="cpu", threads=1)
    side = float(geometry.exemplar_side(box[2:]))
    fill = geometry.mean_color(first)
    center = boxes.center(box)
    exemplar = geometry.crop(first, center, side, 127, fill)
    search = geometry.crop(later, center, side * 255 / 127, 255, fill)
    response = matcher.respond(matcher.embed_exemplar(exemplar[None]), search[None, None])[0, 0]
    surface = geometry.upsample(response, 8)
    return exemplar, search, _heat(((surface - surface.min()) / np.ptp(surface))[..., None])


def _box_in(x: float, y: float, scale: float, box: NDArray[np.float64]) -> str:
    left, top, w, h = (float(value) * scale for value in box)
    return rectangle(x + left, y + top, w, h, "target")


def learn() -> str:
    """Draw the second river."""
    steps = [
        ("data set", "OTB, VID, your own … or none", "a reader for each layout"),
        ("sequences", "frames, and a box or NaN for each", "the same for all data sets"),
        ("pairs", "two frames of one target", "cut out by the tracker's crop"),
        ("batches", "N×127×127×3, N×255×255×3", "stretched, shifted, recoloured"),
        ("responses", "N×17×17 logits", "the tracker's network"),
        ("loss", "1 near the target's place, 0 elsewhere", "its gradient moves the weights"),
    ]
    parts: list[str] = []
    for index, (name, content, note) in enumerate(steps):
        top = 20 + index * 86
        kind = "kept" if name == "loss" else "box"
        parts.append(labelled_box(16, top, 276, 52, [name, content], kind))
        parts.append(text(304, top + 31, note, "small"))
        if index:
            parts.append(arrow((154, top - 34), (154, top - 2)))
    parts.append(text(304, 169, "procedural pairs begin here,", "small"))
    parts.append(text(304, 186, "drawn on the device", "small"))
    title = "Learn: data set, sequences, pairs, batches, responses, loss"
    return drawing(WIDTH, 524, title, parts)


def squares() -> str:
    """Draw the squares that the two images show, to scale, about a box of 60×40 pixels."""
    box = np.array([215.0, 140.0, 60.0, 40.0])
    scale, left, top = 1.0, 30.0, 50.0
    width, height = 480, 270
    side = float(geometry.exemplar_side(box[2:]))
    search = float(geometry.search_side(side, 127, 255))
    x, y = (float(value) * scale for value in boxes.center(box))
    x, y = x + left, y + top

    def square(length: float, kind: str) -> str:
        return rectangle(x - length / 2, y - length / 2, length, length, kind)

    parts = [
        text(left, 34, "a frame of 480×270 pixels, to scale", "strong"),
        rectangle(left, top, width, height, "thin"),
        square(search, "search"),
        square(side, "exemplar"),
        rectangle(x - 30, y - 20, 60, 40, "target"),
        dot(x, y, 3.5, "peak"),
        text(x, y - side / 2 - 8, "w = 60, h = 40", "middle small"),
        text(x, y + side / 2 + 18, f"exemplar {side:.1f}", "middle small"),
        text(x + search / 2 + 8, y - search / 2 + 14, f"search {search:.1f}", "small"),
        text(30, 352, "margin m = 0.5 · (w + h) = 50"),
        text(30, 378, f"exemplar a = √((w + m) · (h + m)) = {side:.1f} → 127 pixels"),
        text(30, 404, f"search a · 255 / 127 = {search:.1f} → 255 pixels"),
        text(
            30,
            430,
            "One magnification for both; outside the frame is its mean colour.",
            "small",
        ),
    ]
    title = "The target's box, the exemplar's square and the search image's square, to scale"
    return drawing(WIDTH, 448, title, parts)


def response() -> str:
    """Draw how a peak on the 17×17 response becomes a movement in the frame."""
    cell, left, top = 16.0, 30.0, 52.0
    peak = np.array([10.5, 6.25])
    moved = geometry.response_to_crop(peak, 17, 8)
    side = float(geometry.search_side(geometry.exemplar_side([60, 40]), 127, 255))
    frame = geometry.displacement_to_frame(moved, side, 255)
    parts = [text(left, 34, "the response, 17×17 cells", "strong")]
    for index in range(18):
        offset = index * cell
        parts.append(line(left, top + offset, left + 17 * cell, top + offset))
        parts.append(line(left + offset, top, left + offset, top + 17 * cell))
    middle_x, middle_y = left + 8.5 * cell, top + 8.5 * cell
    peak_x, peak_y = left + (peak[0] + 0.5) * cell, top + (peak[1] + 0.5) * cell
    parts += [
        dot(middle_x, middle_y),
        arrow((middle_x, middle_y), (peak_x, middle_y), (peak_x, peak_y + 5)),
        dot(peak_x, peak_y, 5, "peak"),
        text(324, 84, "centre: cell (8, 8)"),
        text(324, 110, f"peak: cell ({peak[0]:g}, {peak[1]:g})"),
        text(324, 146, "in crop pixels"),
        text(324, 168, "(peak − centre) · stride 8", "small"),
        text(324, 190, _pair(moved, 0), "strong"),
        text(324, 226, "in frame pixels"),
        text(324, 248, f"· {side:.1f} / 255", "small"),
        text(324, 270, _pair(frame, 2), "strong"),
        text(324, 306, "The peak is found on 272×272", "small"),
        text(324, 324, "samples, and between them.", "small"),
    ]
    title = "From the response's peak to the movement in crop pixels and in frame pixels"
    return drawing(WIDTH, 344, title, parts)


def key_frames() -> str:
    """Draw in which directions a target is tracked around two key frames."""
    start, first, second, end = 24, 150, 390, 516
    parts = [
        line(first, 46, first, 232),
        line(second, 46, second, 232),
        text(first, 34, "key frame 12", "middle strong"),
        text(second, 34, "key frame 96", "middle strong"),
        arrow((first, 84), (second - 4, 84)),
        text((first + second) / 2, 74, "forwards", "middle small"),
        arrow((second, 124), (first + 4, 124)),
        text((first + second) / 2, 114, "backwards", "middle small"),
        arrow((first, 124), (start, 124)),
        text((start + first) / 2, 114, "backwards", "middle small"),
        arrow((second, 84), (end, 84)),
        text((second + end) / 2, 74, "forwards", "middle small"),
        labelled_box(start, 156, first - start - 10, 50, ["as found"]),
        labelled_box(
            first + 10, 156, second - first - 20, 50, ["agree: mean", "disagree: the surer box"]
        ),
        labelled_box(second + 10, 156, end - second - 10, 50, ["as found"]),
        dot(first, 181, 6, "peak"),
        dot(second, 181, 6, "peak"),
        text(first, 252, "box exactly as given", "middle small"),
        text(second, 252, "box exactly as given", "middle small"),
    ]
    title = "Forwards from the first key frame, backwards from the second, and both together"
    return drawing(WIDTH, 270, title, parts)


def _pair(values: NDArray[np.float64], digits: int) -> str:
    return f"= ({values[0]:.{digits}f}, {values[1]:.{digits}f})".replace("-", "−")


def main() -> None:
    """Write all drawings."""
    FOLDER.mkdir(exist_ok=True)
    for draw in (track, light, learn, squares, response, key_frames):
        write(FOLDER / f"{draw.__name__}.svg", draw())


if __name__ == "__main__":
    main()
