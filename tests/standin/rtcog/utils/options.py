"""Options out of a JSON file; what the command line says wins."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any


class Options(SimpleNamespace):
    @classmethod
    def parse_cli_args(cls, argv: list[str] | None = None) -> dict[str, Any]:
        parser = argparse.ArgumentParser()
        parser.add_argument("-c", "--config", required=True)
        parser.add_argument("-e", "--exp_type")
        parser.add_argument("--hit_thr", type=float)
        parser.add_argument("--nvols", type=int)
        parser.add_argument("--no_action", action="store_true", default=None)
        given = vars(parser.parse_args(sys.argv[1:] if argv is None else argv))
        config = json.loads(Path(given.pop("config")).read_text())
        config.update((name, value) for name, value in given.items() if value is not None)
        if config["exp_type"] == "esam" and config.get("hit_thr") is None:
            parser.error("The following arguments are required: --hit_thr")
        return config

    @classmethod
    def from_cli(cls, argv: list[str] | None = None) -> Options:
        return cls(**cls.parse_cli_args(argv))
