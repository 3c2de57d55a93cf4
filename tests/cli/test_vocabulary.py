"""One vocabulary: the command line, Python and files use the same names."""

import inspect
from collections.abc import Mapping
from dataclasses import fields
from importlib import import_module
from typing import Any, get_args

import numpy as np
import pytest
from cyclopts import App

import siamfc
from siamfc.cli.tracker_options import SearchOptions
from siamfc.cli.verbs import VERBS
from siamfc.network.loader import available_weights
from siamfc.tracking import Status, settings_for_weights
from siamfc.tracking.exemplar_update import UpdateName, update_by_name
from siamfc.tracking.results import COLUMNS, FrameResult

OURS = ("track", "evaluate", "serve", "compare", "trax")
"""Verbs that run siamfc's tracker."""


def flags(verb: str) -> dict[str, tuple[str, ...]]:
    """All names of each parameter of a verb, by its first."""
    app = App(name=verb)
    app.default(getattr(import_module(f"siamfc.cli.{verb}"), verb))
    collected = app.assemble_argument_collection()
    return {argument.names[0]: argument.names for argument in collected if argument.names}


def parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    return inspect.signature(function).parameters


@pytest.mark.parametrize("verb", OURS)
def test_verbs_take_the_arguments_of_python(verb: str) -> None:
    python = {*parameters(siamfc.track)} & {"weights", "device", "threads"}
    python |= {*parameters(settings_for_weights)} - {"weights"}
    assert len(python) == 6
    names = {name for every in flags(verb).values() for name in every}
    assert {f"--{name.replace('_', '-')}" for name in python} | {"--set"} <= names


@pytest.mark.parametrize("function", [siamfc.Tracker.from_pretrained, siamfc.track])
def test_python_names_weights_device_and_threads_everywhere(function: Any) -> None:
    assert {"weights", "device", "threads", "settings", "color"} <= {*parameters(function)}
    assert parameters(function)["weights"].default == "default"


def test_choices_of_update_are_the_librarys() -> None:
    (given,) = (one.type for one in fields(SearchOptions) if one.name == "update")
    choices = {name for part in get_args(given) for name in get_args(part)}
    assert choices == {*get_args(UpdateName)}
    for name in choices:
        update_by_name(name)


def test_whatever_a_verb_writes_is_o() -> None:
    out = {verb.name: flags(verb.name)["--out"] for verb in VERBS if _has_out(verb.name)}
    assert {"track", "demo", "compare", "evaluate", "train", "report", "export"} <= {*out}
    assert {verb: names for verb, names in out.items() if "-o" not in names} == {}


def _has_out(verb: str) -> bool:
    function = getattr(import_module(f"siamfc.cli.{verb}"), verb)
    return not isinstance(function, App) and "--out" in flags(verb)


def test_weights_go_by_their_folders_names() -> None:
    for weights in available_weights():
        assert settings_for_weights(weights.name) == settings_for_weights(weights.folder)


def test_results_have_one_name_in_python_and_in_files() -> None:
    """A csv row names what one target's result has; a line of jsonl what all of them have."""
    result = FrameResult(3, 0.1, np.ones((1, 4)), np.ones(1), np.array([True]), (Status.LOST,))
    (row,), record = result.to_rows(), result.to_dict()
    assert tuple(row) == COLUMNS
    for name in ("score", "lost", "status"):
        assert row[name] == getattr(result, name)
    assert [row[name] for name in "xywh"] == result.box.tolist()
    assert record["lost"] == result.lost_flags.tolist()  # type: ignore[union-attr]
    assert record["status"] == list(result.statuses)
    assert set(record) == {
        "frame",
        "time",
        "boxes",
        "scores",
        "lost",
        "status",
        "agreement",
        "names",
    }
