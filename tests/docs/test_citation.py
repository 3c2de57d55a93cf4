"""CITATION.cff says what the package and README say."""

from importlib import metadata

import pytest
from snippets import ROOT

yaml = pytest.importorskip("yaml")

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))


def test_it_has_what_the_format_demands() -> None:
    assert CITATION["cff-version"] == "1.2.0"
    assert {"message", "title", "authors"} <= set(CITATION)
    paper = CITATION["preferred-citation"]
    assert {"type", "title", "authors"} <= set(paper)
    assert all({"family-names", "given-names"} == set(author) for author in paper["authors"])


def test_version_and_licence_are_the_packages() -> None:
    package = metadata.metadata("siamfc")
    assert str(CITATION["version"]) == package["Version"]
    assert CITATION["license"] == package["License-Expression"]


def test_the_paper_is_the_one_that_readme_cites() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    paper = CITATION["preferred-citation"]
    assert f"title     = {{{paper['title']}}}" in readme
    for author in paper["authors"]:
        assert f"{author['family-names']}, {author['given-names']}" in readme
    assert f"{paper['start']}--{paper['end']}" in readme
