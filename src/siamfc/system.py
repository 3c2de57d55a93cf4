"""The machine and the installation: version, commit, CPU cores and threads.

Threads are decided in one place. The network gets every core that this process may use; the linear
algebra behind numpy, which a tracker only needs for small arrays, gets one. Two thread pools of
full size would compete for the same cores.

This module uses only the standard library and imports it late, since every start of the command
line loads it.
"""

import functools
import os
from pathlib import Path

_BLAS_VARIABLES = ("OPENBLAS_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "BLIS_NUM_THREADS")
# Not those of MKL and OpenMP, from which torch takes its own number of threads.


def limit_blas_threads() -> None:
    """Give numpy's linear algebra one thread, unless the environment already sets a number.

    The libraries read these variables once, when numpy is first imported, so call this before. The
    command line does; a program that embeds siamfc decides for itself.
    """
    for variable in _BLAS_VARIABLES:
        os.environ.setdefault(variable, "1")


def frames_per_second(frames: int, seconds: float) -> float:
    """Return the frame rate; NaN for no frames or no time.

    >>> frames_per_second(50, 2.0)
    25.0
    """
    return frames / seconds if frames and seconds > 0 else float("nan")


def core_count() -> int:
    """Return the physical cores that this process may use, at least 1: threads for the network.

    The count covers the process's CPU affinity, takes two hardware threads of one core once, and
    respects the quota of its control group (Linux, version 2).
    """
    try:
        cpus = os.sched_getaffinity(0)
    except AttributeError:  # only Linux has CPU affinity
        return os.cpu_count() or 1
    cores = {_siblings(cpu) for cpu in cpus}
    quota = _cpu_quota(Path("/sys/fs/cgroup"), _control_group())
    return max(1, len(cores) if quota is None else min(len(cores), round(quota)))


def _siblings(cpu: int) -> str:
    """Return the hardware threads of `cpu`'s core, or `cpu` alone if unknown."""
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    try:
        return path.read_text().strip()
    except OSError:
        return str(cpu)


def _control_group() -> str:
    """Return this process's control group, a path below the hierarchy's root."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return ""
    return next((line[3:].strip("/") for line in lines if line.startswith("0::")), "")


def _cpu_quota(root: Path, group: str) -> float | None:
    """Return the smallest CPU quota from `group` up to `root`, in CPUs; None if unlimited."""
    folder = root / group
    quotas = []
    for level in (folder, *folder.parents):
        try:
            quota, period = (level / "cpu.max").read_text().split()
        except (OSError, ValueError):
            quota, period = "max", "1"
        if quota != "max":
            quotas.append(int(quota) / int(period))
        if level == root:
            break
    return min(quotas, default=None)


@functools.cache
def version() -> str:
    """Return the installed package's version, such as `0.1.0`."""
    from importlib import metadata

    try:
        return metadata.version("siamfc")
    except metadata.PackageNotFoundError:
        return "unknown"


@functools.cache
def commit() -> str | None:
    """Return the code's commit, 12 digits, with `-dirty` if changed since; None if unknown.

    A checkout asks git; a build reads it from a file (see hatch_build.py).
    """
    here = Path(__file__)
    return commit_of_checkout(here.parents[2]) or _commit_of_build(here.with_name("commit.txt"))


def commit_of_checkout(root: Path) -> str | None:
    """Return git's commit for a folder; None without git or if it is not a repository's root."""
    if not (root / ".git").exists():
        return None
    import subprocess

    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        answer = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None


def _commit_of_build(file: Path) -> str | None:
    try:
        return file.read_text().strip()
    except FileNotFoundError:
        return None


def machine() -> dict[str, str | int]:
    """Return the context of a measurement: system, Python, processor and cores."""
    import platform

    return {
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "processor": _processor(),
        "cores": core_count(),
    }


def _processor() -> str:
    import platform

    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or "unknown")
