"""The benchmark of training runs on a CPU with small images, and what it reports fits together."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
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
