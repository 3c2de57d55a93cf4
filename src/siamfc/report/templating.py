"""Fills in the templates of the pages: each page is one file that needs no network."""

from datetime import UTC, datetime
from pathlib import Path

from siamfc.errors import MissingDependencyError
from siamfc.frames.draw import PALETTE
from siamfc.report.colors import DARK, LIGHT, css, dashes, series_color
from siamfc.system import commit, version

_BASE = Path(__file__).parent / "templates"


def require_jinja() -> None:
    """Say before the work that no page can be made.

    Raises:
        MissingDependencyError: jinja2 isn't installed.
    """
    try:
        import jinja2  # noqa: F401
    except ImportError:
        raise MissingDependencyError(
            "a report needs jinja2, which isn't installed: pip install 'siamfc[eval]'"
        ) from None


def render_template(template: Path, **values: object) -> str:
    """Fill in a template, which may extend `base.html`; every value is escaped.

    Besides the values it finds `colors`, those of the trackers on either ground; `dashes`; and
    `made` and `made_by`, the day and the program.

    Raises:
        MissingDependencyError: jinja2 isn't installed.
    """
    require_jinja()
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader((template.parent, _BASE)),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        colors={
            name: [css(series_color(index, ground)) for index in range(len(PALETTE))]
            for name, ground in (("light", LIGHT), ("dark", DARK))
        },
        dashes=dashes,
        made=datetime.now(UTC).strftime("%Y-%m-%d"),
        made_by=f"siamfc {version()}" + (f" ({known})" if (known := commit()) else ""),
    )
    return environment.get_template(template.name).render(**values)
