"""Page templates: each page is one file that needs no network."""

from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from siamfc.charts.colors import DARK, LIGHT, css, dashes, series_color
from siamfc.errors import MissingDependencyError, install_command
from siamfc.frames.draw import PALETTE
from siamfc.system import commit, version

_BASE = Path(__file__).parent / "templates"


def require_jinja() -> None:
    """Check, before any work, that pages can be rendered.

    Raises:
        MissingDependencyError: jinja2 is not installed.
    """
    try:
        import_module("jinja2")
    except ImportError:
        raise MissingDependencyError(f"a report needs jinja2: {install_command('eval')}") from None


def signed(value: float, digits: int = 2) -> str:
    """Format a number with its sign and a number of decimals; zero after rounding has no sign.

    >>> signed(0.126), signed(-1.5), signed(-0.001), signed(-0.0004, 3)
    ('+0.13', '−1.50', '0.00', '0.000')
    """
    zero = f"{0:.{digits}f}"
    text = f"{value:+.{digits}f}"
    return zero if text[1:] == zero else text.replace("-", "−")


def render_template(template: Path, **values: object) -> str:
    """Render a template, which may extend `base.html`; every value is escaped.

    Further names are available to it: `colors`, the trackers' colours on a light and a dark
    background; `dashes`; and `made` and `made_by`, the date and the program.

    Raises:
        MissingDependencyError: jinja2 is not installed.
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
    environment.filters["signed"] = signed
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
