"""The three programs of the page on deployment, against the tracker of this package."""

import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from materials import make_raw_films, make_video, make_weights
from snippets import DOCS, importing_from, run_python, snippets

import siamfc
from siamfc.tracking import one_scale

BOX = (197, 151, 51, 57)
TOLERANCE = 1.0
"""Pixels: the programs look for the peak on 17 cells, the tracker on 272."""

BLOCKS = snippets(DOCS / "deploy.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page's files, the weights, the video, and the same as raw frames."""
    folder = tmp_path_factory.mktemp("deploy")
    make_video(folder)
    make_raw_films(folder)
    make_weights(folder)
    for block in BLOCKS:
        if block.is_file:
            (folder / block.title).write_text(block.text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def expected(folder: Path) -> np.ndarray:
    """Boxes of the frames after the first, (F − 1, 4)."""
    settings = {"weights": "siamfc", "device": "cpu", "settings": one_scale()}
    track = siamfc.track(folder / "video.mp4", box=BOX, **settings)
    return np.array([result.boxes[0] for result in track])[1:]


def program(language: str) -> str:
    """The block that uses the file above it."""
    (block,) = [one for one in BLOCKS if one.language == language and one.title == "use it"]
    return block.text


def test_the_table_is_what_the_graphs_say(folder: Path) -> None:
    text = (DOCS / "deploy.md").read_text(encoding="utf-8")
    for name in ("exemplar", "search"):
        session = onnxruntime.InferenceSession(folder / "weights" / f"{name}.onnx")
        for value in (*session.get_inputs(), *session.get_outputs()):
            kind = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}[value.type]
            assert f"`{value.name}` {kind} ({', '.join(map(str, value.shape))})" in text


def test_python(folder: Path, expected: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    with importing_from(folder):
        from track_onnx import OnnxTracker

        tracker, boxes = OnnxTracker("weights"), []
        for frame in siamfc.open_source("video.mp4"):
            if frame.index == 0:
                tracker.init(frame.image, BOX)
            else:
                box, score = tracker.update(frame.image)
                assert 0.5 < score <= 1
                boxes.append(box)
    np.testing.assert_allclose(boxes, expected, atol=TOLERANCE)
    (block,) = [one for one in BLOCKS if one.language == "python" and one.title == "use it"]
    assert len(run_python(block).splitlines()) == len(expected)


@pytest.mark.slow
def test_javascript(folder: Path, expected: np.ndarray) -> None:
    modules = Path(os.environ.get("SIAMFC_NODE_MODULES", "node_modules"))
    node = shutil.which("node")
    if node is None or not (modules / "onnxruntime-web").is_dir():
        pytest.skip("needs Node.js, and SIAMFC_NODE_MODULES: a folder with onnxruntime-web")
    (folder / "node_modules").symlink_to(modules.absolute())
    (folder / "use.mjs").write_text(program("js"), encoding="utf-8")
    answer = subprocess.run(
        [node, "use.mjs"], cwd=folder, capture_output=True, text=True, check=True
    )
    found = [json.loads(line.partition(" ")[2]) for line in answer.stdout.splitlines()]
    np.testing.assert_allclose([one["box"] for one in found], expected, atol=TOLERANCE)
    assert all(0.5 < one["score"] <= 1 for one in found)


def headers() -> Path | None:
    """The folder of ONNX Runtime's headers, where there is one."""
    named = os.environ.get("SIAMFC_ONNXRUNTIME_INCLUDE")
    folders = [Path(named)] if named else [Path("/usr/include/onnxruntime")]
    return next((one for one in folders if (one / "onnxruntime_cxx_api.h").is_file()), None)


@pytest.mark.slow
def test_cpp(folder: Path, expected: np.ndarray) -> None:
    compiler, include = shutil.which("c++"), headers()
    if compiler is None or include is None:
        pytest.skip("needs c++, and SIAMFC_ONNXRUNTIME_INCLUDE: ONNX Runtime's headers")
    libraries = sorted(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*"))
    if not libraries:
        pytest.skip("the package onnxruntime has no library to link with on this system")
    library = folder / "libonnxruntime.so.1"
    library.symlink_to(libraries[0])
    warnings = ("-Wall", "-Wextra", "-Werror")
    source = ("track.cpp", "-isystem", str(include), str(library), f"-Wl,-rpath,{folder}")
    subprocess.run(
        [compiler, "-std=c++17", *warnings, *source, "-o", "track"], cwd=folder, check=True
    )
    words = ["./track", "weights", "frames.rgb", "640", "360", *map(str, BOX)]
    answer = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    rows = np.array([line.split() for line in answer.stdout.splitlines()], dtype=float)
    np.testing.assert_allclose(rows[1:, 1:5], expected, atol=TOLERANCE)
    assert (rows[:, 5] > 0.5).all()
