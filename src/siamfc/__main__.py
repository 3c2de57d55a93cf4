"""`python -m siamfc` is `siamfc`."""

import sys

from siamfc.cli import main

sys.exit(main())
