"""Jobs over the server's own protocol: draw, track, correct, undo, pause, take away."""

import io
import json
import re
import struct
import threading
import time
import zipfile
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from fakes import IdealBoxMatcher, IdealMatcher
from frames.media import make_clip, widen
from siamfc.boxes import iou
from siamfc.frames import VideoFile, open_source, open_writer
from siamfc.synthetic import SquareVideo
from siamfc.tracking import Stepper, follow, one_scale, read_results, smooth_results
from siamfc.web.box_files import box_formats
from siamfc.web.job import Job
from siamfc.web.pictures import encode_jpeg
from siamfc.web.recorder import Recording
from web.serving import Server, SlowMatcher, running


def draw(server: Server, job: str, frame: int, target: int, box: list[float]) -> None:
    path = f"/api/jobs/{job}/boxes/{frame}/{target}"
    answer = server.ask("PUT", path, {"box": [float(value) for value in box]})
    assert answer.status == 204, answer.body


def track(server: Server, job: str) -> None:
    assert server.ask("POST", f"/api/jobs/{job}/start").status == 204
    assert server.wait(job, "done", "failed")["state"] == "done"


def tracked(server: Server, film: Path, truth: SquareVideo) -> str:
    """A job whose target was drawn in the first frame and tracked to the end."""
    job = server.open(film)
    draw(server, job, 0, 0, truth.boxes[0])
    track(server, job)
    return job


def test_the_page_tracks_as_the_command_line_does(
    server: Server, film: Path, truth: SquareVideo
) -> None:
    job = tracked(server, film, truth)
    with open_source(film) as source:
        expected = [r.boxes for _, r in follow(source, truth.boxes[0], IdealMatcher())]
    assert np.allclose(server.rows(job)[:, :, :4], expected, atol=1e-3)


def test_the_page_tracks_with_a_network_that_gives_boxes(
    film: Path, truth: SquareVideo, tmp_path: Path
) -> None:
    """Corrected in between, with another ratio of width to height than at first."""
    with running(tmp_path, matcher=IdealBoxMatcher()) as server:
        job = server.open(film)
        draw(server, job, 0, 0, truth.boxes[0] + [0, 0, 8, -4])
        track(server, job)
        before = server.rows(job)
        draw(server, job, 20, 0, truth.boxes[20])
        track(server, job)
        rows = server.rows(job)
    with open_source(film) as source:
        first = [
            r.boxes for _, r in follow(source, truth.boxes[0] + [0, 0, 8, -4], IdealBoxMatcher())
        ]
    assert np.allclose(before[:, :, :4], first, atol=1e-3)
    assert iou(rows[-1, 0, :4], truth.boxes[-1]) > 0.95


def test_a_target_drawn_later_is_absent_before(
    server: Server, film: Path, truth: SquareVideo
) -> None:
    job = server.open(film)
    draw(server, job, 0, 0, truth.boxes[0])
    draw(server, job, 10, 1, truth.boxes[10])
    track(server, job)
    rows = server.rows(job)
    assert np.isnan(rows[:10, 1]).all()
    assert iou(rows[-1, 1, :4], truth.boxes[-1]) > 0.8


def test_what_lies_between_two_key_frames_is_tracked_anew_and_the_rest_stays(
    server: Server, film: Path, truth: SquareVideo
) -> None:
    """Wrong at first; then drawn right in frame 10 and in frame 30, one after the other."""
    job = server.open(film)
    draw(server, job, 0, 0, [180, 180, 40, 40])  # beside the square
    track(server, job)
    wrong = server.rows(job)
    draw(server, job, 30, 0, truth.boxes[30])
    state = server.job(job)
    assert (state["state"], state["start"], state["end"]) == ("paused", 0, 31)
    assert state["framesLeft"] == 10 + 30
    track(server, job)
    rows = server.rows(job, columns=7)
    assert np.allclose(rows[30, 0, :6], [*truth.boxes[30], 1, 0])
    assert iou(rows[29, 0, :4], truth.boxes[29]) > 0.8  # tracked backwards
    assert iou(rows[-1, 0, :4], truth.boxes[-1]) > 0.8
    assert np.array_equal(rows[0, 0, :4], wrong[0, 0, :4])
    assert np.isfinite(rows[1:30, 0, 6]).all()  # how far the two directions agree
    assert np.isnan(rows[31:, 0, 6]).all()
    draw(server, job, 10, 0, truth.boxes[10])
    track(server, job)
    again = server.rows(job)
    assert np.array_equal(again[30:], rows[30:, :, :5])
    assert all(iou(again[k, 0, :4], truth.boxes[k]) > 0.8 for k in range(10, 40))


def test_a_target_ends_and_begins_again(server: Server, film: Path, truth: SquareVideo) -> None:
    job = tracked(server, film, truth)
    answer = server.ask("PUT", f"/api/jobs/{job}/boxes/15/0", {"box": None})
    assert answer.status == 204
    draw(server, job, 25, 0, truth.boxes[25])
    track(server, job)
    rows = server.rows(job)
    assert np.isnan(rows[15:25]).all()
    assert np.isfinite(rows[:15]).all()
    assert iou(rows[-1, 0, :4], truth.boxes[-1]) > 0.8
    assert server.ask("PUT", f"/api/jobs/{job}/boxes/3/1", {"box": None}).status == 400


def test_a_target_is_tracked_back_from_where_it_begins_if_asked(
    server: Server, film: Path, truth: SquareVideo
) -> None:
    job = server.open(film)
    draw(server, job, 20, 0, truth.boxes[20])
    track(server, job)
    assert (server.job(job)["start"], server.job(job)["framesLeft"]) == (20, 0)
    forward = server.rows(job)
    path = f"/api/jobs/{job}/targets/0"
    answer = server.ask("PUT", path, {"backwards": True})
    assert answer.status == 204, answer.body
    assert (server.job(job)["state"], server.job(job)["framesLeft"]) == ("paused", 21)
    track(server, job)
    assert server.job(job)["start"] == 0
    rows = server.rows(job)
    assert np.array_equal(rows[20:], forward[20:])
    assert all(iou(rows[k, 0, :4], truth.boxes[k]) > 0.8 for k in range(20))
    lines = server.ask("GET", f"/api/jobs/{job}/boxes.csv").body.decode().splitlines()
    assert len(lines) == 1 + 40
    draw(server, job, 10, 0, truth.boxes[10])  # now from 10 to 0, and from both sides up to 20
    track(server, job)
    assert np.isfinite(server.rows(job, columns=7)[11:20, 0, 6]).all()
    assert server.ask("PUT", path, {"backwards": False}).status == 204
    assert server.job(job)["state"] == "done"
    assert np.isnan(server.rows(job)[:10]).all()
    for _ in range(3):
        assert server.ask("POST", f"/api/jobs/{job}/undo").status == 204
    assert np.array_equal(server.rows(job)[20:], forward[20:])


def test_boxes_are_smoothed_as_the_command_line_smooths_them(
    server: Server, gap_film: Path, truth: SquareVideo, tmp_path: Path
) -> None:
    """On the page and in files; corrections and going back to the tracked boxes included."""
    job = server.open(gap_film)
    draw(server, job, 0, 0, truth.boxes[0])
    track(server, job)
    raw = server.rows(job, columns=7)
    with open_source(gap_film) as source:
        expected = smooth_results(r for _, r in follow(source, truth.boxes[0], IdealMatcher()))
    assert server.ask("POST", f"/api/jobs/{job}/smooth").status == 204
    assert server.job(job)["smooth"]
    smooth = server.rows(job, columns=7)
    assert np.allclose(smooth[:, :, :4], [one.boxes for one in expected], atol=1e-3)
    assert not np.allclose(smooth[:, :, :4], raw[:, :, :4], atol=0.1)
    path = tmp_path / "boxes.csv"
    path.write_bytes(server.ask("GET", f"/api/jobs/{job}/boxes.csv").body)
    saved = read_results(path)
    assert np.allclose([one.boxes for one in saved], smooth[:, :, :4], atol=0.01)
    assert [one.statuses for one in saved] == [one.statuses for one in expected]
    draw(server, job, 20, 0, truth.boxes[20])
    track(server, job)
    assert np.allclose(server.rows(job)[20, 0, :4], truth.boxes[20], atol=1e-4)
    assert server.ask("POST", f"/api/jobs/{job}/undo").status == 204
    assert np.array_equal(server.rows(job, columns=7), smooth, equal_nan=True)
    assert server.ask("POST", f"/api/jobs/{job}/raw").status == 204
    assert np.array_equal(server.rows(job, columns=7), raw, equal_nan=True)


def test_key_frames_move_and_go(server: Server, film: Path, truth: SquareVideo) -> None:
    job = tracked(server, film, truth)
    draw(server, job, 20, 0, truth.boxes[20])
    path = f"/api/jobs/{job}/boxes/20/0"
    assert server.ask("POST", path, {"to": 22}).status == 204
    assert [frame for frame, _ in server.job(job)["targets"][0]["keyframes"]] == [0, 22]
    assert server.ask("POST", path, {"to": 24}).status == 400  # it is no longer there
    assert server.ask("POST", f"/api/jobs/{job}/boxes/22/0", {"to": 40}).status == 400
    assert server.ask("PUT", f"/api/jobs/{job}/boxes/30/0", {"box": None}).status == 204
    assert server.ask("POST", f"/api/jobs/{job}/boxes/30/0", {"to": 22}).status == 204
    refused = server.ask("POST", f"/api/jobs/{job}/boxes/22/0", {"to": 0})  # its only box is there
    assert (refused.status, refused.json()["error"]) == (
        400,
        "a target needs a box: remove it instead",
    )
    assert server.ask("DELETE", f"/api/jobs/{job}/boxes/22/0").status == 204
    assert server.job(job)["state"] == "done"
    assert server.ask("DELETE", f"/api/jobs/{job}/boxes/0/0").status == 204
    assert server.job(job)["targets"] == []  # its only box took the target along


def undo(server: Server, job: str, action: str = "undo") -> None:
    assert server.ask("POST", f"/api/jobs/{job}/{action}").status == 204


def test_everything_can_be_undone_and_done_again(
    server: Server, film: Path, truth: SquareVideo
) -> None:
    job = tracked(server, film, truth)
    seen = [(server.job(job)["targets"], server.rows(job))]
    changes = [
        ("PUT", "boxes/20/0", {"box": [10, 10, 30, 30]}),
        ("POST", "boxes/20/0", {"to": 21}),
        ("PUT", "boxes/30/0", {"box": None}),
        ("PUT", "targets/0", {"name": "Swan"}),
        ("PUT", "boxes/5/1", {"box": [50, 50, 20, 20]}),
        ("DELETE", "boxes/21/0", None),
        ("DELETE", "targets/0", None),
    ]
    for method, path, body in changes:
        assert server.ask(method, f"/api/jobs/{job}/{path}", body).status == 204
        seen.append((server.job(job)["targets"], server.rows(job)))
    for targets, rows in seen[-2::-1]:
        undo(server, job)
        assert server.job(job)["targets"] == targets
        assert np.array_equal(server.rows(job), rows, equal_nan=True)
    undo(server, job, "undo")  # the drawing of the first box
    assert server.job(job)["targets"] == []
    undo(server, job, "undo")  # nothing is left
    for targets, rows in seen:
        undo(server, job, "redo")
        assert server.job(job)["targets"] == targets
        assert np.array_equal(server.rows(job), rows, equal_nan=True)


def test_nudges_of_one_box_are_undone_together(
    server: Server, film: Path, truth: SquareVideo
) -> None:
    job = tracked(server, film, truth)
    for x in range(10, 15):
        draw(server, job, 20, 0, [x, 10, 30, 30])
    undo(server, job)
    assert server.job(job)["targets"][0]["keyframes"] == [[0, truth.boxes[0].tolist()]]
    assert server.job(job)["state"] == "done"  # all that was tracked is there again


def test_going_on_after_a_pause_gives_what_one_run_gives(
    tmp_path: Path, film: Path, truth: SquareVideo
) -> None:
    slow = SlowMatcher(0)
    with running(tmp_path, matcher=slow) as server:
        whole, parts = server.open(film), server.open(film)
        for job in (whole, parts):
            draw(server, job, 0, 0, truth.boxes[0])
        track(server, whole)
        with slow.held(after=10):
            server.ask("POST", f"/api/jobs/{parts}/start")
            while server.job(parts)["end"] < 10:
                time.sleep(0.01)
            server.ask("POST", f"/api/jobs/{parts}/pause")
        assert 10 <= server.wait(parts, "paused")["end"] < 40
        track(server, parts)
        assert np.array_equal(server.rows(whole), server.rows(parts))


def test_tracking_begins_where_the_first_box_was_drawn(
    server: Server, film: Path, truth: SquareVideo
) -> None:
    job = server.open(film)
    draw(server, job, 15, 0, truth.boxes[15])
    track(server, job)
    state = server.job(job)
    assert (state["start"], state["end"]) == (15, 40)
    draw(server, job, 5, 0, truth.boxes[5])
    track(server, job)
    assert server.job(job)["start"] == 5


def test_a_stream_is_recorded_and_tracked(
    server: Server, film: Path, truth: SquareVideo, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler = partial(SimpleHTTPRequestHandler, directory=str(film.parent))
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as source:
        thread = threading.Thread(target=source.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{source.server_port}/{film.name}"
        answer = server.ask("POST", "/api/streams", {"url": url})
        assert answer.status == 201, answer.body
        job = answer.json()["id"]
        deadline = time.monotonic() + 120
        while server.job(job)["live"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        source.shutdown()
        thread.join()
    assert (server.job(job)["frameCount"], server.job(job)["message"]) == (40, "")
    draw(server, job, 0, 0, truth.boxes[0])
    track(server, job)
    assert iou(server.rows(job)[-1, 0, :4], truth.boxes[-1]) > 0.8
    assert server.ask("DELETE", f"/api/jobs/{job}").status == 204
    assert not server.files()


def test_a_target_drawn_anew_is_tracked_though_a_recording_lost_its_first_frames(
    tmp_path: Path, film: Path, truth: SquareVideo
) -> None:
    def submit(run: Callable[[], None]) -> None:
        run()

    recording = Recording(tmp_path, "camera", size=(256, 256), limit_bytes=30_000)
    stepper = Stepper(IdealMatcher(), one_scale())
    job = Job(
        recording,
        stepper,
        folder=tmp_path,
        max_targets=1,
        submit=submit,
        is_tracking=lambda: False,
    )
    boxes = {index: tuple(truth.boxes[index].tolist()) for index in (0, 39)}
    with open_source(film) as source:
        for frame in source:
            recording.append(encode_jpeg(frame.image), frame.time)
            if frame.index == 0:
                job.change(lambda drawing: drawing.draw(0, 0, boxes[0]), 0)
    recording.close()
    first = recording.first_frame
    assert 0 < first < 39
    job.start()
    assert job.state == "failed"
    assert job.message.endswith(f"draw the target in a frame from {first + 1} on")
    job.change(lambda drawing: drawing.draw(39, 0, boxes[39]), 39)
    job.start()
    assert (job.state, job.message) == ("done", "")
    known = np.isfinite([result.boxes[0, 0] for result in job.track.results()])
    assert np.flatnonzero(known).tolist() == [0, *range(first, 40)]
    assert job.view(first, 0) is not None  # of the run that leads there, which is not the first


def test_removing_a_target_leaves_the_others_as_they_are(
    server: Server, film: Path, truth: SquareVideo
) -> None:
    job = server.open(film)
    draw(server, job, 0, 0, [200, 200, 30, 30])
    draw(server, job, 0, 1, truth.boxes[0])
    track(server, job)
    before = server.rows(job)
    assert server.ask("DELETE", f"/api/jobs/{job}/targets/0").status == 204
    assert np.array_equal(server.rows(job)[:, 0], before[:, 1])
    assert len(server.job(job)["targets"]) == 1


@pytest.mark.parametrize("kind", ["csv", "jsonl", "cvat", "coco", "label-studio", "mot"])
def test_boxes_come_back_from_a_file(
    server: Server, film: Path, truth: SquareVideo, kind: str
) -> None:
    """Imported boxes are not tracked again, and can be corrected."""
    job = server.open(film)
    draw(server, job, 3, 0, truth.boxes[3])
    track(server, job)
    draw(server, job, 10, 1, [50, 50, 20, 20])
    server.ask("PUT", f"/api/jobs/{job}/boxes/11/1", {"box": None})
    rows = server.rows(job)[:, :, :4]
    answer = server.ask("GET", f"/api/jobs/{job}/boxes.{kind}")
    name = re.search('filename="(.*)"', answer.headers["Content-Disposition"])[1]  # type: ignore[index]
    other = server.open(film)
    loaded = server.ask("POST", f"/api/jobs/{other}/boxes?name={name}", answer.body)
    assert loaded.status == 204, loaded.body
    assert server.job(other)["framesLeft"] == 0
    kept = server.rows(other)[:, :, :4]
    assert np.allclose(kept[3:, 0], rows[3:, 0], atol=0.6)
    assert np.isnan(kept[:3, 0]).all()
    draw(server, other, 20, 0, truth.boxes[20])
    track(server, other)
    assert iou(server.rows(other)[-1, 0, :4], truth.boxes[-1]) > 0.8


def damaged_archive() -> bytes:
    """Return an archive whose compressed data are wrong, though its headers are right."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("boxes.csv", " ".join(map(str, range(999))))
    damaged = bytearray(content.getvalue())
    damaged[60:62] = b"\xff\xff"
    return bytes(damaged)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("boxes.exe", b"", "expected boxes as"),
        ("boxes.csv", b"\x00\xff", "boxes.csv"),
        ("boxes.zip", b"PK no archive", "not a zip archive"),
        ("boxes.zip", damaged_archive(), "boxes.zip: not a zip archive, or a damaged one"),
        ("boxes.txt", b"1,1,20,20\n" * 41, "to frame 41, the video to 40"),
        ("boxes.json", b"{}", "boxes.json"),
    ],
)
def test_files_that_are_no_boxes_of_the_video_are_refused(
    server: Server, film: Path, name: str, content: bytes, reason: str
) -> None:
    job = server.open(film)
    answer = server.ask("POST", f"/api/jobs/{job}/boxes?name={name}", content)
    assert answer.status == 400
    assert reason in answer.json()["error"]
    assert str(server.session.folder) not in answer.json()["error"]
    assert server.job(job)["targets"] == []


def test_frames_are_played_in_order_at_the_videos_pace(server: Server, film: Path) -> None:
    job = server.open(film)
    begun = time.monotonic()
    body = server.ask("GET", f"/api/jobs/{job}/play?start=10&percent=200").body
    seconds = time.monotonic() - begun
    frames, offset = [], 0
    while offset < len(body):
        frame, _time, length = struct.unpack_from("<IdI", body, offset)
        frames.append(frame)
        offset += 16 + length
    assert frames == sorted(set(frames))
    assert (frames[0], frames[-1]) == (10, 39)
    assert seconds >= 29 / 25 / 2 - 0.05


def test_what_is_wrong_with_a_video_is_said_when_it_is_opened(
    server: Server, tmp_path: Path
) -> None:
    whole = tmp_path / "whole.mkv"
    random = np.random.default_rng(0)
    with open_writer(whole, frame_rate=25) as writer:
        for _ in range(50):
            writer.write(random.integers(0, 256, (96, 96, 3), np.uint8))
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    job = server.upload(cut, "holiday.mkv").json()["id"]
    assert server.job(job)["message"].startswith("holiday.mkv is cut off after ")
    draw(server, job, 0, 0, [30, 30, 20, 20])
    track(server, job)
    assert server.job(job)["message"].startswith("holiday.mkv is cut off after ")


def test_jobs_take_turns_and_a_pause_gives_the_turn_away(
    tmp_path: Path, film: Path, truth: SquareVideo
) -> None:
    slow = SlowMatcher(0.05)
    with running(tmp_path, matcher=slow) as server:
        first, second = server.open(film), server.open(film)
        with slow.held(after=5):
            for job in (first, second):
                draw(server, job, 0, 0, truth.boxes[0])
                server.ask("POST", f"/api/jobs/{job}/start")
            server.wait(first, "running")
            assert server.job(second)["state"] == "waiting"
            server.ask("POST", f"/api/jobs/{first}/pause")
        server.wait(second, "running")
        assert server.job(first)["state"] == "paused"
        server.ask("POST", f"/api/jobs/{first}/start")
        server.wait(first, "done")
        server.wait(second, "done")


def test_a_job_closed_at_work_stops_and_takes_its_files_along(
    tmp_path: Path, film: Path, truth: SquareVideo
) -> None:
    with running(tmp_path, matcher=SlowMatcher(0.05)) as server:
        job = server.open(film)
        draw(server, job, 0, 0, truth.boxes[0])
        server.ask("POST", f"/api/jobs/{job}/start")
        server.wait(job, "running")
        assert server.ask("DELETE", f"/api/jobs/{job}").status == 204
        assert server.ask("GET", f"/api/jobs/{job}/frames/0").status == 404
        assert not server.files()
        other = server.open(film)
        draw(server, other, 38, 0, truth.boxes[38])
        track(server, other)


def test_boxes_come_in_every_format(
    server: Server, film: Path, truth: SquareVideo, tmp_path: Path
) -> None:
    job = server.open(film)
    assert server.ask("GET", f"/api/jobs/{job}/boxes.csv").status == 400
    draw(server, job, 0, 0, truth.boxes[0])
    track(server, job)
    for kind in box_formats():
        answer = server.ask("GET", f"/api/jobs/{job}/boxes.{kind}")
        assert answer.status == 200, answer.body
        name = re.fullmatch('attachment; filename="(.*)"', answer.headers["Content-Disposition"])
        path = tmp_path / name[1]  # type: ignore[index]
        path.write_bytes(answer.body)
        if kind in ("csv", "jsonl"):
            results = read_results(path)
            assert len(results) == 40
            assert np.allclose(results[-1].boxes, server.rows(job)[-1, :, :4], atol=5.1e-3)
    assert server.ask("GET", f"/api/jobs/{job}/boxes.exe").status == 400


def test_txt_of_several_targets_is_an_archive(
    server: Server, film: Path, truth: SquareVideo
) -> None:
    job = server.open(film)
    draw(server, job, 0, 0, truth.boxes[0])
    draw(server, job, 0, 1, truth.boxes[0])
    track(server, job)
    answer = server.ask("GET", f"/api/jobs/{job}/boxes.otb")
    with zipfile.ZipFile(io.BytesIO(answer.body)) as archive:
        assert archive.namelist() == ["clip-otb_1.txt", "clip-otb_2.txt"]


def make_video(server: Server, job: str, kind: str, path: Path, **options: Any) -> str:
    """Have a video made and save it; what the server says of it."""
    answer = server.ask("POST", f"/api/jobs/{job}/video/{kind}", options or None)
    assert answer.status == 202, answer.body
    deadline = time.monotonic() + 120
    while (video := server.job(job)["video"])["state"] != "ready":
        assert video["state"] != "failed", video
        assert time.monotonic() < deadline
        time.sleep(0.02)
    path.write_bytes(server.ask("GET", f"/api/jobs/{job}/video.mp4").body)
    return str(video["message"])


def test_the_video_has_every_frame_that_was_tracked(
    server: Server, film: Path, truth: SquareVideo, tmp_path: Path
) -> None:
    job = server.open(film)
    draw(server, job, 10, 0, truth.boxes[10])
    track(server, job)
    assert server.ask("GET", f"/api/jobs/{job}/video.mp4").status == 409
    assert server.ask("POST", f"/api/jobs/{job}/video/other").status == 400
    path = tmp_path / "video.mp4"
    make_video(server, job, "boxes", path)
    with av.open(str(path)) as container:
        assert sum(1 for _ in container.decode(video=0)) == 30


def test_videos_keep_the_sound(server: Server, truth: SquareVideo, tmp_path: Path) -> None:
    path = tmp_path / "loud.mp4"
    with av.open(str(path), "w") as out:
        video, sound = out.add_stream("libx264", rate=25), out.add_stream("aac", rate=16_000)
        video.width, video.height, video.pix_fmt = 255, 255, "yuv444p"
        sound.codec_context.layout = "mono"
        for image in truth:
            out.mux(video.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        out.mux(video.encode(None))
        for start in range(0, 25_600, 1024):
            noise = np.random.default_rng(start).normal(0, 0.1, (1, 1024)).astype(np.float32)
            part = av.AudioFrame.from_ndarray(noise, "fltp", "mono")
            part.sample_rate, part.pts, part.time_base = 16_000, start, Fraction(1, 16_000)
            out.mux(sound.encode(part))
        out.mux(sound.encode(None))
    job = server.open(path)
    draw(server, job, 10, 0, truth.boxes[10])
    track(server, job)
    make_video(server, job, "boxes", tmp_path / "video.mp4")
    with av.open(str(tmp_path / "video.mp4")) as container:
        audio = container.streams.audio[0]
        assert float(audio.duration * audio.time_base) == pytest.approx(30 / 25, abs=0.15)


def test_videos_hide_or_follow_the_target(
    server: Server, gap_film: Path, truth: SquareVideo, tmp_path: Path
) -> None:
    """In the whole video, also while the target is lost; the black square on white tells."""
    job = server.open(gap_film)
    draw(server, job, 0, 0, truth.boxes[0])
    track(server, job)
    pictures = {}
    for kind, options in (
        ("blurred", {"style": "blur"}),
        ("vertical", {"aspect": "9:16"}),
        ("stabilised", {}),
    ):
        path = tmp_path / f"{kind}.mp4"
        note = make_video(server, job, kind, path, **options)
        with av.open(str(path)) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        assert len(frames) == 40
        pictures[kind] = frames
        assert ("is a guess in frames 1" in note) == (kind == "blurred")
    x, y, _, h = truth.boxes[5].astype(int)
    edge = pictures["blurred"][5][y + h // 2, x - 4 : x + 5].astype(int)
    assert np.abs(np.diff(edge, axis=0)).max() < 60  # no edge from white to black is left
    height, width, _ = pictures["vertical"][0].shape
    assert abs(width / height - 9 / 16) < 0.02
    middle = pictures["stabilised"][12][118:138, 118:138]
    assert middle.mean() < 60
    options = {"hide": "background", "style": "fill", "shape": "box", "when_lost": "frame"}
    make_video(server, job, "blurred", tmp_path / "only.mp4", **options, margin="0.7")
    with av.open(str(tmp_path / "only.mp4")) as container:
        only = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert only[5][:20].max() < 40  # the white about the target is gone
    assert only[20].max() < 40  # lost: all is
    make_video(server, job, "vertical", tmp_path / "near.mp4", aspect="1:1", zoom="0.8")
    with av.open(str(tmp_path / "near.mp4")) as container:
        near = next(container.decode(video=0)).to_ndarray(format="rgb24")
    assert (near < 60).mean() > 0.4  # the square fills most of it
    for options in (
        {"aspect": "3:1"},
        {"aspect": 1e400},
        {"aspect": ["9:16"]},
        {"zoom": "x"},
        {"zoom": 1e400},
        {"zoom": 10**400},
    ):
        answer = server.ask("POST", f"/api/jobs/{job}/video/vertical", options)
        assert answer.status == 400, options
    for bad in ({"style": "x"}, {"shape": []}, {"margin": None}, {"margin": -1}, {"when_lost": 1}):
        answer = server.ask("POST", f"/api/jobs/{job}/video/blurred", bad)
        assert answer.status == 400, bad


def test_a_cut_has_its_shape_on_the_screen_where_pixels_are_not_square(
    server: Server, tmp_path: Path
) -> None:
    black, out = np.zeros((96, 96, 3), np.uint8), tmp_path / "out.mp4"
    wide = make_clip(
        tmp_path / "wide.mkv", "mpeg4", count=5, picture=lambda _: black, prepare=widen
    )
    job = server.open(wide)
    draw(server, job, 0, 0, [30, 30, 20, 20])
    make_video(server, job, "vertical", out, aspect="1:1")
    with VideoFile(out) as source:
        assert (source.size, source.pixel_aspect) == ((48, 96), 2)


def test_a_still_shows_the_box(server: Server, film: Path, truth: SquareVideo) -> None:
    job = server.open(film)
    plain = server.ask("GET", f"/api/jobs/{job}/still/3").body
    draw(server, job, 3, 0, truth.boxes[3])
    drawn = server.ask("GET", f"/api/jobs/{job}/still/3").body
    difference = np.asarray(Image.open(io.BytesIO(plain)), int) - np.asarray(
        Image.open(io.BytesIO(drawn)), int
    )
    assert difference.shape == (256, 256, 3)
    assert np.abs(difference).max() > 100


@pytest.mark.parametrize(("matcher", "cells"), [(IdealMatcher(), 17), (IdealBoxMatcher(), 16)])
def test_the_view_of_the_network_peaks_at_the_target(
    matcher: Any, cells: int, film: Path, truth: SquareVideo, tmp_path: Path
) -> None:
    with running(tmp_path, matcher=matcher) as server:
        job = server.open(film)
        draw(server, job, 0, 0, truth.boxes[0])
        track(server, job)
        assert server.ask("GET", f"/api/jobs/{job}/network/0/0").json()["response"] is None
        view = server.ask("GET", f"/api/jobs/{job}/network/7/0").json()
        response = np.array(view["response"])
        row, column = np.argwhere(response > 0.99 * response.max()).mean(axis=0)
        x, y, w, h = view["area"]
        peak = [x + (column + 0.5) * w / cells, y + (row + 0.5) * h / cells]
        box = truth.boxes[7]
        assert np.allclose(peak, box[:2] + box[2:] / 2, atol=0.75 * w / cells)
        assert server.ask("GET", f"/api/jobs/{job}/network/7/5").json() is None


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({"box": [1, 2, 3]}, "four numbers"),
        ({"box": [1, 2, 0, 5]}, "w"),
        ({"box": [900, 900, 5, 5]}, "inside the frame"),
        ({"box": ["1", 2, 3, 4]}, "four numbers"),
        ({"box": [1e400, 2, 3, 4]}, "four numbers"),
        (b"[]", "JSON object"),
        (b"\xff{", "JSON object"),
        (b"[" * 50_000, "JSON object"),
        (b" " * 200_000, "too large"),
    ],
)
def test_bad_boxes_are_refused_in_words(
    server: Server, film: Path, body: object, reason: str
) -> None:
    job = server.open(film)
    answer = server.ask("PUT", f"/api/jobs/{job}/boxes/0/0", body)
    assert answer.status in (400, 413)
    assert reason in answer.json()["error"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("boxes/40/0", 400),  # one frame too far
        ("boxes/0/1", 400),  # the second target before the first
        ("boxes/-1/0", 400),
    ],
)
def test_boxes_outside_the_video_are_refused(
    server: Server, film: Path, path: str, status: int
) -> None:
    job = server.open(film)
    answer = server.ask("PUT", f"/api/jobs/{job}/{path}", {"box": [9, 9, 9, 9]})
    assert answer.status == status
    assert json.loads(answer.body)["error"]
