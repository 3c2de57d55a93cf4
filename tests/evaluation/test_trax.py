import base64
import io
import os
import shlex
import socket
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from trackers import Finds, square_sequence

from siamfc.errors import InputError, SiamFCError, SourceError
from siamfc.evaluation import evaluate, run_sequence
from siamfc.evaluation.trackers.isolation import Isolated
from siamfc.evaluation.trackers.third_party import parse_tracker
from siamfc.evaluation.trackers.trax_client import TraxProgram, TraxTracker
from siamfc.evaluation.trackers.trax_protocol import (
    Message,
    format_pixels,
    format_region,
    parse_image,
    parse_message,
    parse_region,
)
from siamfc.evaluation.trackers.trax_server import TraxSettings, answer_messages, serve

PROGRAM = Path(__file__).with_name("trax_program.py")
BOX = np.array([3.25, 5.5, 8.0, 9.75])
PIXELS = np.random.default_rng(0).integers(0, 256, (6, 8, 3), dtype=np.uint8)
HELLO = (
    '@@TRAX:hello "trax.version=4" "trax.name=na me" "trax.image=path;memory;buffer;" '
    '"trax.region=rectangle;polygon;mask;" "trax.description=de \\"q\\" \\\\ x" "own=1" '
)


def command(purpose: str) -> str:
    return shlex.join([sys.executable, str(PROGRAM), purpose])


@pytest.fixture(autouse=True)
def _programs_see_the_test_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(PROGRAM.parent), *sys.path]))


def test_messages_of_the_reference_implementation_are_read() -> None:
    # Lines that libtrax 4.0.2 wrote.
    hello = parse_message(HELLO.encode() + b"\n")
    assert hello is not None
    assert hello.properties["trax.description"] == 'de "q" \\ x'
    assert (hello.name, hello.arguments, hello.properties["own"]) == ("hello", [], "1")
    frame = parse_message(
        b'@@TRAX:frame "image:4;2;rgb;AAECAwQFBgcICQoLDA0ODxAREhMUFRYX" "pp=qq" \n'
    )
    assert frame is not None
    assert frame.properties == {"pp": "qq"}
    np.testing.assert_array_equal(parse_image(frame.arguments[0]).ravel(), np.arange(24))
    state = parse_message(b'@@TRAX:state "336.6730,75.4111,100.0000,113.0000" "confidence=1.0"')
    assert state is not None
    np.testing.assert_allclose(parse_region(state.arguments[0]), [336.673, 75.4111, 100, 113])


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(Message("quit", [], {}), id="nothing"),
        pytest.param(Message("frame", ["file:///a=b/c d.png"], {}), id="a path with = and blank"),
        pytest.param(Message("frame", ["image:1;1;gray8;AA=="], {}), id="padding is no key"),
        pytest.param(Message("quit", [], {"trax.reason": 'a "b"\nc\\nd ü'}), id="escapes"),
    ],
)
def test_messages_come_back_as_they_were(message: Message) -> None:
    assert parse_message(message.line()) == message
    assert message.line().count(b"\n") == 1


def test_other_output_is_no_message() -> None:
    assert parse_message(b"loading the model\n") is None


@pytest.mark.parametrize("index_base", [0, 1])
@pytest.mark.parametrize("polygon", [False, True])
def test_regions_come_back_as_the_boxes_they_were(index_base: int, polygon: bool) -> None:
    text = format_region(BOX, index_base=index_base, polygon=polygon)
    assert len(text.split(",")) == (8 if polygon else 4)
    np.testing.assert_allclose(parse_region(text, index_base=index_base), BOX)
    np.testing.assert_allclose(parse_region(text)[:2], BOX[:2] + index_base)


def test_masks_become_their_upright_boxes() -> None:
    # 4×3 pixels at (20, 30), of which the middle two of the lower two rows: 5 off, 2 on, 2 off …
    np.testing.assert_array_equal(
        parse_region("m20,30,4,3,5,2,2,2,1", index_base=1), [21, 31, 2, 2]
    )


@pytest.mark.parametrize("text", ["", "0", "1,2,3", "1,2,0,4", "nan,1,2,3", "m1,2,a", "1,2,3,4,5"])
def test_other_regions_are_refused(text: str) -> None:
    with pytest.raises(InputError, match="expected a rectangle, polygon or mask"):
        parse_region(text)


def test_images_of_every_form_are_read_as_rgb(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a b.png")
    png = io.BytesIO()
    Image.fromarray(PIXELS).save(png, "png")
    encoded = base64.b64encode(png.getvalue()).decode()
    for text in (
        format_pixels(PIXELS),
        f"file://{tmp_path}/a b.png",
        f"data:image/png;base64;{encoded}",
        f"data:image/png;base64,{encoded}",
    ):
        np.testing.assert_array_equal(parse_image(text), PIXELS)
    grey = PIXELS[..., 0]
    deep = base64.b64encode((grey.astype("<u2") * 257).tobytes()).decode()
    flat = base64.b64encode(grey.tobytes()).decode()
    for text in (f"image:8;6;gray8;{flat}", f"image:8;6;gray16;{deep}"):
        np.testing.assert_array_equal(parse_image(text), np.stack([grey] * 3, axis=-1))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("file:///nowhere.png", id="no file"),
        pytest.param("image:8;6;rgb;AAAA", id="too few pixels"),
        pytest.param("image:8;6;hsv;AAAA", id="unknown pixels"),
        pytest.param("image:8", id="cut short"),
        pytest.param("data:image/png;base64;AAAA", id="no image"),
        pytest.param("data:image/png;base64;!", id="no base64"),
        pytest.param("http://example.org/a.png", id="a place elsewhere"),
    ],
)
def test_images_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(SourceError):
        parse_image(text)


def test_postscript_in_a_message_starts_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import EpsImagePlugin

    started = []
    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", lambda *_: started.append(1))
    file = io.BytesIO()
    Image.new("RGB", (8, 8)).save(file, "EPS")
    encoded = base64.b64encode(file.getvalue()).decode()
    with pytest.raises(SourceError, match="not an image of a known format"):
        parse_image(f"data:image/png;base64;{encoded}")
    assert not started


def talk(lines: list[Message], settings: TraxSettings) -> list[Message | None]:
    """Return the server's answers to a client's messages."""
    answers = io.BytesIO()
    questions = io.BytesIO(b"".join(line.line() for line in lines))
    answer_messages(Finds(), questions, answers, settings)
    return [parse_message(line) for line in answers.getvalue().splitlines()]


def frame_of(sequence_folder: Path, number: int) -> str:
    return f"file://{sequence_folder}/a/{number}.png"


def test_the_server_says_hello_and_follows(tmp_path: Path) -> None:
    square_sequence(tmp_path, "a")
    hello, first, second = talk(
        [
            Message("initialize", [frame_of(tmp_path, 0), "4,6,8,8"]),
            Message("frame", [frame_of(tmp_path, 1)]),
            Message("quit"),
            Message("frame", ["never read"]),
        ],
        TraxSettings(index_base=1),
    )
    assert hello is not None
    assert hello.properties["trax.image"] == "path;memory;buffer;"
    assert first == Message("state", ["4.0000,6.0000,8.0000,8.0000"], {"confidence": "0.750000"})
    assert second is not None
    assert second.arguments == ["6.0000,6.0000,8.0000,8.0000"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param(Message("frame", ["x"]), "expected `initialize` before", id="no target yet"),
        pytest.param(Message("initialize", ["x"]), "with 1 arguments", id="no region"),
        pytest.param(Message("jump", ["x"]), "got 'jump'", id="an unknown wish"),
        pytest.param(Message("initialize", ["file:///no", "1,2,3,4"]), "/no", id="no image"),
    ],
)
def test_a_client_is_told_why_the_server_goes(message: Message, reason: str) -> None:
    answers = io.BytesIO()
    with pytest.raises(SiamFCError, match=reason):
        answer_messages(Finds(), io.BytesIO(message.line()), answers, TraxSettings())
    last = parse_message(answers.getvalue().splitlines()[-1])
    assert last is not None
    assert last.name == "quit"
    assert reason in last.properties["trax.reason"]


def test_a_client_may_wait_at_a_port(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("TRAX_SOCKET", str(port))
        thread = threading.Thread(target=serve, args=(Finds(),))
        thread.start()
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as answers:
            assert answers.readline().startswith(b"@@TRAX:hello")
            connection.sendall(b"@@TRAX:quit\n")
            assert answers.readline() == b""
        thread.join(60)
        assert not thread.is_alive()
    for port_text in (str(port), "none"):
        monkeypatch.setenv("TRAX_SOCKET", port_text)
        with pytest.raises(InputError, match="expected the port of a client"):
            serve(Finds())


@pytest.mark.parametrize("purpose", ["ours", "polygon"])
def test_client_and_server_follow_together(purpose: str, tmp_path: Path) -> None:
    tracker = parse_tracker(f"trax:{command(purpose)}")()
    for name in "ab":
        sequence = square_sequence(tmp_path, name)
        track = run_sequence(tracker, sequence)
        assert track.failure is None
        np.testing.assert_allclose(track.boxes, sequence.boxes)
        np.testing.assert_allclose(track.scores, 0.75)


@pytest.mark.parametrize(("purpose", "score"), [("version 1", np.nan), ("version 4", 0.5)])
def test_programs_of_other_versions_are_understood(
    purpose: str, score: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine a program may take longer to end by itself than a user would wait.
    monkeypatch.setattr("siamfc.evaluation.trackers.trax_client._PATIENCE_SECONDS", 120.0)
    tracker = TraxTracker(command(purpose))
    for name in "ab":
        sequence = square_sequence(tmp_path, name)
        track = run_sequence(tracker, sequence)
        assert track.failure is None
        np.testing.assert_allclose(track.boxes, sequence.boxes[[0, 0, 0, 0]])
        np.testing.assert_array_equal(track.scores, [score] * 4)
    tracker.close()
    assert tracker._process.returncode == 0


@pytest.mark.parametrize(
    ("purpose", "reason"),
    [
        pytest.param("dies", "frame 0: the TraX program broke off: no answer", id="dies"),
        pytest.param("gives up", "frame 0: the TraX program broke off: out of memory", id="quits"),
        pytest.param("hangs", "frame 0: no answer within 2 s; its process was ended", id="hangs"),
    ],
)
def test_a_program_that_goes_away_fails_on_the_sequence(
    purpose: str, reason: str, tmp_path: Path
) -> None:
    program = Isolated(factory=TraxProgram(command=command(purpose)), time_limit=2)
    failures = evaluate(program, [square_sequence(tmp_path, "a")]).failures
    assert failures == {"a": reason}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("no-such-program", "it cannot be started", id="no program"),
        pytest.param("true", "it sent no `hello`", id="says nothing"),
        pytest.param("'", "it cannot be started", id="an open quote"),
    ],
)
def test_what_does_not_speak_is_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        TraxProgram(command=text)()
