"""Entry point of `python -m siamfc`."""

import sys

from siamfc.cli import main

sys.exit(main())
