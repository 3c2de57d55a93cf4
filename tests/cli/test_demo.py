import json
from pathlib import Path

import numpy as np
import pytest

from siamfc.cli.app import run
from siamfc.frames import open_source


def test_demo_writes_a_film_and_says_how_well_it_went(
    weights: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "demo.mp4"
    arguments = ["demo", "-o", str(out), "--frames", "4", "--weights", weights]
    assert run([*arguments, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert {"auc", "center_error", "fps", "frames", "out"} <= set(printed)
    assert printed["frames"] == 4
    assert printed["fps"] > 0
    with open_source(out) as film:
        images = [frame.image for frame in film]
    assert len(images) == 4
    orange = [np.abs(image.astype(int) - (230, 159, 0)).sum(axis=2) < 150 for image in images]
    assert all(one.sum() > 50 for one in orange), "the track is drawn in every frame"

    assert run(arguments) == 1
    assert "demo.mp4 exists" in capsys.readouterr().err
    assert run([*arguments, "--overwrite"]) == 0
    text = capsys.readouterr().out
    assert "centre error" in text
    assert "AUC" in text
    assert "frames/s" in text


@pytest.mark.slow
def test_the_weights_that_ship_follow_the_demo_past_both_posts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["demo", "-o", str(tmp_path / "demo.mp4"), "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["frames"] == 180
    assert printed["center_error"] < 10
    assert printed["auc"] > 0.7
