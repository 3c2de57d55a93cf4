"""Every message on the page of troubleshooting is one that siamfc says, and is provoked here."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from snippets import DOCS

import siamfc
from siamfc.cli.app import run
from siamfc.frames import open_writer
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import to_detections

PAGE = (DOCS / "troubleshooting.md").read_text(encoding="utf-8")
MESSAGES = re.findall(r"^### `(.+)`$", PAGE, re.MULTILINE)
BOX = "--box 20,20,30,30"

COMMANDS = [
    f"track missing.mp4 {BOX}",
    f"track nothing/*.png {BOX}",
    f"track notes.mp4 {BOX}",
    f"track cut.mp4 {BOX}",
    f"track empty {BOX}",
    f"track 99 {BOX}",
    f"track gopher://somewhere {BOX}",
    f"track rtsp://127.0.0.1:9/stream {BOX}",
    f"track sizes {BOX}",
    f"track paged {BOX}",
    "track video.mp4 -o film.mp4",
    "track video.mp4 --box 1,2,3",
    "track video.mp4 --box 1,2,0,4",
    "track video.mp4 --box 900,20,30,30",
    "track video.mp4 --box 0,0,900,900",
    f"track video.mp4 {BOX} -o notes.mp4",
    f"track video.mp4 {BOX} -o video.mp4 --overwrite",
    f"track video.mp4 {BOX} -o film.gif",
    f"track video.mp4 {BOX} --results boxes.weird",
    f"track video.mp4 {BOX} -o nowhere/film.mp4",
    f"track video.mp4 {BOX} --weights defualt",
    f"track video.mp4 {BOX} --weights missing.safetensors",
    f"track video.mp4 {BOX} --weights broken.safetensors",
    f"track video.mp4 {BOX} --weights siamfc --scales 4",
    f"track video.mp4 {BOX} --scales 3",
    "evaluate otbb empty",
    "evaluate otb empty",
    "report empty --out report",
    "train tinny --out run",
    "train tiny --out run --set epoch=3",
    "train paper --out run",
    "serve --host 0.0.0.0",
    "serve missing",
    "trakc",
    "track video.mp4 --bx 1,2,3,4",
]


def without_a_gpu() -> None:
    siamfc.load_matcher(device="cuda")


def floats_as_an_image() -> None:
    siamfc.Tracker.from_pretrained(device="cpu").init(np.zeros((40, 40, 3)), (1, 2, 3, 4))


def an_update_before_init() -> None:
    siamfc.Tracker.from_pretrained(device="cpu").update(np.zeros((40, 40, 3), np.uint8))


def supervision_where_there_is_none() -> None:
    to_detections(siamfc.FrameResult(0, 0.0, np.ones((1, 4)), np.ones(1)))


CALLS = [without_a_gpu, floats_as_an_image, an_update_before_init, supervision_where_there_is_none]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of files, each of which is wrong in one way."""
    folder = tmp_path_factory.mktemp("wrong")
    clip = ProceduralClip(ClipSettings(frames=2, seed=2, width=160, height=120, target=20))
    with open_writer(folder / "video.mp4", frame_rate=25) as writer:
        for image in clip:
            writer.write(image)
    (folder / "notes.mp4").write_text("This is not a video.\n" * 20)
    (folder / "cut.mp4").write_bytes((folder / "video.mp4").read_bytes()[:300])
    (folder / "broken.safetensors").write_bytes(b"\x08\0\0\0\0\0\0\0{} and more")
    (folder / "empty").mkdir()
    (folder / "sizes").mkdir()
    for number, width in enumerate((100, 100, 60)):
        Image.new("RGB", (width, 80)).save(folder / "sizes" / f"{number}.png")
    (folder / "paged").mkdir()
    pages = [Image.new("RGB", (100, 80), (shade, 0, 0)) for shade in (0, 100, 200)]
    pages[0].save(folder / "paged" / "0.webp", save_all=True, append_images=pages[1:])
    pages[0].save(folder / "paged" / "1.webp")
    return folder


def entries(said: str) -> list[str]:
    """The page's messages that fit what was said."""
    pieces = {message: map(re.escape, message.split("…")) for message in MESSAGES}
    return [one for one, parts in pieces.items() if re.fullmatch(".*".join(parts), said)]


PROVOKED: set[str] = set()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_page_knows_what_the_command_line_says(
    command: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    assert run(command.split()) in (1, 2)
    last = capsys.readouterr().err.splitlines()[-1]
    said = re.sub(r" \(see `.*`\)$", "", last.removeprefix("error: "))
    assert len(entries(said)) == 1, said
    PROVOKED.update(entries(said))


@pytest.mark.parametrize("provoke", CALLS)
def test_the_page_knows_what_python_says(
    provoke: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("siamfc.network.devices.has_provider", lambda name: name == "cpu")
    monkeypatch.setitem(sys.modules, "supervision", None)
    with pytest.raises(siamfc.SiamFCError) as error:
        provoke()
    assert len(entries(str(error.value))) == 1, str(error.value)
    PROVOKED.update(entries(str(error.value)))


def test_every_message_of_the_page_was_provoked(request: pytest.FixtureRequest) -> None:
    chosen = {item.name for item in request.session.items if item.path == request.path}
    if len(chosen) < len(COMMANDS) + len(CALLS) + 1:
        pytest.skip("only some of this file's tests were chosen")
    assert set(MESSAGES) - PROVOKED == set()
