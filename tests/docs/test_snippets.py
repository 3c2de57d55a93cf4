"""Every command and program in README and in the documentation, run as its reader would run it."""

import re
import shlex
from pathlib import Path

import pytest
from materials import judge_briefly, prepare
from not_typed import NOT_RUN, NOT_RUN_PYTHON, SHORTER
from snippets import (
    PAGES,
    ROOT,
    Snippet,
    commands,
    flags_of,
    name_of,
    run_command,
    run_python,
    snippets,
)

from siamfc.cli.verbs import VERBS

SHELL = ("sh", "console")
SHOWN_ONLY = ("bash", "bibtex", "cpp", "ini", "js", "rust", "text", "toml")
"""Not run here: scripts, files, results; test_deploy.py runs cpp, js and rust."""
NO_BOX = "siamfc track (without a box)"
SLOW_PAGES = ("fine_tuning.md", "training.md")

ALL = [snippet for page in PAGES for snippet in snippets(page)]
RUNNABLE = [
    page for page in PAGES if any(one.language in (*SHELL, "python") for one in snippets(page))
]


def reason_not_to_run(words: list[str]) -> str | None:
    """The beginning in NOT_RUN that a command has."""
    line = shlex.join(words).replace("'", "")
    if words[:2] == ["siamfc", "track"] and "--box" not in words:
        return NO_BOX
    return next((start for start in NOT_RUN if line.startswith(start)), None)


def reason_not_to_run_python(snippet: Snippet) -> str | None:
    return next((part for part in NOT_RUN_PYTHON if part in snippet.text), None)


def page_parameters() -> list[object]:
    marks = {name: [pytest.mark.slow] for name in SLOW_PAGES}
    return [
        pytest.param(page, id=name_of(page), marks=marks.get(name_of(page), []))
        for page in RUNNABLE
    ]


@pytest.mark.parametrize("page", page_parameters())
def test_what_a_page_says_can_be_typed_from_top_to_bottom(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    prepare(page, tmp_path)
    if name_of(page) in SLOW_PAGES:
        judge_briefly(monkeypatch)
    blocks = snippets(page)
    for block in blocks:
        if block.is_file:
            Path(block.title).write_text(block.text, encoding="utf-8")
    for block, following in zip(blocks, [*blocks[1:], None], strict=True):
        try:
            type_in(block, following)
        except BaseException as error:
            error.add_note(f"in {block.place}")
            raise


def type_in(block: Snippet, following: Snippet | None) -> None:
    if block.language in SHELL:
        for words in commands(block):
            if reason_not_to_run(words) is None:
                assert words[0] == "siamfc", f"say in not_typed.py why not to run {words}"
                run_command(shortened(words)[1:])
    is_program = block.language == "python" and not block.is_file
    if is_program and reason_not_to_run_python(block) is None:
        printed = run_python(block)
        if following is not None and following.language == "text":
            assert printed.split() == following.text.split()


def shortened(words: list[str]) -> list[str]:
    """The words with those of SHORTER; a flag other than --set takes the place of its like."""
    more = next((new for start, new in SHORTER.items() if shlex.join(words).startswith(start)), [])
    if more and more[0] in words:
        at = words.index(more[0])
        return [*words[:at], *words[at + 2 :], *more] if more[0] != "--set" else [*words, *more]
    return [*words, *more]


SIAMFC_COMMANDS = [
    pytest.param(words, id=f"{one.place} {shlex.join(words)}")
    for one in ALL
    if one.language in (*SHELL, "bash")
    for words in commands(one)
    if words[0] == "siamfc"
]


@pytest.mark.parametrize("words", SIAMFC_COMMANDS)
def test_every_command_has_a_verb_and_flags_that_exist(words: list[str]) -> None:
    assert words[1] in {verb.name for verb in VERBS}
    known = flags_of(words[1], inner=words[2] if words[1] == "synth" else "")
    assert {word for word in words if re.match(r"--?[a-z]", word)} <= known


def test_every_exception_is_needed() -> None:
    typed = [words for one in ALL if one.language in SHELL for words in commands(one)]
    used = {reason_not_to_run(words) for words in typed}
    used_python = {reason_not_to_run_python(one) for one in ALL if one.language == "python"}
    assert set(NOT_RUN) <= used, "no page says this any more"
    assert set(NOT_RUN_PYTHON) <= used_python, "no page says this any more"


def test_blocks_name_a_language_that_is_known() -> None:
    unknown = [one.place for one in ALL if one.language not in (*SHELL, *SHOWN_ONLY, "python")]
    assert not unknown


def test_extras_that_pages_install_exist() -> None:
    texts = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    named = {
        extra for group in re.findall(r"'\.\[([\w,]+)\]'", texts) for extra in group.split(",")
    }
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert {"train", "eval"} <= named
    assert [extra for extra in sorted(named) if f"\n{extra} = [" not in project] == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_flags_and_scripts_that_a_page_names_exist(page: Path) -> None:
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
    inline = " ".join(re.findall(r"`([^`\n]+)`", text))
    ours = {flag for verb in VERBS for flag in flags_of_all(verb.name)}
    foreign = {"--help", "--requeue", "--strict", "--version"}
    scripts = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("benchmarks/**/*.py"))
    foreign |= set(re.findall(r'add_argument\("(--[a-z-]+)"', scripts))
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", inline)) <= ours | foreign
    files = re.findall(r"\b(?:src|tests|benchmarks|docs)/[\w/.-]+\.\w+", inline)
    assert [name for name in files if not (ROOT / name).exists()] == []


def flags_of_all(verb: str) -> set[str]:
    inner = ("clip", "dataset", "video") if verb == "synth" else ("",)
    return set().union(*(flags_of(verb, inner=one) for one in inner))


def test_links_of_readme_lead_to_files_that_exist() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
