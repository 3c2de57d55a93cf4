"""The benchmarks of training run on a CPU with small images, and what they report fits together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from training_floor import FUSED, PLAIN, Chip, floor_seconds  # noqa: E402
from training_ways import operations_per_pair  # noqa: E402

SMALL = {
    "data.textures.count": 4,
    "data.textures.size": 32,
    "data.textures.leaves": 4,
    "spec.exemplar_size": 87,
    "spec.search_size": 103,
    "spec.response_size": 3,
    "data.pairs.exemplar_size": 87,
    "data.pairs.search_size": 103,
}
QUICK = "--device cpu --batch 2 --rounds 1 --steps 1 --groups 1 --workers 0 --public-seconds 0.1"


@pytest.mark.slow
def test_the_benchmark_reports_every_part(tmp_path):
    out, profile = tmp_path / "result.json", tmp_path / "profile.txt"
    command = [sys.executable, ROOT / "benchmarks" / "training.py", *QUICK.split()]
    command += ["--curves", "2", "--out", out, "--profile", profile]
    for name, value in SMALL.items():
        command += ["--set", f"{name}={value}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    result = json.loads(out.read_text())
    ways = result["ways"]
    assert ways[0]["times_faster_than_the_first"] == 1
    for row in ways:
        assert row["milliseconds_predicted"] > 0
        assert row["pairs_per_second"] == pytest.approx(2000 / row["milliseconds"])
        assert f"{row['way']} " in done.stdout
    rates = [result[f"pairs_per_second{part}"] for part in ("", "_network", "_generator")]
    assert min(rates) > 0
    assert result["share_of_time_on_data"] == pytest.approx(1 - rates[0] / rates[1])
    assert result["times_faster_than_public"] == pytest.approx(
        rates[0] / result["pairs_per_second_public"]
    )
    difference = result["curves"]["largest_difference"]
    assert difference["fast"] < 0.1 * difference["plain, other first weights"]
    assert "aten::" in profile.read_text()


def test_a_chip_that_moves_bytes_at_once_takes_as_long_as_the_operations():
    chip = Chip(half_rate=2e12, single_rate=1e12, bandwidth=float("inf"))
    seconds = floor_seconds(PLAIN, chip, (127, 255), 8, 2)
    assert seconds == pytest.approx(8 * operations_per_pair(127, 255) / 1e12)


def test_a_chip_that_computes_at_once_takes_as_long_as_the_bytes():
    # One image of 87 pixels: convolutions give 39² · 96, 15² · 256, 5² · 384, 3² · 384 and 256
    # values, poolings 19² · 96 and 7² · 256.
    chip = Chip(half_rate=float("inf"), single_rate=float("inf"), bandwidth=1.0)
    pixels, first, second, third, fourth = 87**2 * 3, 39**2 * 96, 15**2 * 256, 25 * 384, 9 * 384
    pools = 19**2 * 96, 7**2 * 256
    convolutions = 2 * (pixels + first) + 3 * (
        (pools[0] + second) + (pools[1] + third) + (third + fourth) + (fourth + 256)
    )
    between = 4 * (first + second) + 8 * (third + fourth) + 5 * sum(pools)
    expected = 2 * (convolutions + between) + 2 * sum(pools) + FUSED.pixel_bytes * pixels
    assert floor_seconds(FUSED, chip, (87,), 1, 2) == pytest.approx(expected)


@pytest.mark.slow
def test_the_parts_of_a_schedule_are_its_whole(tmp_path):
    out = tmp_path / "run"
    command = [sys.executable, ROOT / "benchmarks" / "schedule.py", "tiny", "--out", out]
    command += ["--device", "cpu", "--frames", "3"]
    for name in ("epochs", "pairs_per_epoch", "batch", "validation_pairs", "validation_batch"):
        command += ["--set", f"{name}=2"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=600)
    assert done.returncode == 0, done.stderr
    result = json.loads((out / "times.json").read_text())
    parts = [result[f"seconds_{name}"] for name in (*result["epochs"][0], "else")]
    assert min(parts) > 0
    assert sum(parts) == pytest.approx(result["seconds"])
    assert result["pairs"] == 4
    assert "epoch 2/2: training " in done.stdout
