"""``rtcog-gl run`` and ``rtcog-gl run-min``: rtcog's own programs with this viewer; nothing of rtcog's is changed.

rtcog picks the class that works on its volumes from a table, or by a name in its module. Ours is put there, in this
process alone; the processes that rtcog starts get the class by its own name, so that forked and spawned ones agree.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import os
import shlex
import sys
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NoReturn

from rtcog_gl.logs import listen
from rtcog_gl.model.options import ENVIRONMENT, add_flags

PROGRAMS = {"run": ("rtcog.main", "rtcog"), "run-min": ("rtcog.run_minimal", "rtcog_min")}
"""rtcog's module and the name of rtcog's own program, by our command."""

EXPERIMENT = "esam"
EXPERIMENT_GL = "esam_gl"

HOW_TO_GET = (
    "rtcog cannot be imported, and it is not on the package index: get it with "
    "'git clone https://github.com/nimh-sfim/rtcog' and 'pip install -e rtcog', in the environment that has rtcog-gl"
)

WHAT = {
    "run": "Start rtcog with this viewer in place of its own.",
    "run-min": "Start rtcog's minimal program, without a viewer; the report at its end is this package's.",
}

HELP = """\
These options are read only where they stand first. From the first other argument on, all of it goes to rtcog, as it
is; '--' ends the options, too. rtcog's own help: 'rtcog-gl {command} -c FILE --help'.
The options are appended to the environment variable {environment}, so that they win over what it says.
Experiments of the type '{experiment}' run with this viewer, and so do those of the new type '{experiment_gl}'.
"""


class Refused(Exception):
    """A command cannot be run; says why in a sentence."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise Refused(message)


def parser(command: str) -> argparse.ArgumentParser:
    """Return the parser of the options that stand before rtcog's arguments."""
    options = _Parser(
        prog=f"rtcog-gl {command}",
        usage=f"rtcog-gl {command} [VIEWER OPTIONS] [--] ARGS...",
        description=WHAT[command] + " ARGS are rtcog's own.",
        epilog=HELP.format(
            command=command, environment=ENVIRONMENT, experiment=EXPERIMENT, experiment_gl=EXPERIMENT_GL
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add_flags(options)
    return options


def split(words: Sequence[str], options: argparse.ArgumentParser) -> tuple[list[str], list[str]]:
    """Split a command line before the first word that is not an option of ours.

    Parameters
    ----------
    words : sequence of str
        What follows the command.
    options : ArgumentParser
        What our options are.

    Returns
    -------
    ours : list of str
        Our options with their values.
    rest : list of str
        rtcog's arguments; a ``--`` right after ours is left out.
    """
    takes_value = {name: action.nargs != 0 for action in options._actions for name in action.option_strings}
    at = 0
    while at < len(words):
        name, joined, _ = words[at].partition("=")
        if name not in takes_value:
            break
        at += 2 if takes_value[name] and not joined else 1
    rest = list(words[at:])
    return list(words[:at]), rest[1:] if rest[:1] == ["--"] else rest


def main(command: str, words: Sequence[str]) -> int:
    """Run rtcog with this viewer.

    Parameters
    ----------
    command : str
        ``run`` or ``run-min``.
    words : sequence of str
        Our options, then rtcog's arguments.

    Returns
    -------
    int
        rtcog's exit status; 2 if it could not be started.
    """
    options = parser(command)
    ours, arguments = split(words, options)
    try:
        verbose = options.parse_args(ours).verbose
        listen(verbose)
        program = prepare(command)
    except Refused as refused:
        print(f"rtcog-gl {command}: {refused}.", file=sys.stderr)
        return 2
    pass_on(ours)
    before, sys.argv = sys.argv, [PROGRAMS[command][1], *arguments]
    try:
        check_like_esam(arguments)
        return int(program.main() or 0)
    finally:
        sys.argv = before


def prepare(command: str) -> ModuleType:
    """Import one of rtcog's programs and have it use our processor.

    Raises
    ------
    Refused
        If rtcog, or something that it needs, cannot be imported, or it is not the rtcog that is known here.
    """
    program = load(PROGRAMS[command][0])
    processor = load("rtcog_gl.processor").GLProcessor
    if command == "run":
        register(load("rtcog.experiment_registry").EXPERIMENT_REGISTRY, processor)
    elif hasattr(program, "ESAMProcessor"):
        vars(program)["ESAMProcessor"] = processor
    else:
        raise Refused(f"{program.__name__} names no ESAMProcessor: this rtcog is not one that is known here")
    return program


def register(registry: dict[str, dict[str, Any]], processor: type) -> None:
    """Put a processor into rtcog's table, in place of ``esam``'s and as ``esam_gl`` with the same action.

    A class there that derives from `processor` stays, since it is this viewer's already.

    Raises
    ------
    Refused
        If there is no ``esam``, or a class that `processor` does not derive from, and that would be lost.
    """
    if EXPERIMENT not in registry:
        raise Refused(f"rtcog's experiments are {sorted(registry)}, expected {EXPERIMENT!r} among them")
    there = registry[EXPERIMENT]["processor"]
    if issubclass(there, processor):
        processor = there
    elif not issubclass(processor, there):
        raise Refused(
            f"rtcog's experiment {EXPERIMENT!r} is run by {there.__module__}.{there.__qualname__}, expected rtcog's "
            "own class: derive that one from rtcog_gl.processor.GLProcessor instead of rtcog's"
        )
    for name in (EXPERIMENT, EXPERIMENT_GL):
        registry[name] = {**registry[EXPERIMENT], "processor": processor}


def load(name: str) -> ModuleType:
    """Import a module of rtcog's, or one that needs it.

    Raises
    ------
    Refused
        If that fails; says what is missing.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name == "rtcog":
            raise Refused(HOW_TO_GET) from error
        raise Refused(f"rtcog was found, but not the module {error.name!r}, which is imported with it") from error
    except Exception as error:
        raise Refused(f"rtcog was found but cannot be loaded: {type(error).__name__}: {error}") from error


def check_like_esam(arguments: Sequence[str]) -> None:
    """Let rtcog check that ``esam_gl`` has all that ``esam`` needs, which it asks for under that name only.

    Raises
    ------
    SystemExit
        With rtcog's own message, if something is missing.
    """
    try:
        from rtcog.utils.options import Options

        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            wanted = Options.parse_cli_args(list(arguments))["exp_type"]
    except (Exception, SystemExit):
        # Not lost: rtcog comes to the same place in a moment, and says it itself.
        return
    if wanted == EXPERIMENT_GL:
        Options.parse_cli_args([*arguments, "--exp_type", EXPERIMENT])


def pass_on(flags: Sequence[str]) -> None:
    """Append flags to the environment variable that the viewer reads, also in processes started from now on."""
    if flags:
        line = " ".join([os.environ.get(ENVIRONMENT, ""), *map(_quoted, flags)])
        os.environ[ENVIRONMENT] = line.strip()


def _quoted(word: str) -> str:
    if os.name == "posix":
        return shlex.quote(word)
    return f'"{word}"' if not word or any(c.isspace() for c in word) else word
