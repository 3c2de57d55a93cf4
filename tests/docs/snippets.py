"""The fenced blocks of the documentation, and how a reader would run them."""

import contextlib
import io
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from siamfc.cli.app import run

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted(DOCS.glob("studies/*.md")))

_FENCE = re.compile(r"^```(\w*)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def name_of(page: Path) -> str:
    """`README.md`, or a page's path in the documentation."""
    return page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT).as_posix()


@dataclass(frozen=True)
class Snippet:
    """One fenced block."""

    page: Path
    line: int
    language: str
    title: str
    text: str

    @property
    def place(self) -> str:
        """Return its place as an editor opens it."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_file(self) -> bool:
        """True if its title names a file whose content it is."""
        return "." in self.title


def snippets(page: Path) -> list[Snippet]:
    """All fenced blocks of a page."""
    text = page.read_text(encoding="utf-8")
    return [
        Snippet(page, text[: found.start()].count("\n") + 1, found[1], found[2] or "", found[3])
        for found in _FENCE.finditer(text)
    ]


def commands(snippet: Snippet) -> list[list[str]]:
    """The words of each command of a shell block; of a console block, what follows `$`."""
    text = snippet.text.replace("\\\n", " ")
    lines = text.splitlines()
    if snippet.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    parts = [part for line in lines for part in line.split("&&")]
    words = [shlex.split(part, comments=True) for part in parts]
    return [_without_folder(line) for line in words if line]


def _without_folder(words: list[str]) -> list[str]:
    return [Path(words[0]).name, *words[1:]] if words[0].startswith(".venv/bin/") else words


def run_command(words: list[str]) -> str:
    """Call siamfc with the words after its name; returns what it printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(words)
    assert status == 0, f"siamfc {shlex.join(words)} ended with {status}: {err.getvalue()}"
    return out.getvalue()


def run_python(snippet: Snippet) -> str:
    """Run a block as a program of its own in the present folder; returns what it printed."""
    out = io.StringIO()
    with importing_from(Path.cwd()), contextlib.redirect_stdout(out):
        exec(compile(snippet.text, snippet.place, "exec"), {"__name__": "__main__"})
    return out.getvalue()


@contextlib.contextmanager
def importing_from(folder: Path) -> Iterator[None]:
    """Let programs import the files beside them, and forget these again."""
    before = set(sys.modules)
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in set(sys.modules) - before:
            if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == folder:
                del sys.modules[name]


@cache
def flags_of(verb: str, *, inner: str = "") -> set[str]:
    """The flags that a verb's help names."""
    words = [verb, inner, "--help"] if inner else [verb, "--help"]
    return set(re.findall(r"--?[a-z][a-z-]*", run_command(words)))
