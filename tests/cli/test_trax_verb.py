import subprocess
import sys
from pathlib import Path

from PIL import Image

from siamfc.evaluation.trackers.trax_protocol import Message, parse_message


def test_the_verb_answers_until_it_is_told_to_quit(weights: str, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30), "white").save(tmp_path / "a.png")
    image = f"file://{tmp_path}/a.png"
    lines = [
        Message("initialize", [image, "3,5,8,8"]),
        Message("frame", [image]),
        Message("quit"),
    ]
    done = subprocess.run(
        [sys.executable, "-m", "siamfc", "trax", "--weights", weights, "--index-base", "1"],
        input=b"".join(line.line() for line in lines),
        capture_output=True,
        timeout=300,
        check=True,
    )
    answers = [parse_message(line) for line in done.stdout.splitlines()]
    assert [one.name for one in answers if one] == ["hello", "state", "state"]
    assert len(answers) == 3
    assert answers[1] is not None
    assert answers[1].arguments == ["3.0000,5.0000,8.0000,8.0000"]


def test_a_target_that_cannot_be_used_is_one_line(weights: str, tmp_path: Path) -> None:
    Image.new("RGB", (40, 30)).save(tmp_path / "a.png")
    line = Message("initialize", [f"file://{tmp_path}/a.png", "3,5,0,8"]).line()
    done = subprocess.run(
        [sys.executable, "-m", "siamfc", "trax", "--weights", weights],
        input=line,
        capture_output=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 1
    assert b"expected a rectangle, polygon or mask" in done.stderr
    assert done.stderr.count(b"\n") == 1
    assert b"@@TRAX:quit" in done.stdout
