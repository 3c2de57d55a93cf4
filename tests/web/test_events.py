"""News for a page while a video is tracked, and how often they come."""

import json
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from siamfc.synthetic import SquareVideo
from siamfc.web import events, video_export
from siamfc.web.video_export import VideoExport
from web.serving import Server, SlowMatcher, running


def ask(server: Server, job: str, **query: Any) -> dict[str, Any]:
    """Ask for news; the JSON, with the job that was asked about as `job`."""
    pairs = "&".join(f"{name}={value}" for name, value in query.items())
    body = server.ask("GET", f"/api/news?job={job}&{pairs}").body
    (length,) = struct.unpack_from("<I", body)
    head: dict[str, Any] = json.loads(body[4 : 4 + length])
    return {**head, "job": next(each for each in head["jobs"] if each["id"] == job)}


def start(server: Server, film: Path, truth: SquareVideo) -> str:
    """Begin to track the film; its job."""
    job = server.open(film)
    box = [float(value) for value in truth.boxes[0]]
    server.ask("PUT", f"/api/jobs/{job}/boxes/0/0", {"box": box})
    server.ask("POST", f"/api/jobs/{job}/start")
    return job


def answers(server: Server, job: str, *, follows: bool) -> list[dict[str, Any]]:
    """All news until the job is done, asked for without a pause."""
    told: list[dict[str, Any]] = []
    query: dict[str, Any] = {"picture": -1} if follows else {}
    while not told or told[-1]["job"]["state"] != "done":
        told.append(ask(server, job, **query))
        query["seen"] = told[-1]["seen"]
        if follows:
            query["picture"] = told[-1].get("picture", query["picture"])
    return told


def test_a_picture_comes_with_its_boxes(tmp_path: Path, film: Path, truth: SquareVideo) -> None:
    with running(tmp_path, matcher=SlowMatcher(0.05)) as server:
        told = answers(server, start(server, film, truth), follows=True)
    pictures = [each for each in told if "picture" in each]
    assert len(pictures) >= 3
    assert [each["picture"] for each in pictures] == sorted({each["picture"] for each in pictures})
    for each in pictures:
        assert each["job"]["end"] > each["picture"]


def test_counts_that_grow_are_told_now_and_then(
    tmp_path: Path, film: Path, truth: SquareVideo
) -> None:
    """One who looks at something else gets few answers, not one for each frame."""
    with running(tmp_path, matcher=SlowMatcher(0.1)) as server:
        begun = time.monotonic()
        told = answers(server, start(server, film, truth), follows=False)
        seconds = time.monotonic() - begun
    ends = [each["job"]["end"] for each in told]
    assert ends == sorted(ends)
    assert len(set(ends)) >= 4
    assert len(told) <= seconds / 0.2 + 4  # and at once: waiting, running, done


def test_a_change_of_state_is_told_at_once(
    server: Server, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_WAIT_SECONDS", 3600.0)  # without news nothing is told
    job = server.open(film)
    seen = ask(server, job)["seen"]
    server.ask("PUT", f"/api/jobs/{job}/boxes/0/0", {"box": [9, 9, 30, 30]})
    assert ask(server, job, seen=seen)["job"]["targets"][0]["keyframes"] == [[0, [9, 9, 30, 30]]]


def test_looking_for_news_leaves_most_of_the_time_to_others(
    server: Server, film: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A track with thousands of key frames takes long to look at."""
    looks = 0
    job = server.session.find(server.open(film))
    summary = job.summary

    def slow_summary() -> dict[str, Any]:
        nonlocal looks
        looks += 1
        time.sleep(0.1)
        return summary()

    seen = ask(server, job.id)["seen"]
    monkeypatch.setattr(events, "_WAIT_SECONDS", 2.0)
    monkeypatch.setattr(job, "summary", slow_summary)
    ask(server, job.id, seen=seen)
    assert looks <= 6  # 2 s by 0.5 s; without a rest 16


def test_a_film_hurries_only_while_nothing_is_tracked(
    server: Server, film: Path, truth: SquareVideo, tmp_path: Path
) -> None:
    number = start(server, film, truth)
    server.wait(number, "done")
    job = server.session.find(number)
    is_tracking = True
    writing = VideoExport(tmp_path, is_tracking=lambda: is_tracking)
    begun = time.monotonic()
    writing.make(job.clip, job.track)
    time.sleep(1)
    while not (done := writing.done):
        assert time.monotonic() < begun + 120
        time.sleep(0.02)
    assert done <= 10 * (time.monotonic() - begun) + 1
    assert done < 40
    is_tracking = False
    deadline = time.monotonic() + 120
    while writing.state == "making" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert (writing.state, writing.done) == ("ready", 40)
    writing.discard()
    assert not list(tmp_path.glob("*.mp4"))


def test_two_requests_at_once_write_one_film(
    server: Server, film: Path, truth: SquareVideo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = start(server, film, truth)
    server.wait(number, "done")
    job = server.session.find(number)
    plan, plans, planned = video_export.VIDEOS["boxes"], [], threading.Event()

    def plan_together(*words: Any) -> video_export.Plan:
        plans.append(words)
        if len(plans) == 1:
            planned.wait(1)  # is set by a second plan, which must not come
        planned.set()
        return plan(*words)

    monkeypatch.setitem(video_export.VIDEOS, "boxes", plan_together)
    writing = VideoExport(tmp_path, is_tracking=lambda: False)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda _: writing.make(job.clip, job.track), range(2)))
    writing.discard()
    assert len(plans) == 1
