"""Changes to settings by dotted name, from `name=value` strings and TOML files."""

import types
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, is_dataclass, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from siamfc.checks import is_finite, shown
from siamfc.errors import InputError
from siamfc.parsers import parse_toml, read_text

Settings = TypeVar("Settings")

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_FEW = 30
"""Most names that an error lists."""


def read_toml(path: Path) -> dict[str, Any]:
    """Read settings from a TOML file whose tables are the settings' parts, keyed by dotted name.

    Raises:
        InputError: the file cannot be read or is not TOML.
    """
    text = read_text(path, expected="a file of settings in TOML", error=InputError)
    return flatten(parse_toml(text, where=path, error=InputError))


def read_assignments(texts: Iterable[str]) -> dict[str, Any]:
    """Read settings from `name=value` strings, keyed by dotted name; values are TOML or plain text.

    >>> read_assignments(["optimiser.learning_rate=1e-3", "labels.soft=true", "loss.kind=bce"])
    {'optimiser.learning_rate': 0.001, 'labels.soft': True, 'loss.kind': 'bce'}
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise InputError(f"expected NAME=VALUE, got {shown(text)}")
        try:
            table = parse_toml(f"value = {value.strip()}", where=name.strip(), error=InputError)
            values[name.strip()] = table["value"]
        except InputError:
            values[name.strip()] = value.strip()
    return values


def change(settings: Settings, values: Mapping[str, Any], *, title: str = "recipe") -> Settings:
    """Return settings with some values replaced, by dotted name.

    Each value must have its field's type; `none` clears an optional field. All values are set
    before they are validated together, so their order does not matter. `title` names the whole
    settings in errors.

    Raises:
        InputError: an unknown name (the message names the nearest), a value of another type, or one
            that the settings refuse.
    """
    names = list(flatten(_record(settings)))
    nested: dict[str, Any] = {}
    for name, value in values.items():
        if name not in names:
            raise InputError(_unknown(name, names))
        place = nested
        *parts, last = name.split(".")
        for part in parts:
            place = place.setdefault(part, {})
        place[last] = value
    changed: Settings = _change(settings, nested, "", title)
    return changed


def change_by_file(settings: Settings, path: Path) -> Settings:
    """Return settings with the values of a TOML file.

    Raises:
        InputError: as for `change`; the message names the file.
    """
    values = read_toml(path)
    try:
        return change(settings, values)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def flatten(record: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested mappings into one with dotted names.

    >>> flatten({"a": 1, "b": {"c": 2}})
    {'a': 1, 'b.c': 2}
    """
    flat: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{name}."))
        else:
            flat[f"{prefix}{name}"] = value
    return flat


def _unknown(name: str, names: list[str]) -> str:
    inside = [full for full in names if full.startswith(f"{name}.")]
    if inside:
        return f"{name}: expected one of its fields, such as {inside[0]}"
    # A user may write only the last part of a name: search both forms for the nearest.
    short = {full.rpartition(".")[2]: full for full in reversed(names)}
    near = get_close_matches(name, names, n=1) or [
        short[match] for match in get_close_matches(name.rpartition(".")[2], short, n=1)
    ]
    if near:
        return f"no setting named {name!r}: did you mean {near[0]!r}?"
    few = names if len(names) <= _FEW else get_close_matches(name, names, n=3, cutoff=0.0)
    which = "of" if few is names else "such as"
    return f"no setting named {name!r}: expected one {which} {', '.join(few)}"


def _record(settings: Any) -> dict[str, Any]:
    record: dict[str, Any] = asdict(settings)
    return record


def _change(settings: Any, nested: Mapping[str, Any], prefix: str, title: str) -> Any:
    types_by_name = get_type_hints(type(settings))
    values = {}
    for item in fields(settings):
        if item.name not in nested:
            continue
        name, value, old = prefix + item.name, nested[item.name], getattr(settings, item.name)
        if is_dataclass(old):
            values[item.name] = _change(old, value, f"{name}.", title)
        else:
            values[item.name] = _convert(value, types_by_name[item.name], name)
    try:
        return replace(settings, **values)
    except InputError as error:
        raise InputError(f"{prefix.removesuffix('.') or title}: {error}") from None


def _convert(value: Any, kind: Any, name: str) -> Any:
    """Return `value` as the annotated type; strings and numbers are not converted to each other."""
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if value in ("none", "None"):
            return None
        return _convert(value, next(k for k in get_args(kind) if k is not type(None)), name)
    if origin is Literal:
        if value in get_args(kind):
            return value
        expected = f"one of {', '.join(get_args(kind))}"
    elif origin is tuple:
        parts = get_args(kind)
        if isinstance(value, (list, tuple)) and len(value) == len(parts):
            return tuple(_convert(v, k, name) for v, k in zip(value, parts, strict=True))
        expected = f"[{len(parts)} numbers]"
    else:
        is_bool = isinstance(value, bool)  # which is an int to Python
        if isinstance(value, kind) and is_bool == (kind is bool):
            return value
        if kind is float and isinstance(value, int) and not is_bool and is_finite(value):
            return float(value)
        expected = _KINDS[kind]
    raise InputError(f"{name}: expected {expected}, got {shown(value)}")
