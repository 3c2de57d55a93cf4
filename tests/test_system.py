import subprocess
from pathlib import Path

import pytest

from siamfc import system


def test_there_is_at_least_one_core_and_no_more_than_the_machine_has() -> None:
    import os

    assert 1 <= system.core_count() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({}, None),
        ({"a/b": "max 100000"}, None),
        ({"a/b": "200000 100000"}, 2.0),
        ({"a/b": "400000 100000", "a": "150000 100000"}, 1.5),  # the parent's is the tighter
        ({"": "50000 100000"}, 0.5),  # a container sees its own group as the root
        ({"a/b": "nonsense"}, None),
    ],
)
def test_cpu_quota_is_the_tightest_up_to_the_root(
    files: dict[str, str], quota: float | None, tmp_path: Path
) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path.parent / "cpu.max").write_text("1 1000")  # above the root: does not count
    for folder, text in files.items():
        (tmp_path / folder / "cpu.max").write_text(text + "\n")
    assert system._cpu_quota(tmp_path, "a/b") == quota


def test_the_commit_of_a_checkout_says_whether_it_was_changed(tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        names = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
        command = ["git", *names, *arguments]
        answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        return answer.stdout.strip()

    assert system.commit_of_checkout(tmp_path) is None
    git("init", "-q")
    (tmp_path / "file").write_text("one")
    git("add", "file")
    git("commit", "-q", "-m", "one")
    digits = git("rev-parse", "HEAD")[:12]
    assert system.commit_of_checkout(tmp_path) == digits
    (tmp_path / "file").write_text("two")
    assert system.commit_of_checkout(tmp_path) == f"{digits}-dirty"


def test_machine_says_what_numbers_were_measured_on() -> None:
    assert set(system.machine()) == {"system", "python", "processor", "cores"}
