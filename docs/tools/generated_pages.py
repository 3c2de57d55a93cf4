"""Pages that MkDocs builds from what the package itself says: verbs, weights, the notebook.

And the page that tracks in the browser.
"""

import json
import logging
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

from cyclopts import App
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from siamfc.cli.verbs import VERBS
from siamfc.network import Weights, available_weights
from siamfc.network.export import card_tables

sys.path.insert(0, str(Path(__file__).parent))

from browser_page import assemble

NOTEBOOK = "notebooks/track_a_video.ipynb"
"""Path in the folder docs."""

_LOGGER = logging.getLogger("mkdocs.hooks.browser_page")

_ABOUT_VERBS = (
    "`siamfc VERB --help` prints the same in the terminal. `--json`, where there is one, prints "
    "one JSON object on standard output and nothing else there; progress goes to standard error. "
    "The exit status is 0 on success, 1 for an error, which is named in one line, 2 for a command "
    "line that cannot be parsed, and 130 after Ctrl-C."
)
_ABOUT_WEIGHTS = (
    "`siamfc models` lists them; `--weights NAME` takes one, `--weights PATH` any other folder or "
    "checkpoint. Each card is part of the weights' own files."
)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to those on disk; MkDocs calls this by name."""
    notebook = Path(config.docs_dir, NOTEBOOK)
    pages = {
        "command_line.md": command_line(),
        "weights.md": weights_cards(available_weights()),
        "notebook.md": notebook_page(json.loads(notebook.read_text(encoding="utf-8"))),
    }
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    for name, data in browser_page().items():
        files.append(File.generated(config, f"try/{name}", content=data))
    return files


def browser_page() -> dict[str, bytes]:
    """The files of the page that tracks, by their paths; without npm's files it can't track."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if not assemble(folder):
            _LOGGER.info("try/index.html cannot track: npm ci --prefix js --ignore-scripts")
        paths = [path for path in folder.rglob("*") if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def command_line() -> str:
    """Every verb with its arguments, under the headings of `siamfc --help`."""
    parts = [
        "# The command line",
        _ABOUT_VERBS,
    ]
    for group, verbs in groupby(VERBS, key=lambda verb: verb.group):
        parts.append(f"## {group}")
        parts += [verb_help(verb.name) for verb in verbs]
    return "\n\n".join(parts) + "\n"


def verb_help(name: str) -> str:
    """One verb, and the verbs beneath it, as cyclopts writes it."""
    app = App(name="siamfc", help_format="markdown")
    app.command(getattr(import_module(f"siamfc.cli.{name}"), name), name=name)
    text = app.generate_docs(output_format="markdown")
    _, found, rest = text.partition(f"\n## siamfc {name}\n")
    if not found:
        raise ValueError(f"{name}: expected a heading of the verb in cyclopts' text")
    return (found + rest).strip().replace("\n### ", "\n#### ").replace("## siamfc", "### siamfc", 1)


def weights_cards(weights: list[Weights]) -> str:
    """A card for each set of weights, from what its file says about it."""
    parts = [
        "# The weights that ship",
        _ABOUT_WEIGHTS,
    ]
    return "\n\n".join([*parts, *("\n".join(_card(one)) for one in weights)]) + "\n"


def _card(weights: Weights) -> Iterator[str]:
    metadata = weights.metadata
    yield f"## {weights.name}"
    yield f"\n{metadata.card.get('description', '')}\n"
    yield f"{weights.byte_count / 1e6:.1f} MB: {_files(weights.folder)}\n"
    yield card_tables(metadata)


def _files(folder: Path) -> str:
    return ", ".join(path.name for path in sorted(folder.iterdir()))


def notebook_page(notebook: Mapping[str, Any]) -> str:
    """The cells of a notebook, its code as blocks; results are left to whoever runs it."""
    cells = [
        "".join(cell["source"])
        if cell["cell_type"] == "markdown"
        else f"```python\n{''.join(cell['source'])}\n```"
        for cell in notebook["cells"]
    ]
    note = (
        f"This page is the notebook [{Path(NOTEBOOK).name}]({NOTEBOOK}); download it to run it: "
        "beside siamfc it needs `pip install matplotlib jupyterlab`."
    )
    return "\n\n".join([cells[0], note, *cells[1:]]) + "\n"
