"""Size of the code, package by package, and the files that one frame of a video passes through.

    python benchmarks/structure.py [--json]

Counts the package that `import siamfc` finds, so an older checkout is measured with
`PYTHONPATH=CHECKOUT/src`. Lines of code are those that hold a token other than a comment or a
docstring. A module's importers are the other modules of the package that import it, anywhere in
the file. The last table follows one `Tracker.update` of each network with a profiler's hook.
"""

import argparse
import ast
import io
import json
import sys
import tokenize
from collections import defaultdict
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np

import siamfc

SOURCE = Path(siamfc.__file__).parent
_LAYOUT = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT}


def module_name(path: Path) -> str:
    """Dotted name of a file of the package."""
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def docstring_lines(tree: ast.AST) -> set[int]:
    """Lines of docstrings, those under fields included."""
    lines: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str):
            lines.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return lines


def code_lines(text: str) -> set[int]:
    """Lines that hold a token other than a comment."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in _LAYOUT and token.type != tokenize.ENDMARKER:
            lines.update(range(token.start[0], token.end[0] + 1))
    return lines


def imports(tree: ast.AST, modules: set[str]) -> set[str]:
    """The package's modules that a file imports, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(names & modules or {node.module})
    return found & modules


def measure_files() -> dict[str, Any]:
    """Count files and lines by package; name what is longest and what has one importer."""
    paths = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}
    packages: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(_COLUMNS, 0))
    importers: dict[str, set[str]] = defaultdict(set)
    lengths, functions = [], []
    for name, path in paths.items():
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        docs = docstring_lines(tree)
        parts = name.split(".")
        row = packages[parts[1] if len(parts) > 1 and path.parent != SOURCE else "(top)"]
        row["files"] += 1
        row["code"] += len(code_lines(text) - docs)
        row["docstrings"] += len(docs)
        lengths.append((len(text.splitlines()), name))
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                functions.append((length, f"{name}.{node.name}"))
        for other in imports(tree, set(paths)) - {name}:
            importers[other].add(name)
    return {
        "packages": dict(sorted(packages.items())),
        "longest_file": max(lengths),
        "median_file": int(np.median([length for length, _ in lengths])),
        "longest_function": max(functions),
        "median_function": int(np.median([length for length, _ in functions])),
        "one_importer": sum(len(who) == 1 for who in importers.values()),
    }


def files_of_a_frame(weights: str) -> list[str]:
    """The package's files in which a function runs while a tracker is updated once."""
    tracker = siamfc.Tracker.from_pretrained(weights, device="cpu")
    image = np.random.default_rng(0).integers(0, 255, (240, 320, 3)).astype(np.uint8)
    tracker.init(image, (120, 80, 60, 40))
    tracker.update(image)
    files: set[str] = set()

    def hook(frame: FrameType, _event: str, _argument: object) -> None:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(SOURCE):
            files.add(str(path.relative_to(SOURCE)))

    sys.setprofile(hook)
    try:
        tracker.update(image)
    finally:
        sys.setprofile(None)
    return sorted(files)


_COLUMNS = ("files", "code", "docstrings")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    result = measure_files()
    result["frame"] = {name: files_of_a_frame(name) for name in ("light", "siamfc")}
    if options.json:
        print(json.dumps(result, indent=2))
        return
    rows = result["packages"]
    rows["all"] = {column: sum(row[column] for row in rows.values()) for column in _COLUMNS}
    print(f"{'package':14}" + "".join(f"{column:>12}" for column in _COLUMNS))
    for name, row in rows.items():
        print(f"{name:14}" + "".join(f"{row[column]:12}" for column in _COLUMNS))
    for name in ("longest_file", "longest_function"):
        length, where = result[name]
        print(f"{name.replace('_', ' ')}: {length} lines, {where}")
    print(f"median file: {result['median_file']} lines; function: {result['median_function']}")
    print(f"modules with one importer: {result['one_importer']}")
    for name, files in result["frame"].items():
        print(f"one frame of {name} passes through {len(files)} files: {', '.join(files)}")


if __name__ == "__main__":
    main()
