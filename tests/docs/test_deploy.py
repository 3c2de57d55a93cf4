"""The programs of the pages on deployment, against the tracker of this package."""

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from materials import make_raw_films, make_video
from snippets import DOCS, importing_from, run_python, snippets

import siamfc
from siamfc.boxes import iou
from siamfc.network import export_weights, load_checkpoint
from siamfc.synthetic.clip import ClipSettings, ProceduralClip
from siamfc.tracking import one_scale


@dataclass(frozen=True)
class Expected:
    """Return this package's boxes in the frames after the first."""

    folder: Path
    """With the page's files, the weights, and frames.rgb."""
    size: tuple[int, int]
    """Width and height of the frames."""
    first: np.ndarray
    """(4,) the first box."""
    boxes: np.ndarray
    """(F − 1, 4)"""
    lost: np.ndarray
    """(F − 1,) bool."""


def write_page(name: str, weights: str, folder: Path) -> None:
    """Lay a page's files and the weights into a folder."""
    export_weights(load_checkpoint(weights), folder / "weights")
    for block in snippets(DOCS / name):
        if block.is_file:
            (folder / block.title).write_text(block.text, encoding="utf-8")


def shifted_scene() -> tuple[list[np.ndarray], np.ndarray]:
    """Frames and boxes of a clip that goes black for a while, after which the target is elsewhere.

    It is found again by the further windows.
    """
    clip = ProceduralClip(ClipSettings(frames=45, seed=3))
    shift = (120, 260)
    frames = [np.roll(image, shift, (0, 1)) if i >= 26 else image for i, image in enumerate(clip)]
    frames[20:26] = [np.zeros_like(frames[0])] * 6
    boxes = clip.boxes.copy()
    boxes[26:, :2] += (260, 120)
    return frames, boxes


def departure() -> tuple[list[np.ndarray], np.ndarray]:
    """Frames and boxes of a clip whose target leaves at the left, and returns elsewhere and paler.

    Its score is too low to be found at once: it is after five frames.
    """
    clip = ProceduralClip(ClipSettings(frames=40, seed=7))
    frames, boxes = [], clip.boxes.copy()
    for index, image in enumerate(clip):
        place = 180 if index < 8 else max(180 - 40 * (index - 7), -150) if index < 22 else 250
        left = round(boxes[index, 0] + boxes[index, 2] / 2 - place)
        boxes[index, 0] -= left
        view = image[:, np.arange(left, left + 360).clip(0, 639)]
        if index >= 22:
            view = (128 + (view.astype(float) - 128) * 0.3).astype(np.uint8)
        frames.append(view)
    return frames, boxes


@pytest.fixture(scope="module", params=[shifted_scene, departure], ids=lambda clip: clip.__name__)
def light(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Expected:
    folder = tmp_path_factory.mktemp("light")
    write_page("deploy.md", "light", folder)
    frames, boxes = request.param()
    (folder / "frames.rgb").write_bytes(b"".join(frame.tobytes() for frame in frames))
    tracker = siamfc.Tracker.from_pretrained(device="cpu")
    tracker.init(frames[0], boxes[0])
    found, lost = [], []
    for frame in frames[1:]:
        found.append(tracker.update(frame))
        lost.append(tracker.state.targets.lost[0])
    assert iou(found[-1], boxes[-1]) > 0.8
    size = (frames[0].shape[1], frames[0].shape[0])
    return Expected(folder, size, boxes[0], np.array(found), np.array(lost))


@pytest.fixture(scope="module")
def siamfc_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("siamfc")
    make_video(folder)
    make_raw_films(folder)
    write_page("deploy_siamfc.md", "siamfc", folder)
    return folder


SIAMFC_BOX = (197, 151, 51, 57)
SIAMFC_TOLERANCE = 1.0
"""Pixels: the programs look for the peak on 17 cells, the tracker on 272."""


@pytest.fixture(scope="module")
def siamfc_boxes(siamfc_folder: Path) -> np.ndarray:
    """Boxes of the frames after the first, (F − 1, 4)."""
    settings = {"weights": "siamfc", "device": "cpu", "settings": one_scale()}
    track = siamfc.track(siamfc_folder / "video.mp4", box=SIAMFC_BOX, **settings)
    return np.array([result.boxes[0] for result in track])[1:]


@pytest.mark.parametrize(
    ("page", "weights", "names"),
    [
        ("deploy.md", "light", ("exemplar", "track")),
        ("deploy_siamfc.md", "siamfc", ("exemplar", "search")),
    ],
)
def test_the_table_is_what_the_graphs_say(
    page: str, weights: str, names: tuple[str, ...], tmp_path: Path
) -> None:
    write_page(page, weights, tmp_path)
    text = (DOCS / page).read_text(encoding="utf-8")
    for name in names:
        session = onnxruntime.InferenceSession(tmp_path / "weights" / f"{name}.onnx")
        for value in (*session.get_inputs(), *session.get_outputs()):
            kind = {"tensor(uint8)": "uint8", "tensor(float)": "float32"}[value.type]
            assert f"`{value.name}` {kind} ({', '.join(map(str, value.shape))})" in text


def test_python_tracks_as_the_package_does(light: Expected) -> None:
    check(light, sys.executable, "track_onnx.py")


def test_python_needs_no_other_package(light: Expected) -> None:
    text = (light.folder / "track_onnx.py").read_text(encoding="utf-8")
    imported = set(re.findall(r"^\s*(?:import|from) (\w+)", text, re.MULTILINE))
    assert imported - sys.stdlib_module_names == {"numpy", "onnxruntime"}


@pytest.mark.slow
def test_cpp_tracks_as_the_package_does(light: Expected) -> None:
    compile_cpp(light.folder)
    check(light, "./track")
    words = ["./track", "weights", "frames.rgb", "0", "0", "1", "1", "9", "9"]
    ended = subprocess.run(words, cwd=light.folder, capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stderr) == (2, "expected a positive size\n")


@pytest.mark.slow
def test_rust_tracks_as_the_package_does(light: Expected) -> None:
    compile_rust(light.folder)
    check(light, "./track")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({1: "absent"}, "absent/exemplar.onnx: No such file"),
        ({1: "broken"}, "broken/exemplar.onnx: "),
        ({1: "swapped"}, "Got invalid dimensions for input: images"),
        ({2: "absent.rgb"}, "absent.rgb: No such file"),
        ({2: "empty.rgb"}, "empty.rgb: failed to fill whole buffer"),
        ({3: "9"}, "frames.rgb: expected frames of 9 × 8 × 3 bytes"),
        ({4: "tall"}, "expected a number, got tall"),
        ({4: "0"}, "expected a box whose centre is in the frame"),
        ({7: "nan"}, "expected a box whose centre is in the frame"),
        ({7: "-3"}, "expected a box whose centre is in the frame"),
    ],
)
def test_rust_states_what_is_wrong_in_one_line(
    rust_folder: Path, changed: dict[int, str], message: str
) -> None:
    words = ["./track", "weights", "frames.rgb", "8", "8", "2", "2", "4", "4"]
    for index, word in changed.items():
        words[index] = word
    answer = subprocess.run(words, cwd=rust_folder, capture_output=True, text=True)
    assert answer.returncode == 1
    assert answer.stdout == ""
    assert answer.stderr.startswith(f"track: {message}")
    assert answer.stderr.count("\n") == 1


@pytest.fixture(scope="module")
def rust_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of the page, ten frames of 8 × 8 pixels, and files that are not as expected."""
    folder = tmp_path_factory.mktemp("rust")
    write_page("deploy.md", "light", folder)
    compile_rust(folder)
    (folder / "frames.rgb").write_bytes(bytes(10 * 8 * 8 * 3))
    (folder / "empty.rgb").touch()
    (folder / "broken").mkdir()
    (folder / "broken" / "exemplar.onnx").write_bytes(b"not a graph")
    (folder / "swapped").mkdir()
    for name, other in (("exemplar", "track"), ("track", "exemplar")):
        shutil.copy(folder / "weights" / f"{name}.onnx", folder / "swapped" / f"{other}.onnx")
    return folder


def test_rust_calls_functions_by_their_places_in_the_header() -> None:
    include = headers()
    if include is None:
        pytest.skip("needs SIAMFC_ONNXRUNTIME_INCLUDE: ONNX Runtime's headers")
    text = (include / "onnxruntime_c_api.h").read_text(encoding="utf-8")
    text = re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.DOTALL)
    (table,) = re.findall(r"^struct OrtApi \{(.*?)^\};", text, re.DOTALL | re.MULTILINE)
    members = re.findall(
        r"ORT_API2_STATUS\(\s*(\w+)|(ORT_CLASS_RELEASE)\((\w+)\)|\(\s*ORT_API_CALL\s*\*\s*(\w+)\)",
        table,
    )
    names = [f"Release{one[2]}" if one[1] else one[0] or one[3] for one in members]
    (source,) = (one.text for one in snippets(DOCS / "deploy.md") if one.title == "track.rs")
    (fields,) = re.findall(r"^struct Api \{(.*?)^\}", source, re.DOTALL | re.MULTILINE)
    slot, used = 0, 0
    for name, gap in re.findall(r"^    (\w+):(?: \[usize; (\d+)\])?", fields, re.MULTILINE):
        if gap:
            assert name == f"_{slot}"
            slot += int(gap)
        else:
            assert name.replace("_", "") == names[slot].lower()
            slot, used = slot + 1, used + 1
    assert used == 14


def check(expected: Expected, *program: str) -> None:
    """Run a program on the raw frames; compare boxes, and when the target is lost."""
    numbers = map(str, (*expected.size, *expected.first))
    words = [*program, "weights", "frames.rgb", *numbers]
    answer = subprocess.run(words, cwd=expected.folder, capture_output=True, text=True, check=True)
    rows = np.array([line.split() for line in answer.stdout.splitlines()], dtype=float)
    assert rows[:, 6].astype(bool).tolist() == expected.lost.tolist()
    assert 6 < expected.lost.sum() < 20
    distances = np.abs(rows[:, 1:5] - expected.boxes).max(axis=1)
    assert distances[~expected.lost].max() < 0.1
    assert distances.max() < 1  # where all is unlike the target, rounding decides what is likest


def headers() -> Path | None:
    """The folder of ONNX Runtime's headers, where there is one."""
    named = os.environ.get("SIAMFC_ONNXRUNTIME_INCLUDE")
    folders = [Path(named)] if named else [Path("/usr/include/onnxruntime")]
    return next((one for one in folders if (one / "onnxruntime_cxx_api.h").is_file()), None)


def compile_cpp(folder: Path) -> None:
    """Make `track` of track.cpp."""
    compiler, include = shutil.which("c++"), headers()
    if compiler is None or include is None:
        pytest.skip("needs c++, and SIAMFC_ONNXRUNTIME_INCLUDE: ONNX Runtime's headers")
    library = link_library(folder, "libonnxruntime.so.1")
    warnings = ("-Wall", "-Wextra", "-Werror")
    source = ("track.cpp", "-isystem", str(include), str(library), f"-Wl,-rpath,{folder}")
    subprocess.run(
        [compiler, "-std=c++17", "-O2", *warnings, *source, "-o", "track"], cwd=folder, check=True
    )


def compile_rust(folder: Path) -> None:
    """Make `track` of track.rs."""
    compiler = shutil.which("rustc")
    if compiler is None:
        pytest.skip("needs rustc")
    link_library(folder, "libonnxruntime.so.1")
    link_library(folder, "libonnxruntime.so")
    options = ("-O", "-D", "warnings", "-L", str(folder), "-C", f"link-arg=-Wl,-rpath,{folder}")
    subprocess.run([compiler, "--edition", "2021", *options, "track.rs"], cwd=folder, check=True)


def link_library(folder: Path, name: str) -> Path:
    """Link to the runtime of the package onnxruntime; return the link."""
    libraries = sorted(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*"))
    if not libraries:
        pytest.skip("the package onnxruntime has no library to link with on this system")
    link = folder / name
    if not link.exists():  # the program in another language has linked it
        link.symlink_to(libraries[0])
    return link


def test_siamfc_in_python(
    siamfc_folder: Path, siamfc_boxes: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(siamfc_folder)
    with importing_from(siamfc_folder):
        from track_onnx import OnnxTracker

        tracker, boxes = OnnxTracker("weights"), []
        for frame in siamfc.open_source("video.mp4"):
            if frame.index == 0:
                tracker.init(frame.image, SIAMFC_BOX)
            else:
                box, score = tracker.update(frame.image)
                assert 0.5 < score <= 1
                boxes.append(box)
    np.testing.assert_allclose(boxes, siamfc_boxes, atol=SIAMFC_TOLERANCE)
    assert len(run_python(use_of_siamfc("python")).splitlines()) == len(siamfc_boxes)


@pytest.mark.slow
def test_siamfc_in_javascript(siamfc_folder: Path, siamfc_boxes: np.ndarray) -> None:
    modules = Path(os.environ.get("SIAMFC_NODE_MODULES", "node_modules"))
    node = shutil.which("node")
    if node is None or not (modules / "onnxruntime-web").is_dir():
        pytest.skip("needs Node.js, and SIAMFC_NODE_MODULES: a folder with onnxruntime-web")
    (siamfc_folder / "node_modules").symlink_to(modules.absolute())
    (siamfc_folder / "use.mjs").write_text(use_of_siamfc("js").text, encoding="utf-8")
    answer = subprocess.run(
        [node, "use.mjs"], cwd=siamfc_folder, capture_output=True, text=True, check=True
    )
    found = [json.loads(line.partition(" ")[2]) for line in answer.stdout.splitlines()]
    boxes = [one["box"] for one in found]
    np.testing.assert_allclose(boxes, siamfc_boxes, atol=SIAMFC_TOLERANCE)
    assert all(0.5 < one["score"] <= 1 for one in found)


@pytest.mark.slow
def test_siamfc_in_cpp(siamfc_folder: Path, siamfc_boxes: np.ndarray) -> None:
    compile_cpp(siamfc_folder)
    words = ["./track", "weights", "frames.rgb", "640", "360", *map(str, SIAMFC_BOX)]
    answer = subprocess.run(words, cwd=siamfc_folder, capture_output=True, text=True, check=True)
    rows = np.array([line.split() for line in answer.stdout.splitlines()], dtype=float)
    np.testing.assert_allclose(rows[1:, 1:5], siamfc_boxes, atol=SIAMFC_TOLERANCE)
    assert (rows[:, 5] > 0.5).all()


def use_of_siamfc(language: str):
    """The block that uses the file above it."""
    blocks = snippets(DOCS / "deploy_siamfc.md")
    (block,) = [one for one in blocks if one.language == language and one.title == "use it"]
    return block
