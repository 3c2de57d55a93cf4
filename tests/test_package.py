"""The package as a whole: its public names, order of imports, and import cost."""

import ast
import inspect
import pydoc
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import siamfc

SOURCE = Path(siamfc.__file__).parent

LAYERS = (
    ("array_types", "drafts", "errors"),
    ("checks", "files"),
    ("parsers",),
    ("boxes", "cropping", "disk", "folder_lock", "overrides", "system", "workers"),
    ("geometry", "frames"),
    ("charts", "network", "datasets"),
    ("annotations",),
    ("tracking", "crops", "procedural", "edits"),
    ("synthetic",),
    ("training",),
    ("evaluation",),
    ("report",),
    ("experiments", "web", "doctor"),
    ("cli",),
)
"""Layers from bottom to top. A package imports from lower layers and itself only."""

RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

SLOW_TO_IMPORT = ("av", "cv2", "matplotlib", "numpy", "onnxruntime", "starlette", "torch")


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_name(path): path for path in sorted(SOURCE.rglob("*.py"))}


def imported_names(path: Path, *, at_start_only: bool = False) -> Iterator[str]:
    """Yield each module that a file imports, anywhere in it or only on its own import."""
    todo: list[ast.AST] = [ast.parse(path.read_text())]
    while todo:
        node = todo.pop()
        if at_start_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if at_start_only and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import; write the module's whole name"
            submodules = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name if name in MODULES else str(node.module) for name in submodules)
        todo.extend(ast.iter_child_nodes(node))


def package_of(module: str) -> str:
    return module.split(".")[1]


def is_ours(module: str) -> bool:
    return module.startswith("siamfc.")


def in_a_package(module: str) -> bool:
    return module not in ("siamfc", "siamfc.__main__")


def test_every_module_is_in_a_known_package() -> None:
    unknown = sorted({package_of(module) for module in MODULES if in_a_package(module)} - set(RANK))
    assert not unknown, f"list them in LAYERS: {unknown}"


def test_imports_go_one_way() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if in_a_package(module)
        for name in imported_names(path)
        if is_ours(name)
        and package_of(name) != package_of(module)
        and RANK[package_of(name)] >= RANK[package_of(module)]
    ]
    assert not wrong, "\n".join(["against the order of the packages:", *wrong])


def test_report_never_runs_a_tracker() -> None:
    wrong = [
        f"{module} imports {name}"
        for module, path in MODULES.items()
        if module.startswith("siamfc.report")
        for name in imported_names(path)
        if is_ours(name) and package_of(name) in ("network", "tracking", "training")
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_imports_itself_in_a_circle() -> None:
    graph = {
        module: {name for name in imported_names(path, at_start_only=True) if name in MODULES}
        for module, path in MODULES.items()
    }
    finished: set[str] = set()

    def visit(module: str, trail: tuple[str, ...]) -> None:
        assert module not in trail, " → ".join([*trail[trail.index(module) :], module])
        if module not in finished:
            for name in sorted(graph[module]):
                visit(name, (*trail, module))
            finished.add(module)

    for module in graph:
        visit(module, ())


@pytest.mark.parametrize(
    ("name", "packages", "reason"),
    [
        ("torchvision", set(RANK), "it would bring another torch"),
        (
            "pickle",
            {"network", "frames", "datasets", "crops", "tracking"},
            "no file is ever unpickled",
        ),
    ],
)
def test_banned_imports(name: str, packages: set[str], reason: str) -> None:
    wrong = [
        module
        for module, path in MODULES.items()
        if in_a_package(module) and package_of(module) in packages
        if any(found.split(".")[0] == name for found in imported_names(path))
    ]
    assert not wrong, f"{name}: {reason}: {wrong}"


def loaded_by(*arguments: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after `python ARGUMENTS`."""
    probe = (
        "import atexit, sys\n"
        "before = set(sys.modules)\n"  # an installation in place may load modules at the start
        "atexit.register(lambda: print('loaded:', *(set(sys.modules) - before)))\n"
    )
    answer = subprocess.run(
        [sys.executable, "-c", probe + "\n".join(arguments)],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(answer.stdout.rpartition("loaded:")[2].split())


def slow_of(modules: set[str]) -> set[str]:
    return modules & set(SLOW_TO_IMPORT)


def test_importing_siamfc_loads_nothing_slow() -> None:
    assert slow_of(loaded_by("import siamfc")) == set()


def test_help_loads_these_modules_and_no_other_package() -> None:
    loaded = loaded_by("from siamfc.cli import main", "main(['--help'])")
    packages = {name.partition(".")[0] for name in loaded}
    assert packages - sys.stdlib_module_names == {"siamfc"}
    assert {name for name in loaded if name.startswith("siamfc")} == {
        "siamfc",
        "siamfc.checks",
        "siamfc.cli",
        "siamfc.cli.app",
        "siamfc.cli.console",
        "siamfc.cli.interrupt",
        "siamfc.cli.usage",
        "siamfc.cli.verbs",
        "siamfc.errors",
        "siamfc.system",
    }


def test_tracking_loads_neither_torch_nor_plots_nor_the_web_server() -> None:
    loaded = loaded_by("import siamfc", "siamfc.track, siamfc.load_matcher, siamfc.open_writer")
    assert not loaded & {"cv2", "matplotlib", "starlette", "torch"}


def test_the_verb_track_waits_with_what_one_video_does_not_need() -> None:
    """Files of boxes, batches, processes, the page and HTTP together take a sixth of the start."""
    loaded = loaded_by("import siamfc.cli.track")
    assert {"siamfc.tracking.both_ways", "siamfc.frames.video"} <= loaded
    needless = {
        "siamfc.annotations",
        "siamfc.cli.batch",
        "siamfc.cli.serve",
        "siamfc.datasets",
        "siamfc.tracking.batch",
        "siamfc.tracking.exports",
        "siamfc.workers",
        "urllib.request",
    }
    assert loaded & needless == set()


def test_a_tracker_starts_without_a_video_library() -> None:
    assert slow_of(loaded_by("import siamfc", "siamfc.Tracker, siamfc.track")) == {"numpy"}


def test_the_probe_sees_what_is_loaded() -> None:
    assert slow_of(loaded_by("import numpy")) == {"numpy"}


def test_public_names_are_these() -> None:
    assert siamfc.__all__ == [
        "BoxMatcher",
        "CheckpointError",
        "DatasetError",
        "EmbeddingSpec",
        "Frame",
        "FrameResult",
        "FrameSource",
        "InputError",
        "LightSettings",
        "Matcher",
        "MissingDependencyError",
        "OutputError",
        "SiamFCError",
        "SiamFCSettings",
        "SourceError",
        "Track",
        "Tracker",
        "__version__",
        "load_matcher",
        "open_source",
        "open_writer",
        "read_image",
        "read_results",
        "track",
    ]
    assert dir(siamfc) == siamfc.__all__


@pytest.mark.parametrize("name", siamfc.__all__)
def test_public_names_can_be_had(name: str) -> None:
    assert getattr(siamfc, name) is not None


@pytest.mark.parametrize("name", sorted({*siamfc.__all__} - {"__version__"}))
def test_help_explains_each_public_name(name: str) -> None:
    """Check the output of `help(siamfc.name)`, or of `siamfc.name?` in a notebook."""
    value = getattr(siamfc, name)
    lines = str(value.__doc__).splitlines()
    assert lines[0].endswith("."), "a summary is a sentence on the first line"
    assert max(map(len, lines)) <= 100
    if callable(value) and not isinstance(value, type):
        parameters = inspect.signature(value).parameters
        missing = [one for one in parameters if not re.search(rf"\b{one}\b", value.__doc__)]
        assert not missing, f"arguments without a word of explanation: {missing}"


def test_help_of_the_package_lists_what_it_offers() -> None:
    text = pydoc.plain(pydoc.render_doc(siamfc))
    assert "siamfc.track(" in text
    for name in ("class Track(", "class Tracker(", "track(source", "open_writer(path"):
        assert name in text


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((SOURCE / "__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    names = {alias.name: str(node.module) for node in imports for alias in node.names}
    homes = {name: f"siamfc.{home}" for name, home in siamfc._PACKAGE_OF.items()}
    assert homes.items() <= names.items()
    assert set(siamfc.__all__) == {*homes, "__version__"}


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trakc'"):
        siamfc.trakc  # noqa: B018  # reading it is the test
