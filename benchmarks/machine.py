"""What the figures were measured on, and exact clocks of what other processes use."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import psutil

PACKAGES = ("rtcog-gl", "numpy", "vispy", "glfw", "PyOpenGL")
SOFTWARE = ("llvmpipe", "softpipe", "swrast")


def facts(renderer: str) -> dict[str, Any]:
    """Return what somebody needs to compare figures with those of another machine."""
    return {
        "renderer": renderer,
        "software_rendering": any(word in renderer.lower() for word in SOFTWARE),
        "display": os.environ.get("DISPLAY", ""),
        "platform": platform.platform(),
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "python": platform.python_version(),
        **{name: importlib.metadata.version(name) for name in PACKAGES},
    }


def load() -> list[float]:
    """Return the load averages over 1, 5 and 15 minutes."""
    return [round(value, 2) for value in psutil.getloadavg()]


def loop_ms() -> dict[str, float]:
    """Return what a fixed piece of Python takes, at best and in the median: it shows what neighbours cost.

    Virtual processors are often two threads of one core; each is then much slower while the other is busy.
    """
    times = []
    for _ in range(100):
        began, total = time.perf_counter(), 0
        for i in range(100_000):
            total += i * i
        times.append(1e3 * (time.perf_counter() - began))
    return {"best": round(min(times), 2), "median": round(statistics.median(times), 2)}


def _processor() -> str:
    for line in _lines("/proc/cpuinfo"):
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process and all its threads have used so far."""
    if sys.platform.startswith("linux"):
        # clock_getcpuclockid(3): nanoseconds, where the times in /proc tick a hundred times a second.
        return time.clock_gettime((~pid << 3) | 2)
    times = psutil.Process(pid).cpu_times()
    return times.user + times.system


def private_bytes(pid: int) -> int:
    """Return the memory that a process has to itself.

    The kernel also counts a page of shared memory as private to a process while nobody else maps that page. The
    segments are rtcog's, whoever touches them first, so they are left out.
    """
    return sum(_private(pid).values()) or _uss(pid)


def own_bytes(pid: int) -> int:
    """Return the memory that a process made for itself: what is private but for pages of files as they are.

    Those, of the libraries above all, count as private while nobody else has loaded the same library, so that they come
    and go with other programs.
    """
    return sum(size for kind, size in _private(pid).items() if kind != "clean") or _uss(pid)


def _private(pid: int) -> dict[str, int]:
    """Return private bytes: ``own`` (no file's), and those of files, ``dirty`` and ``clean``; none where unknown."""
    found = {"own": 0, "dirty": 0, "clean": 0}
    segment, file = False, False
    for line in _lines(f"/proc/{pid}/smaps"):
        name, _, rest = line.partition(":")
        if name.startswith("Private_") and not segment:
            kind = ("clean" if name == "Private_Clean" else "dirty") if file else "own"
            found[kind] += int(rest.split()[0]) * 1024
        elif "-" in name.split(" ")[0]:
            segment, file = "/dev/shm/" in line, " /" in line
    return found


def _uss(pid: int) -> int:
    return int(psutil.Process(pid).memory_full_info().uss)
