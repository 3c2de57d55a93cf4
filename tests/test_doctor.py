import json
import re
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest

from siamfc import doctor
from siamfc.cli.app import run
from siamfc.network import available_weights


@pytest.fixture
def examined() -> list[doctor.Finding]:
    return list(doctor.examine())


@pytest.fixture
def findings(examined: list[doctor.Finding]) -> dict[str, doctor.Finding]:
    return {finding.name: finding for finding in examined}


def test_everything_is_looked_at(
    examined: list[doctor.Finding], findings: dict[str, doctor.Finding]
) -> None:
    areas = dict.fromkeys(finding.area for finding in examined)
    assert list(areas) == ["installation", "extras", "threads", "devices", "video", "weights"]
    assert {"python", "numpy", "onnxruntime", "train", "cores", "cpu", "h264"} <= set(findings)
    assert findings["numpy"].detail == metadata.version("numpy")


def test_films_can_be_written_and_read_here(findings: dict[str, doctor.Finding]) -> None:
    for codec in ("h264", "vp9", "av1"):
        assert findings[codec].status == "ok"
        assert findings[codec].detail == "wrote 3 frames, read 3"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> list[doctor.Finding]:
    """Findings where nothing works: packages and extras, codecs, GPU and weights."""
    requirements = [
        doctor._Requirement(package, "999.0", extra)
        for package in ("numpy", "not-here")
        for extra in (None, "train", "eval")
    ]

    def fail(*_: object, **__: object) -> int:
        raise OSError("broken")

    monkeypatch.setattr(doctor, "_requirements", lambda: requirements)
    monkeypatch.setattr(doctor, "_write_and_read", fail)
    monkeypatch.setattr("siamfc.network.load_matcher", fail)
    monkeypatch.setattr("shutil.which", lambda _: None)
    monkeypatch.setitem(sys.modules, "torch", None)
    return list(doctor.examine())


def test_where_nothing_works_each_thing_is_found(broken: list[doctor.Finding]) -> None:
    wrong = {finding.name for finding in broken if finding.status != "ok"}
    assert wrong == {
        "numpy", "not-here", "train", "eval", "cuda", "directml", "coreml", "openvino",
        "h264", "vp9", "av1",
        *(weights.name for weights in available_weights()),
    }  # fmt: skip


def test_what_is_missing_or_broken_comes_with_what_to_do(broken: list[doctor.Finding]) -> None:
    silent = [finding.name for finding in broken if finding.status != "ok" and not finding.advice]
    assert not silent


def test_what_is_well_comes_without_advice(findings: dict[str, doctor.Finding]) -> None:
    talkative = [one.name for one in findings.values() if one.status == "ok" and one.advice]
    assert not talkative


@pytest.mark.parametrize(
    ("driver", "torch_works", "advice"),
    [
        (None, None, "install its driver"),
        (None, False, "install its driver"),
        ("/usr/bin/nvidia-smi", None, r"pip install '\.\[train\]' in the source folder"),
        ("/usr/bin/nvidia-smi", False, "a torch built for the driver"),
    ],
)
def test_advice_on_the_gpu_fits_what_is_missing(
    driver: str | None, torch_works: bool | None, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`torch_works` is None where torch isn't installed."""
    cuda = SimpleNamespace(is_available=lambda: torch_works)
    torch = None if torch_works is None else SimpleNamespace(cuda=cuda, __version__="2.0")
    monkeypatch.setattr("shutil.which", lambda _: driver)
    monkeypatch.setitem(sys.modules, "torch", torch)
    _, gpu = doctor._devices()
    assert gpu.status == "absent"
    assert re.search(advice, str(gpu.advice))


@pytest.mark.parametrize(
    ("package", "minimum", "fits", "detail"),
    [
        ("numpy", "1.0", True, metadata.version("numpy")),
        ("numpy", "999.0", False, f"{metadata.version('numpy')} is older than 999.0"),
        ("no-such-package", "1.0", False, "is not installed"),
    ],
)
def test_requirements_are_compared(package: str, minimum: str, fits: bool, detail: str) -> None:
    assert doctor._Requirement(package, minimum, None).check() == (fits, detail)


def test_requirements_are_read_from_metadata(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ["numpy>=1.26", "mkdocs<2,>=1.6; extra == 'docs'", 'onnx>=1.17 ; extra == "export"']
    monkeypatch.setattr(metadata, "requires", lambda _: lines)
    assert doctor._requirements() == [
        doctor._Requirement("numpy", "1.26", None),
        doctor._Requirement("mkdocs", "1.6", "docs"),
        doctor._Requirement("onnx", "1.17", "export"),
    ]


def test_an_extra_names_all_that_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    requirements = [
        doctor._Requirement("numpy", "1.0", "plots"),
        doctor._Requirement("not-here", "1.0", "plots"),
    ]
    monkeypatch.setattr(doctor, "_requirements", lambda: requirements)
    (finding,) = doctor._extras()
    assert (finding.name, finding.status) == ("plots", "absent")
    assert finding.detail == "not-here is not installed"
    assert "pip install '.[plots]'" in str(finding.advice)


def test_a_broken_codec_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(codec: str) -> int:
        raise OSError(f"{codec} is broken")

    monkeypatch.setattr(doctor, "_write_and_read", fail)
    h264, vp9, av1 = doctor._video()
    assert (h264.status, vp9.status, av1.status) == ("problem", "absent", "absent")
    assert h264.detail == "h264 is broken"


def test_the_verb_prints_and_its_status_tells(capsys: pytest.CaptureFixture[str]) -> None:
    status = run(["doctor", "--json"])
    printed = json.loads(capsys.readouterr().out)
    problems = [one for one in printed["findings"] if one["status"] == "problem"]
    assert printed["ok"] is (not problems)
    assert status == (1 if problems else 0)
    assert run(["doctor"]) == status
    assert "installation\n  ok       siamfc" in capsys.readouterr().out
