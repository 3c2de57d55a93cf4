"""Runs from key frames, extended a frame at a time, as the page does."""

import numpy as np
import pytest

from fakes import IdealBoxMatcher
from siamfc.boxes import iou
from siamfc.errors import InputError
from siamfc.frames import Frame
from siamfc.tracking import LightSettings, Stepper, Tracker
from siamfc.tracking.exemplar_update import UpdateSettings
from siamfc.web.drawing import Drawing
from siamfc.web.editable_track import EditableTrack
from siamfc.web.row_table import COLUMNS, RowTable
from siamfc.web.runs import Origin, Run, extend_runs, fuse_rows

FRAMES = 30
BOXES = np.array([[20.0, 30.0, 24.0, 20.0], [150.0, 60.0, 20.0, 30.0]])


def frame(k: int) -> Frame:
    """Two squares on white that move apart and become lighter."""
    picture = np.full((160, 240, 3), 255, dtype=np.uint8)
    for x, y, w, h in (BOXES + np.array([k, 0, 0, 0])).astype(int):
        picture[y : y + h, x : x + w] = 2 * k
    return Frame(picture, k, k / 25)


class Remembering(IdealBoxMatcher):  # type: ignore[misc]
    """Writes down which exemplars, mean grey values, are searched for."""

    def __init__(self) -> None:
        super().__init__()
        self.searched: list[float] = []

    def embed_exemplar(self, crops: np.ndarray, _sizes: np.ndarray) -> np.ndarray:
        grey = crops.reshape(len(crops), -1).mean(axis=1)
        return np.stack([grey, grey], axis=1)

    def locate(self, exemplars: np.ndarray, searches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        self.searched += exemplars[:, 0].tolist()
        found: tuple[np.ndarray, np.ndarray] = super().locate(exemplars, searches)
        return found


def settings(every: int) -> LightSettings:
    update = UpdateSettings(rate=0.5, first_weight=0.5, every=every, restart_average=True)
    return LightSettings(update=update)


def run_from(k: int, target: int, *, backward: bool = False) -> Run:
    x, y, w, h = BOXES[target] + np.array([k, 0, 0, 0])
    return Run(Origin(k, (x, y, w, h), backward))


@pytest.mark.parametrize("every", [1, 7])
def test_a_run_is_what_the_tracker_gives_with_the_same_exemplars(every: int) -> None:
    tracking, following = Remembering(), Remembering()
    tracker, follower = Tracker(tracking, settings(every)), Stepper(following, settings(every))
    tracker.init(frame(0).image, BOXES[0])
    run = run_from(0, 0)
    extend_runs(follower, frame(0), [run])
    expected = [BOXES[0]]
    for k in range(1, FRAMES):
        expected.append(tracker.update(frame(k).image))
        extend_runs(follower, frame(k), [run])
    assert following.searched == tracking.searched
    assert np.array_equal(run.rows(0, FRAMES)[:, :4], expected)


def test_runs_go_their_own_way_in_one_batch_or_several() -> None:
    """One begins later, one pauses: each is what it is alone."""
    alone, together = Stepper(Remembering(), settings(7)), Stepper(Remembering(), settings(7))
    singles, runs = ([run_from(0, 0), run_from(0, 1), run_from(5, 1)] for _ in range(2))
    for run in singles:
        for k in range(run.origin.frame, FRAMES):
            extend_runs(alone, frame(k), [run])
    for k in range(FRAMES):
        ahead = [run for run in runs if run.front == k and not (run is runs[0] and k >= 12)]
        extend_runs(together, frame(k), ahead)
    for k in range(12, FRAMES):
        extend_runs(together, frame(k), [runs[0]])
    for run, single in zip(runs, singles, strict=True):
        start = run.origin.frame
        assert np.allclose(run.rows(start, FRAMES), single.rows(start, FRAMES), atol=1e-4)


def test_a_run_goes_back_in_time() -> None:
    follower, run = Stepper(IdealBoxMatcher(), settings(7)), run_from(20, 0, backward=True)
    for k in range(20, 9, -1):
        assert run.front == k
        extend_runs(follower, frame(k), [run])
    truth = BOXES[0] + np.arange(10, 21)[:, None] * [1, 0, 0, 0]
    assert iou(run.rows(10, 21)[:, :4], truth).min() > 0.7


def test_two_runs_are_fused_row_by_row() -> None:
    """A box on which they agree lies nearer to the run whose key frame is nearer."""
    forward = np.array([[0.0, 0, 10, 10, 0.9, 0]] * 4)
    backward = np.array([[2.0, 0, 10, 10, 0.9, 0]] * 2 + [[90.0, 0, 10, 10, 0.2, 1]] * 2)
    fused, agreement = fuse_rows(forward, backward)
    assert agreement == pytest.approx([8 / 12, 8 / 12, 0, 0])
    assert fused[:2, 0] == pytest.approx([0.4, 0.8])
    assert np.array_equal(fused[2:], forward[2:])


def test_a_target_leaves_the_picture_only_after_a_box() -> None:
    """Otherwise it could be left without any box, and have no rows at all."""
    box = (20.0, 30.0, 24.0, 20.0)
    drawing = Drawing((240, 160), max_targets=1)
    drawing.draw(3, 0, box)
    drawing.draw(5, 0, None)
    drawing.draw(8, 0, box)
    drawing.erase(3, 0)
    with pytest.raises(InputError, match="can only leave the picture after it was drawn"):
        drawing.draw(8, 0, None)
    assert drawing.targets[0].keyframes == {5: None, 8: box}


def test_what_lies_between_imported_boxes_and_a_drawn_one_is_tracked_from_there() -> None:
    stepper = Stepper(IdealBoxMatcher(), settings(1))
    track = EditableTrack(stepper, frame_size=(240, 160), max_targets=1)
    track.load([("", {k: BOXES[0] + [k, 0, 0, 0] for k in range(5)})], FRAMES)
    track.change(lambda drawing: drawing.erase(5, 0))  # where the imported boxes end
    with pytest.raises(InputError, match="end before frame 6: draw the target in this or a later"):
        follow(track, 5)
    track.change(lambda drawing: drawing.draw(9, 0, run_from(9, 0).origin.box))
    while follow(track, 10):
        pass
    boxes = np.array([result.boxes[0] for result in track.results()])
    assert (iou(boxes, [BOXES[0] + [k, 0, 0, 0] for k in range(11)]) > 0.8).all()


def test_boxes_of_every_nth_frame_are_interpolated_but_not_across_an_absence() -> None:
    track = EditableTrack(
        Stepper(IdealBoxMatcher(), settings(1)), frame_size=(240, 160), max_targets=1
    )
    given = {k: BOXES[0] + [k, 0, 0, 0] for k in (0, 5, 7, 10, 20, 25)}
    track.load([("", {**given, 15: np.full(4, np.nan)})], FRAMES)
    found = {result.index: result.boxes[0] for result in track.results()}
    present = [k for k, box in found.items() if np.isfinite(box).all()]
    assert present == [*range(11), *range(20, 26)]
    for k in present:
        assert found[k] == pytest.approx(BOXES[0] + [k, 0, 0, 0])
    assert list(track.targets[0].keyframes) == [0, 11, 20, 26]


def follow(track: EditableTrack, end: int) -> bool:
    """Track one sweep through frames 0 to `end`; return False if all is tracked."""
    sweep = track.next_sweep(0, end + 1)
    if sweep is not None:
        ahead = range(sweep.start, -1, -1) if sweep.backward else range(sweep.start, end + 1)
        for k in ahead:
            if not track.advance(frame(k), sweep):
                break
    return sweep is not None


def test_a_page_gets_the_blocks_that_changed() -> None:
    table, rows = RowTable(), np.arange(300 * COLUMNS, dtype=float).reshape(300, COLUMNS)
    table.write(0, rows, 1)
    table.write(130, rows[130:140], 2)  # as they were
    assert table.versions_after(1) == []
    table.write(130, rows[130:140] + 1, 3)
    assert table.versions_after(1) == [3]
    ((start, block),) = table.changed_at(3)
    assert (start, len(block)) == (128, 64)
    assert np.array_equal(block[2:12], rows[130:140] + 1)
    table.replace(rows[:200], 4)
    assert table.end == 200
    assert np.isnan(table.slice(190, 210)[10:]).all()
    assert [start for start, _ in table.changed_at(4)] == [128, 192, 256]
