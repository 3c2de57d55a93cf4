"""A batch of twenty videos that is killed goes on, does nothing twice, and writes the same."""

from pathlib import Path

import killing
from siamfc.frames import open_writer
from siamfc.synthetic import SquareVideo, SquareVideoSettings

COUNT = 20
PROGRAM = """
from pathlib import Path
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
for outcome in track_batch(tasks):
    with open({log!r}, "a") as log:
        print(outcome.state, file=log, flush=True)
"""


def test_a_killed_batch_goes_on_and_does_nothing_twice(tmp_path: Path) -> None:
    clips = tmp_path / "clips"
    clips.mkdir()
    video = SquareVideo(SquareVideoSettings(frames=4, size=96, target=24))
    for number in range(COUNT):
        with open_writer(clips / f"{number:02d}.mp4", frame_rate=25) as writer:
            for image in video:
                writer.write(image)
    box = tuple(map(float, video.boxes[0]))
    folders = {name: tmp_path / name for name in ("whole", "killed")}
    programs = {
        name: PROGRAM.format(
            box=box, out=str(folder), clips=str(clips), log=str(tmp_path / f"{name}.log")
        )
        for name, folder in folders.items()
    }
    assert killing.run(programs["whole"])
    killed = folders["killed"]

    def done() -> int:
        return len(list(killed.glob("[0-9]*.csv")))

    at_some_time = killing.after_progress(done, least=5, wait=0.02)
    assert not killing.run(programs["killed"], kill=at_some_time)
    before = done()
    assert 5 <= before < COUNT
    assert killing.run(programs["killed"])
    states = (tmp_path / "killed.log").read_text().splitlines()
    assert states.count("done before") == before
    assert killing.tree_digest(killed) == killing.tree_digest(folders["whole"])
