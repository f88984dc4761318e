"""`python -m costgate` and the console script: run a command, turn what went wrong into a message and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code (0, 1 verdict, 2 bad input, 3 the world failed, 4 a bug, 130 interrupted)."""
    # A run is short and keeps most of what it makes: looking for garbage at Python's usual pace is a tenth of its time.
    gc.set_threshold(200_000, 20, 20)
    from costgate.cli import run

    return run(sys.argv[1:] if argv is None else list(argv), os.environ)


if __name__ == "__main__":
    sys.exit(main())
