"""Requirements of the package, and advice on installing them."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))

_BOUND = re.compile(r"([\w-]+)>=([\w.]+)")


def lower_bounds() -> dict[str, str]:
    """Requirements of users and of the tests."""
    extras = PROJECT["optional-dependencies"]
    tools = [one for one in extras["dev"] if one.startswith(("pytest", "hypothesis", "onnx"))]
    used = [*PROJECT["dependencies"], *extras["train"], *extras["eval"], *extras["cluster"], *tools]
    return {match[1]: match[2] for one in used if (match := _BOUND.match(one))}


def test_the_lowest_versions_that_are_tested_are_the_lower_bounds() -> None:
    lines = (ROOT / "constraints-lowest.txt").read_text().splitlines()
    pinned = dict(line.split("==") for line in lines if not line.startswith("#"))
    assert pinned == lower_bounds()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_by_commit(path: Path) -> None:
    used = re.findall(r"uses: (\S+)(.*)", path.read_text())
    assert used
    for action, comment in used:
        if not action.startswith("./"):
            assert re.search(r"@[0-9a-f]{40}$", action), f"{action}: a tag can be moved"
            assert re.fullmatch(r" # v[\d.]+", comment), f"{action}: say which version it is"


def test_each_python_of_the_classifiers_is_tested() -> None:
    pythons = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    for line in re.findall(r"python: (\[.*\])", (WORKFLOWS[-1]).read_text()):
        assert set(pythons) <= set(re.findall(r"3\.\d+", line))


def said() -> list[Path]:
    """Files with installation commands."""
    docs = [path for kind in ("md", "py", "ipynb") for path in (ROOT / "docs").rglob(f"*.{kind}")]
    return [*(ROOT / "src").rglob("*.py"), *docs, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def test_nobody_is_told_to_install_a_name_that_is_not_published() -> None:
    """Otherwise anyone who registers the name could have their package installed."""
    wrong = re.compile(r"pip install[^\n`\"&]*\bsiamfc(\[|\b(?!/))", re.MULTILINE)
    found = {
        str(path.relative_to(ROOT)): match[0]
        for path in said()
        if (match := wrong.search(path.read_text().replace("source folder of siamfc", "")))
    }
    assert not found
