"""`siamfc datasets`."""

from dataclasses import fields
from typing import Any

from siamfc.cli.console import print_json
from siamfc.cli.parameters import Json
from siamfc.datasets.readers import FORMATS, Format, find_format


def datasets(name: str | None = None, /, *, json: Json = False) -> int:
    """List the data sets that can be read.

    Shows each layout, its box convention and its homepage.

    Parameters
    ----------
    name
        Show only this one.
    """
    formats = [find_format(name)] if name else list(FORMATS.values())
    if json:
        print_json({"datasets": [_entry(one) for one in formats]})
        return 0
    for number, one in enumerate(formats):
        if number:
            print()
        print(f"{one.name}: {one.title}")
        for path in one.tree:
            print(f"    {path}")
        for heading, text in _facts(one):
            print(f"  {heading:10}{text}")
    return 0


def _facts(one: Format) -> list[tuple[str, str]]:
    splits = ", ".join(
        f"{split} (evaluated)" if split == one.evaluated else split for split in one.splits
    )
    facts = [
        ("boxes", one.boxes),
        ("missing", one.missing),
        ("splits", splits),
        ("source", one.source),
        ("homepage", one.homepage),
    ]
    return [(heading, text) for heading, text in facts if text]


def _entry(one: Format) -> dict[str, Any]:
    return {item.name: getattr(one, item.name) for item in fields(one) if item.name != "read"}
