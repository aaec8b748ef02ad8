"""``rtcog-gl``: arguments to a session, a window, or a tool; nothing else."""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence

from rtcog_gl import __version__
from rtcog_gl.model import options as window_options
from rtcog_gl.session import synthetic

DESCRIPTION = "A GPU real-time viewer for rtcog sessions."
EPILOG = "'rtcog-gl COMMAND --help' says more of each."


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    top = argparse.ArgumentParser(prog="rtcog-gl", description=DESCRIPTION, epilog=EPILOG)
    top.add_argument("--version", action="version", version=f"rtcog-gl {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    demo = commands.add_parser("demo", help="show a synthetic session, or a real 4-D run played as a session")
    synthetic.add_flags(demo)
    window_options.add_flags(demo)
    commands.add_parser(
        "run", add_help=False, help="rtcog itself with this viewer: 'rtcog-gl run ARGS...' for 'rtcog ARGS...'"
    )
    commands.add_parser("run-min", add_help=False, help="rtcog_min, whose report at the end is then this package's")
    doctor = commands.add_parser("doctor", help="check whether this machine can show a session, and what to do if not")
    doctor.add_argument("--json", action="store_true", help="print the findings as JSON")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["window"]:
        from rtcog_gl.window.app import main as show

        return show(words[1:])
    if words[:1] in (["run"], ["run-min"]):
        # Not through the parser: what follows is rtcog's, untouched.
        from rtcog_gl.run import main as run_rtcog

        return run_rtcog(words[0], words[1:])
    args = parser().parse_args(words)
    verbose = getattr(args, "verbose", False)
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, format="rtcog-gl: %(message)s")
    if args.command == "doctor":
        from rtcog_gl.doctor import main as examine

        return examine(as_json=args.json)
    from rtcog_gl.demo import run

    return run(args)


if __name__ == "__main__":
    sys.exit(main())
