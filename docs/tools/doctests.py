"""Shows doctests as code, wherever they stand in a docstring; used by mkdocs.yml."""

import re
from typing import Any

import griffe

_DOCTEST = re.compile(r"^>>> .*?(?=\n[ \t]*\n|\Z)", re.MULTILINE | re.DOTALL)
_DIRECTIVE = re.compile(r"  # doctest: .*$", re.MULTILINE)


class FencedDoctests(griffe.Extension):
    """Puts a fence about each doctest; as plain Markdown, `>>>` would be a quotation."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Change the docstring of one module, class, function or attribute; griffe calls this."""
        if obj.docstring is not None:
            obj.docstring.value = fence(obj.docstring.value)


def fence(text: str) -> str:
    r"""A docstring's text with its doctests as blocks of code.

    >>> fence("Adds.\n\n>>> 1 + 1  # doctest: +SKIP\n2")
    'Adds.\n\n```pycon\n>>> 1 + 1\n2\n```'
    """
    return _DOCTEST.sub(lambda found: f"```pycon\n{_DIRECTIVE.sub('', found[0])}\n```", text)
