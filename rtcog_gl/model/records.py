"""What a producer can publish of each volume beside its scores: motion, stamps, gates, and the volume itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from rtcog_gl.model.hit_rule import HitRule

VOLUME = np.dtype(
    [
        ("received", "<i8"),
        ("processed", "<i8"),
        ("committed", "<i8"),
        ("motion", "<f8", (6,)),
        ("norm_change", "<f8"),
        ("cooldown_end", "<i4"),
        ("action", "<i4"),
        ("has_map", "<i4"),
        ("check", "<u4"),
    ]
)
"""The record of one volume.

``received``, ``processed``, ``committed``: monotonic ns at which the producer was handed the volume, had done all of
its own work on it (scores and hit included), and had published it here; ``committed`` is 0 where there is no record.
``motion``: roll, pitch, yaw (degrees), dS, dL, dP (mm), as the scanner's registration gives them (AFNI's order).
``norm_change``: change of the motion's Euclidean norm that the hit rule's `mot_thr` is held against; NaN where there
was nothing to compare with. ``cooldown_end``: first TR at which a hit can be declared again. ``action``: 1 if the
survey was running when the volume came (asked a moment before rtcog asks, so that it can differ in the very moment in
which a survey ends). ``has_map``: 1 if the volume itself was published. ``check``: CRC-32 of all of
the above.
"""

VolumeRecords = npt.NDArray[np.void]
"""An array of `VOLUME`."""


@dataclass(frozen=True)
class VolumesInfo:
    """Where a producer publishes its volumes, and what it says of them once. Plain data: it pickles, and is JSON."""

    name: str
    """Name of the shared segment."""

    nt: int
    """Volumes expected in the run: records that there is room for."""

    nv: int
    """Voxels of a volume."""

    slots: int = 0
    """Newest volumes that are kept whole; 0: none, only their records are there."""

    n_templates: int = 0
    """Template maps that are there, in the order of the scores' rows; 0: none."""

    rule: HitRule | None = None
    """When the producer declares a hit; None where it does not say."""

    note: str = ""
    """A sentence for the operator when less is published than was wanted; else empty."""


def no_records(nt: int) -> VolumeRecords:
    """Return records of a run of which nothing is known yet: (nt,) of `VOLUME`."""
    records = np.zeros(nt, VOLUME)
    records["motion"] = np.nan
    records["norm_change"] = np.nan
    return records
