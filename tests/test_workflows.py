"""The workflows, the metadata and the README name the same Pythons and commands."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

pytestmark = pytest.mark.skipif(not WORKFLOWS, reason="an sdist has no workflows")
yaml = pytest.importorskip("yaml")


def jobs(name: str) -> dict[str, Any]:
    (path,) = [path for path in WORKFLOWS if path.stem == name]
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]
    return found


def commands(job: dict[str, Any]) -> list[str]:
    return [step["run"] for step in job["steps"] if "run" in step]


@pytest.mark.parametrize("job", ["tests", "wheel"])
def test_all_pythons_that_the_metadata_names_are_tried(job: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = [re.fullmatch(r".* :: (3\.\d+)", line) for line in project["classifiers"]]
    versions = [match[1] for match in named if match]
    tried = jobs("tests")[job]["strategy"]["matrix"]["python"]
    may_fail = str(jobs("tests")[job].get("continue-on-error", ""))
    assert [version for version in tried if f"'{version}'" not in may_fail] == versions
    assert project["requires-python"] == f">={versions[0]}"


def test_the_tests_are_run_as_readme_says() -> None:
    install, test = commands(jobs("tests")["tests"])
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (line,) = [line for line in readme.splitlines() if line.endswith("-m pytest")]
    for command in (install, test):
        words = command.removeprefix("python -m ").replace('"', "'")
        assert words in line


def test_nothing_is_published_that_was_not_tested_built_and_checked() -> None:
    release = jobs("release")
    assert release["publish"]["needs"] == "build"
    assert release["build"]["needs"] == "tests"
    assert release["tests"]["uses"] == "./.github/workflows/tests.yml"
    assert "python -m twine check --strict dist/*" in commands(release["build"])


def test_only_publishing_may_do_more_than_read() -> None:
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow["permissions"] == {"contents": "read"}
        rights = {name: job.get("permissions") for name, job in workflow["jobs"].items()}
        assert {name for name, right in rights.items() if right} <= {"publish"}
