"""A killed batch of twenty videos continues, repeats nothing, and writes the same files."""

from pathlib import Path

import killing
from siamfc.frames import open_writer
from siamfc.synthetic import SquareVideo, SquareVideoSettings

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


def test_a_killed_batch_continues_and_repeats_nothing(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    video = SquareVideo(SquareVideoSettings(frames=4, size=96, target=24))
    for number in range(COUNT):
        with open_writer(clips / f"{number:02d}.mp4", frame_rate=25) as writer:
            for image in video:
                writer.write(image)
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
