from __future__ import annotations

import multiprocessing as mp
import os

from rtcog.comm import comm_process, note
from rtcog.processor.esam_processor import ESAMProcessor
from rtcog.utils.options import Options


def main() -> None:
    mp.set_start_method(os.environ.get("STANDIN_START"), force=True)
    from rtcog_gl.session.contract import new_sync

    opts, sync = Options.from_cli(), new_sync()
    note(opts)
    comm_proc = mp.Process(target=comm_process, args=(opts, sync, ESAMProcessor, None, True))
    comm_proc.start()
    comm_proc.join()
