"""A run that is killed, or run by a Dask cluster, ends with the files of an undisturbed one."""

import csv
import os
import pickle
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from trackers import Finds, square_sequence

from clusters import local_cluster
from siamfc.datasets.sequences import Sequence
from siamfc.evaluation import ResultFolder, describe_run, evaluate
from siamfc.workers import Workers

RECORD = describe_run({"name": "test"}, {"format": "otb", "split": None})
NAMES = "abcdef"


class Marks(Finds):
    """Writes a mark for each start, and is slow."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def init(self, image: Any, box: Any) -> None:
        (self.folder / f"{image.shape[1]}.{time.monotonic_ns()}").touch()
        super().init(image, box)

    def update(self, image: Any) -> Any:
        time.sleep(0.15)
        return super().update(image)


def make_sequences(folder: Path) -> list[Sequence]:
    """Sequences of different widths, which identify their marks."""
    return [square_sequence(folder, name, width=40 + number) for number, name in enumerate(NAMES)]


def run_all(folder: Path, sequences: list[Sequence]) -> None:
    """Work of the process that is killed."""
    results = ResultFolder(path=folder / "out", record=RECORD)
    evaluate(partial(Marks, folder / "marks"), sequences, results=results)


def boxes(path: Path) -> list[list[str]]:
    with path.open() as file:
        return [row[:5] for row in csv.reader(line for line in file if line[0] != "#")]


def test_a_killed_run_goes_on_and_does_nothing_twice(tmp_path: Path) -> None:
    (tmp_path / "marks").mkdir()
    sequences = make_sequences(tmp_path / "data")
    (tmp_path / "sequences").write_bytes(pickle.dumps(sequences))
    process = subprocess.Popen(
        [sys.executable, __file__, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    out = tmp_path / "out"
    while len(list(out.glob("[!.]*.csv"))) < 2 and process.poll() is None:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {path.name: path.read_text() for path in out.glob("[!.]*.csv")}
    assert 2 <= len(done) < len(NAMES)
    run_all(tmp_path, sequences)
    assert sorted(path.name for path in out.iterdir()) == [f"{name}.csv" for name in NAMES]
    for name, text in done.items():
        assert (out / name).read_text() == text, "what was whole is left alone"
    marks = [path.name.split(".")[0] for path in (tmp_path / "marks").iterdir()]
    for number, name in enumerate(NAMES):
        begun = marks.count(str(40 + number))
        assert begun == 1 if f"{name}.csv" in done else begun <= 2
    assert len(marks) <= len(NAMES) + 1, "only the one in hand was begun twice"


@pytest.mark.slow
def test_a_cluster_gives_the_same_files(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="distributed isn't installed")
    made = [square_sequence(tmp_path / "data", name, count=4 + n) for n, name in enumerate("abc")]
    alone = ResultFolder(path=tmp_path / "alone", record=RECORD)
    spread = ResultFolder(path=tmp_path / "spread", record=RECORD)
    evaluate(Finds, made, results=alone)
    with (
        local_cluster(tmp_path / "dask") as cluster,
        Workers(cluster=cluster.scheduler_address) as workers,
    ):
        evaluate(Finds, made, results=spread, workers=workers)
    names = sorted(path.name for path in alone.path.iterdir())
    assert sorted(path.name for path in spread.path.iterdir()) == names
    for name in names:
        assert boxes(alone.path / name) == boxes(spread.path / name)


if __name__ == "__main__":
    root = Path(sys.argv[1])
    run_all(root, pickle.loads((root / "sequences").read_bytes()))
