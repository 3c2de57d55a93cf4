"""The benchmarks that judge weights on real sequences."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from siamfc.synthetic import write_otb
from siamfc.synthetic.clip import ClipSettings, ProceduralClip

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def run(name: str, monkeypatch, capsys, *arguments: str) -> list[str]:
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, name, module)
    spec.loader.exec_module(module)
    monkeypatch.setattr("sys.argv", [name, *arguments])
    module.main()
    return capsys.readouterr().out.splitlines()


@pytest.fixture(scope="module")
def sequences(tmp_path_factory) -> str:
    folder = tmp_path_factory.mktemp("otb")
    for seed in (1, 2):
        clip = ProceduralClip(ClipSettings(frames=14, width=160, height=120, target=30, seed=seed))
        write_otb(folder / f"clip{seed}", clip)
    return str(folder)


def test_runs_are_compared_sequence_by_sequence(sequences, tmp_path, monkeypatch, capsys):
    track = ("track", "--sequences", sequences, "--hand", "2", "--error", "0.02", "--out")
    first, again = str(tmp_path / "first.npz"), str(tmp_path / "again.npz")
    (line,) = run("held", monkeypatch, capsys, *track, first)
    run("held", monkeypatch, capsys, *track, again, "--set", "window_influence=0.25")
    assert "P20 1.000  none 0.000" in line
    with np.load(first) as file:
        drawn = [file[key][0] for key in sorted(file.files)]
    true, boxes = np.array(drawn)[:, 5:], np.array(drawn)[:, :4]
    error = np.abs(boxes[:, :2] + boxes[:, 2:] / 2 - true[:, :2] - true[:, 2:] / 2) / true[:, 2:]
    assert 0 < error.max() <= 0.02
    assert np.abs(boxes[:, 2:] / true[:, 2:] - 1).max() <= 0.03
    table = run("held", monkeypatch, capsys, "table", first, f"{again},{first}")
    assert table[1].endswith("auc +0.000 (+0.000 … +0.000)  precision +0.000 (+0.000 … +0.000)")


def test_pairs_of_frames_are_located(sequences, monkeypatch, capsys):
    arguments = ("--weights", "light", "--sequences", sequences)
    found = run("held_pairs", monkeypatch, capsys, *arguments)
    assert found[0] == "48 pairs"  # 12 at each distance of 3 and 10 frames
    cells = found[2].split()
    assert cells[0] == "light"
    assert float(cells[1]) > 0.7
    assert cells[4:6] == ["nan", "nan"], "no frames are 30 apart"
