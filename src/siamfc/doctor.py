"""Diagnosis of the installation: what works, what is missing, and what to do about it."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from siamfc.errors import SiamFCError, install_command
from siamfc.system import commit, core_count, machine, version

Status = Literal["ok", "absent", "problem"]

_FAILURES = (SiamFCError, ImportError, OSError)
"""Errors that a damaged installation raises; any other is a bug in siamfc."""
_CODECS = ("h264", "vp9", "av1")
_REINSTALL_VIDEO = "pip install --force-reinstall av"
_REINSTALL = install_command("", "--force-reinstall ")


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One checked item and its state."""

    area: str
    """Group of the item: installation, extras, devices, video, threads or weights."""
    name: str
    """Checked item, such as a package or codec."""
    status: Status
    """`absent`: an optional item is missing; `problem`: siamfc cannot work."""
    detail: str
    """Observed state, such as a version."""
    advice: str | None = None
    """Suggested action, if any."""


_NO_DRIVER = Finding(
    area="devices",
    name="cuda",
    status="absent",
    detail="no NVIDIA driver",
    advice="none without an NVIDIA GPU, since the CPU is enough; otherwise install its driver",
)


def examine() -> Iterator[Finding]:
    """Check every item, quick ones first."""
    yield from _installation()
    yield from _extras()
    yield from _threads()
    yield from _devices()
    yield from _providers()
    yield from _video()
    yield from _weights()


def _installation() -> Iterator[Finding]:
    facts = machine()
    code = f"{version()}, commit {commit() or 'unknown'}"
    yield Finding(area="installation", name="siamfc", status="ok", detail=code)
    system = f"{facts['python']} on {facts['system']}"
    yield Finding(area="installation", name="python", status="ok", detail=system)
    for requirement in _requirements():
        if requirement.extra is None:
            fits, detail = requirement.check()
            yield Finding(
                area="installation",
                name=requirement.package,
                status="ok" if fits else "problem",
                detail=detail,
                advice=None if fits else install_command(""),
            )


def _extras() -> Iterator[Finding]:
    requirements = _requirements()
    extras = dict.fromkeys(requirement.extra for requirement in requirements)
    for extra in (extra for extra in extras if extra not in (None, "dev")):
        checks = [(item.package, *item.check()) for item in requirements if item.extra == extra]
        missing = [f"{package} {detail}" for package, fits, detail in checks if not fits]
        present = [f"{package} {detail}" for package, fits, detail in checks if fits]
        yield Finding(
            area="extras",
            name=str(extra),
            status="absent" if missing else "ok",
            detail=", ".join(missing or present),
            advice=f"optional: {install_command(str(extra))}" if missing else None,
        )


@dataclass(frozen=True)
class _Requirement:
    package: str
    minimum: str
    extra: str | None

    def check(self) -> tuple[bool, str]:
        """Return whether the requirement is met, and the version found or the fault."""
        try:
            found = metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return False, "is not installed"
        if _release(found) < _release(self.minimum):
            return False, f"{found} is older than {self.minimum}"
        return True, found


def _requirements() -> list[_Requirement]:
    """Read the requirements from the installed metadata: `name>=version` or `name<2,>=1`."""
    pattern = re.compile(r"([\w.-]+)[^;]*?>=([\w.]+)(?:.*extra == ['\"](\w+)['\"])?")
    found = (pattern.match(line) for line in metadata.requires("siamfc") or [])
    return [_Requirement(match[1], match[2], match[3]) for match in found if match]


def _release(text: str) -> tuple[int, ...]:
    """Return the leading numbers of a version.

    >>> _release("2.13.0+cpu") >= _release("2.6")
    True
    """
    return tuple(int(number) for number in re.findall(r"\d+", text.partition("+")[0])[:3])


def _threads() -> Iterator[Finding]:
    cores, cpus = core_count(), os.cpu_count() or 1
    detail = f"{cores} for the network, of {cpus} hardware threads"
    yield Finding(area="threads", name="cores", status="ok", detail=detail)


def _devices() -> Iterator[Finding]:
    yield Finding(area="devices", name="cpu", status="ok", detail=str(machine()["processor"]))
    has_driver = shutil.which("nvidia-smi") is not None
    try:
        import torch
    except ImportError:
        if not has_driver:
            yield _NO_DRIVER
            return
        advice = f"{install_command('train')}, to track on the GPU"
        detail = "torch is not installed"
        yield Finding(area="devices", name="cuda", status="absent", detail=detail, advice=advice)
        return
    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            detail = torch.cuda.get_device_name(index)
            yield Finding(area="devices", name=f"cuda:{index}", status="ok", detail=detail)
    elif not has_driver:
        yield _NO_DRIVER
    else:
        detail = f"torch {torch.__version__} cannot use the NVIDIA GPU"
        advice = "install a torch built for the driver's CUDA version, see pytorch.org"
        yield Finding(area="devices", name="cuda", status="absent", detail=detail, advice=advice)


def _providers() -> Iterator[Finding]:
    """Check the other ONNX Runtime providers that `--device` can select."""
    try:
        from siamfc.network.devices import PROVIDER_PACKAGES, has_provider

        found = {name: has_provider(name) for name in ("directml", "coreml", "openvino")}
    except _FAILURES as error:
        yield Finding(
            area="devices",
            name="onnxruntime",
            status="problem",
            detail=str(error),
            advice=_REINSTALL,
        )
        return
    for name, there in found.items():
        package = PROVIDER_PACKAGES.get(name)
        yield Finding(
            area="devices",
            name=name,
            status="ok" if there else "absent",
            detail=f"ONNX Runtime has {'it' if there else 'no such provider'}",
            advice=None
            if there
            else f"optional: pip install {package} instead of onnxruntime"
            if package
            else "none: only for macOS",
        )


def _video() -> Iterator[Finding]:
    """Write and read a short video with each codec that `siamfc track --codec` offers."""
    for codec in _CODECS:
        try:
            count = _write_and_read(codec)
        except _FAILURES as error:
            status: Status = "problem" if codec == _CODECS[0] else "absent"
            yield Finding(
                area="video", name=codec, status=status, detail=str(error), advice=_REINSTALL_VIDEO
            )
        else:
            detail = f"wrote 3 frames, read {count}"
            yield Finding(area="video", name=codec, status="ok", detail=detail)


def _write_and_read(codec: str) -> int:
    import numpy as np

    from siamfc.frames import open_source, open_writer

    image = np.zeros((64, 64, 3), np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video.mp4"
        with open_writer(path, codec=codec, frame_rate=25) as writer:
            for index in range(3):
                writer.write(image, index / 25)
        with open_source(path) as source:
            return sum(1 for _ in source)


def _weights() -> Iterator[Finding]:
    """Load and run the bundled weights once."""
    try:
        from siamfc.network import available_weights

        names = [weights.name for weights in available_weights()]
    except _FAILURES:
        names = []
    for name in names or ["default"]:
        try:
            _track_once(name)
        except _FAILURES as error:
            yield Finding(
                area="weights", name=name, status="problem", detail=str(error), advice=_REINSTALL
            )
        else:
            yield Finding(area="weights", name=name, status="ok", detail="loaded and run")


def _track_once(weights: str) -> None:
    import numpy as np

    from siamfc.tracking import Tracker

    image = np.zeros((64, 64, 3), np.uint8)
    tracker = Tracker.from_pretrained(weights, device="cpu")
    tracker.init(image, (16, 16, 32, 32))
    tracker.update(image)
