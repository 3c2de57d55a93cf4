"""The documentation's drawings are what `docs/tools/drawings.py` draws today."""

import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize("name", ["track", "light", "learn", "squares", "response", "key_frames"])
def test_a_drawing_is_up_to_date(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(DOCS / "tools")
    monkeypatch.delitem(sys.modules, "drawings", raising=False)
    import drawings

    drawn, kept = getattr(drawings, name)(), (DOCS / "pictures" / f"{name}.svg").read_text("utf-8")
    assert _without_photographs(drawn).strip() == _without_photographs(kept).strip()


def _without_photographs(drawing: str) -> str:
    """Leave out what is in the embedded pictures: it may differ in rounding between machines."""
    return re.sub(r'(data:image/\w+;base64,)[^"]+', r"\1", drawing)
