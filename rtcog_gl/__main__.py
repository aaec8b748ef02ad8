"""``python -m rtcog_gl``: the same as ``rtcog-gl``."""

import sys

from rtcog_gl.cli import main

if __name__ == "__main__":
    sys.exit(main())
