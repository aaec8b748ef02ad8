from __future__ import annotations

import multiprocessing as mp
import os

from rtcog.comm import comm_process, name_of, note
from rtcog.experiment_registry import EXPERIMENT_REGISTRY
from rtcog.utils.options import Options


def main() -> int | None:
    # As a line in the user's own script would: macOS spawns by itself.
    mp.set_start_method(os.environ.get("STANDIN_START"), force=True)
    from rtcog_gl.session.contract import new_sync

    opts, sync = Options.from_cli(), new_sync()
    note(opts, registry={k: {role: name_of(c) for role, c in v.items()} for k, v in EXPERIMENT_REGISTRY.items()})
    entry = EXPERIMENT_REGISTRY[opts.exp_type]
    action = None if opts.no_action else entry["action"](sync, opts)
    comm_proc = mp.Process(target=comm_process, args=(opts, sync, entry["processor"]))
    try:
        comm_proc.start()
        if action:
            action.run()
        comm_proc.join()
    except KeyboardInterrupt:
        print("User interrupted", flush=True)
    finally:
        sync.end.set()
        comm_proc.join()
    return opts.status
