"""A killed batch of twenty videos continues, repeats nothing, and writes the same files."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import killing
from siamfc.frames import open_writer
from siamfc.synthetic import SquareVideo, SquareVideoSettings
from siamfc.tracking import read_results
from siamfc.tracking.batch import BatchOutcome, BatchTask, track_batch
from siamfc.workers import Workers

COUNT = 20
PROGRAM = """
import os, signal
from pathlib import Path
from threading import Timer
from siamfc.tracking.batch import BatchOptions, BatchTask, track_batch

tasks = [
    BatchTask(
        source=str(path),
        boxes=[{box!r}],
        results=Path({out!r}) / f"{{path.stem}}.csv",
        video=Path({out!r}) / f"{{path.stem}}.mp4",
        options=BatchOptions(threads=1),
    )
    for path in sorted(Path({clips!r}).iterdir())
]
for number, outcome in enumerate(track_batch(tasks)):
    with open({log!r}, "a") as log:
        print(outcome.state, file=log, flush=True)
    if number == {last}:
        Timer(0.02, os.kill, (os.getpid(), signal.SIGKILL)).start()
"""
"""Kills itself within the video after number `last`: a watcher outside might come too late."""


def write_clip(path: Path, video: SquareVideo) -> None:
    with open_writer(path, frame_rate=25) as writer:
        for image in video:
            writer.write(image)


def test_a_killed_batch_continues_and_repeats_nothing(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    video = SquareVideo(SquareVideoSettings(frames=4, size=96, target=24))
    for number in range(COUNT):
        write_clip(clips / f"{number:02d}.mp4", video)
    box = tuple(map(float, video.boxes[0]))
    folders = {name: tmp_path / name for name in ("whole", "killed")}

    def program(name: str, last: int) -> str:
        log = str(tmp_path / f"{name}.log")
        return PROGRAM.format(box=box, out=str(folders[name]), clips=str(clips), log=log, last=last)

    assert killing.run(program("whole", COUNT))
    killed = folders["killed"]
    assert not killing.run(program("killed", 4))
    before = len(list(killed.glob("[0-9]*.csv")))
    assert 5 <= before < COUNT
    assert killing.run(program("killed", COUNT))
    states = (tmp_path / "killed.log").read_text().splitlines()
    assert states.count("done before") == before
    assert killing.tree_digest(killed) == killing.tree_digest(folders["whole"])


FIRST, SECOND = (10, 10, 20, 20), (30, 30, 20, 20)


def make_task(folder: Path, name: str, box: tuple[int, ...], *, video: bool = False) -> BatchTask:
    source = folder / f"{name}.mp4"
    if not source.exists():
        write_clip(source, SquareVideo(SquareVideoSettings(frames=2, size=96, target=24)))
    out = folder / "out" / name
    return BatchTask(
        source=str(source),
        boxes=box,
        results=out.with_suffix(".csv"),
        video=out.with_suffix(".mp4") if video else None,
    )


def states(outcomes: Iterator[BatchOutcome]) -> list[str]:
    return [outcome.state for outcome in outcomes]


def test_files_that_an_interrupted_overwrite_did_not_reach_are_not_done(tmp_path: Path) -> None:
    first, second = ([make_task(tmp_path, name, box) for name in "ab"] for box in (FIRST, SECOND))
    assert states(track_batch(first)) == ["done", "done"]
    interrupted = track_batch(second, overwrite=True)
    assert next(interrupted).state == "done"
    interrupted.close()
    reached, missed = track_batch(second)
    assert (reached.state, missed.state) == ("done before", "failed")
    assert missed.reason.startswith("its files were made from other boxes")
    assert states(track_batch(second, overwrite=True)) == ["done", "done"]
    assert states(track_batch(second)) == ["done before", "done before"]
    assert read_results(tmp_path / "out" / "b.csv")[0].box.tolist() == list(SECOND)


class DyingWorkers(Workers):
    """Workers that write one of a task's two files."""

    def map_unordered(self, function: Any, tasks: Any) -> Iterator[Any]:
        for task in tasks:
            function(replace(task, results=None))
        return iter(())


def test_a_new_file_beside_an_older_one_is_not_done(tmp_path: Path) -> None:
    assert states(track_batch([make_task(tmp_path, "a", FIRST)])) == ["done"]
    both = [make_task(tmp_path, "a", SECOND, video=True)]
    assert states(track_batch(both, workers=DyingWorkers())) == []
    assert (tmp_path / "out" / "a.mp4").exists()
    assert states(track_batch(both)) == ["failed"]
