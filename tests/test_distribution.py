"""Built distributions: contents and metadata of the wheel and the sdist."""

import os
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a checkout to build from"),
]

NEEDED = (
    "siamfc/py.typed",
    "siamfc/commit.txt",
    "siamfc/network/weights/siamfc/model.safetensors",
    "siamfc/network/weights/siamfc/model.json",
    "siamfc/network/weights/light/model.safetensors",
    "siamfc/network/weights/light/model.json",
    "siamfc/experiments/templates/experiment.html",
    "siamfc/report/templates/base.html",
    "siamfc/report/templates/page.html",
    "siamfc/web/static/index.html",
    "siamfc/web/static/main.js",
    "siamfc/web/static/style.css",
)


def build(source: Path, out: Path, *what: str) -> Path:
    """Build with the installed packages, and return the one file with that suffix."""
    command = [sys.executable, "-m", "build", "--no-isolation", *what, "--outdir", str(out)]
    answer = subprocess.run([*command, str(source)], capture_output=True, text=True)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean checkout of the last commit, without other files or later changes."""
    folder = tmp_path_factory.mktemp("checkout") / "siamfc"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def built(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist and the wheel built from it, as in a release."""
    folder = tmp_path_factory.mktemp("dist")
    build(checkout, folder)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> dict[str, bytes]:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture(scope="module")
def sdist(built: Path) -> dict[str, int]:
    """Names within the sdist's folder, and sizes."""
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        return {one.name.partition("/")[2]: one.size for one in archive.getmembers()}


@pytest.fixture(scope="module")
def metadata(wheel: dict[str, bytes]) -> Message:
    (name,) = [name for name in wheel if name.endswith(".dist-info/METADATA")]
    return message_from_bytes(wheel[name])


def tracked(checkout: Path, *folders: str) -> set[str]:
    answer = subprocess.run(
        ["git", "ls-files", "-z", *folders],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(answer.stdout.rstrip("\0").split("\0"))


def test_the_wheel_has_the_package_whole_and_nothing_else(
    wheel: dict[str, bytes], checkout: Path
) -> None:
    inside = {name for name in wheel if ".dist-info/" not in name}
    sources = {name.removeprefix("src/") for name in tracked(checkout, "src")}
    assert inside == sources | {"siamfc/commit.txt"}
    assert set(NEEDED) <= inside
    assert all(wheel[name] for name in NEEDED if not name.endswith("py.typed"))


def test_the_sdist_has_all_that_building_and_testing_need(
    sdist: dict[str, int], checkout: Path
) -> None:
    expected = tracked(checkout) - {name for name in tracked(checkout) if name.startswith(".")}
    assert expected <= set(sdist)
    surplus = set(sdist) - tracked(checkout)
    assert surplus == {"PKG-INFO", "src/siamfc/commit.txt"}


def test_the_sdist_gives_the_same_wheel_as_the_checkout(
    wheel: dict[str, bytes], checkout: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(build(checkout, tmp_path, "--wheel")) as archive:
        direct = {name: archive.read(name) for name in archive.namelist()}
    assert direct.keys() == wheel.keys()
    # RECORD lists the others' digests, in another order.
    different = [name for name in wheel if wheel[name] != direct[name] and "RECORD" not in name]
    assert not different


def test_what_is_installed_knows_its_commit(built: Path, checkout: Path, tmp_path: Path) -> None:
    (path,) = built.glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        archive.extractall(tmp_path)
    answer = subprocess.run(
        [sys.executable, "-m", "siamfc", "--version"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    head = subprocess.run(
        ["git", "rev-parse", "--short=7", "HEAD"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.endswith(f" ({head.stdout.strip()})\n")


def test_metadata_says_what_pip_and_readers_need(metadata: Message) -> None:
    assert metadata["Name"] == "siamfc"
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"
    classifiers = metadata.get_all("Classifier") or []
    for version in ("3.11", "3.12", "3.13"):
        assert f"Programming Language :: Python :: {version}" in classifiers
    assert "Follow any object through a video" in str(metadata.get_payload())


def test_tracking_needs_no_torch(metadata: Message) -> None:
    required = [one for one in metadata.get_all("Requires-Dist") or [] if "extra ==" not in one]
    names = {one.partition(">")[0] for one in required}
    assert {"numpy", "av", "onnxruntime"} <= names
    assert not names & {"torch", "matplotlib", "pandas", "opencv-python"}


def test_each_dependency_has_a_lower_bound(metadata: Message) -> None:
    required = metadata.get_all("Requires-Dist") or []
    loose = [one for one in required if ">=" not in one and not one.startswith("siamfc[")]
    assert not loose
