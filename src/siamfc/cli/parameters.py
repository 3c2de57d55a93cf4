"""Parameters that several verbs take, said once."""

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

Flag = Annotated[bool, Parameter(negative=(), show_default=False)]
"""A switch: off unless named, without a `--no-…` twin."""

Device = Literal["auto", "cpu", "cuda"]
"""Where the network runs; `auto` takes the GPU where torch can use one."""

Update = Literal["none", "previous", "average", "sure", "both"]
"""What of later frames is searched for; see `siamfc.tracking.updating`."""

Source = str | Path
"""What is tracked through. It is parsed as text, for a URL is no path; by the mention of `Path`
shells complete file names."""
