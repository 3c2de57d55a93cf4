"""Marks options in inline code such as `--search-again`: no line breaks at their hyphens."""

import re
from typing import Any

_INLINE_CODE = re.compile(r"<code>[^<]*</code>")  # a block of code contains elements
_OPTION = re.compile(r"(?<![\w-])--?[a-z][a-z-]*")


def on_page_content(html: str, **_: Any) -> str:
    """Put each option of a page into an element; MkDocs calls this by name.

    >>> on_page_content("<p><code>siamfc serve --no-browser</code></p>")
    '<p><code>siamfc serve <span class="option">--no-browser</span></code></p>'
    """
    return _INLINE_CODE.sub(
        lambda code: _OPTION.sub(r'<span class="option">\g<0></span>', code[0]), html
    )
