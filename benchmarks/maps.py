"""Measures what the voxel map promises, and prints one JSON object; progress goes to the standard error.

    xvfb-run -a -s "-screen 0 1920x1080x24" python benchmarks/maps.py --quick

Without DISPLAY it starts a virtual display (Xvfb) by itself. What is measured:

hits       from a hit's write to its finished pixels, at 35 thousand, 235 thousand and 1.9 million voxels; the
           producer's own writes with the viewer and without; the window's memory and its growth (map_hits.py)
crosshair  pictures a second while the crosshair is dragged (map_frames.py)
peer       one hit's picture beside nilearn's `plot_stat_map` (peers_map.py); needs nilearn and matplotlib
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
XVFB = ("xvfb-run", "-a", "-s", "-screen 0 1920x1080x24")
PARTS = ("hits", "crosshair", "peer")


def say(words: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


def alone(script: str, n: int) -> dict[str, Any]:
    """Run a script in a process of its own, which has a window; return what it prints."""
    say(f"{script}: {n} pictures each")
    done = subprocess.run([sys.executable, str(HERE / script), str(n)], check=True, stdout=subprocess.PIPE, text=True)
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def hits(args: argparse.Namespace) -> dict[str, Any]:
    import map_hits

    from rtcog_gl.session.synthetic.brains import mni_anatomy_path

    anat = mni_anatomy_path() if args.anat else None
    return map_hits.measure(map_hits.Scale(args.hits, args.starts), anat, say)


def measure(args: argparse.Namespace) -> dict[str, Any]:
    import machine

    began, load, loop = time.monotonic(), machine.load(), machine.loop_ms()
    figures: dict[str, Any] = {}
    if "hits" in args.parts:
        figures["hits"] = hits(args)
    if "crosshair" in args.parts:
        figures["crosshair"] = alone("map_frames.py", args.pictures)
    if "peer" in args.parts:
        figures["peer"] = alone("peers_map.py", max(4, args.pictures // 5))
    return {
        "machine": machine.facts(_renderer()),
        "load_average": {"before": load, "after": machine.load()},
        "python_loop_ms": {"before": loop, "after": machine.loop_ms()},
        "seconds": round(time.monotonic() - began, 1),
        "setting": {"size": (1920, 1080), "vsync": False, "TRs": 300, "anatomy": args.anat},
        "figures": figures,
        "missed": missed(figures),
    }


def _renderer() -> str:
    code = (
        "from rtcog_gl.model.options import WindowOptions; from rtcog_gl.window.canvas import Window; "
        "from rtcog_gl.gpu.renderer import renderer_name; w = Window('b', WindowOptions()); print(renderer_name())"
    )
    return subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def missed(figures: Any, where: str = "") -> list[str]:
    """Return the names of all figures that miss their target."""
    if not isinstance(figures, dict):
        return []
    if figures.get("met") is False:
        return [f"{where}: {figures['value']}, expected {figures['target']}"]
    return [
        line for name, part in figures.items() for line in missed(part, f"{where} / {name}" if where else str(name))
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    how_long = parser.add_mutually_exclusive_group()
    how_long.add_argument("--quick", action="store_true", help="few hits and pictures, about three minutes (default)")
    how_long.add_argument("--full", action="store_true", help="40 hits a session, and more of everything")
    parser.add_argument("--no-anat", dest="anat", action="store_false", help="no anatomy under the map (hits only)")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS), help="measure these alone")
    parser.add_argument("--hits", type=int, help="hits of a session (quick: 12, full: 40)")
    args = parser.parse_args()
    args.hits = args.hits or (40 if args.full else 12)
    args.starts, args.pictures = (4, 200) if args.full else (1, 40)
    if sys.platform.startswith("linux") and not os.environ.get("DISPLAY"):
        if shutil.which(XVFB[0]) is None:
            parser.error("DISPLAY is empty and xvfb-run is not there, expected one of them (apt install xvfb)")
        os.environ.pop("WAYLAND_DISPLAY", None)
        os.environ["PYGLFW_LIBRARY_VARIANT"] = "x11"
        os.execvp(XVFB[0], [*XVFB, sys.executable, *sys.argv])
    print(json.dumps(measure(args), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
