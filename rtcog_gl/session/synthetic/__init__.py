"""A session without scanner: a separate process that obeys the contract to the letter.

`start` runs one in processes of its own; `ScriptedSession` steps one by hand.
"""

from rtcog_gl.model.hit_rule import HitRule
from rtcog_gl.session.synthetic.brains import mni_anatomy_path
from rtcog_gl.session.synthetic.options import DemoError, DemoOptions, add_flags, from_args
from rtcog_gl.session.synthetic.producer import SyntheticProducer
from rtcog_gl.session.synthetic.running import RunningSession, start
from rtcog_gl.session.synthetic.scripted import ScriptedSession

__all__ = [
    "DemoError",
    "DemoOptions",
    "HitRule",
    "RunningSession",
    "ScriptedSession",
    "SyntheticProducer",
    "add_flags",
    "from_args",
    "mni_anatomy_path",
    "start",
]
