"""A stand-in for another interpreter: this one, in which something is computed otherwise.

standin.py rounding|changed -m repro ...
"""

import sys
from unittest.mock import patch

from drift.changes import CHANGES, FIT, patched

from repro.cli import main

NAMES = {"rounding": "the loss one after the other", "changed": "a leaky relu"}

if __name__ == "__main__":
    what, _, _, *words = sys.argv[1:]
    change = next(c for c in CHANGES if c.name == NAMES[what] and c.where == FIT)
    with patched(change.patches), patch.object(sys, "argv", ["repro", *words]):
        main()
