"""The hits' maps: out of rtcog's memory while there is a session, and from what is kept after its end."""

from __future__ import annotations

import numpy as np

from ..model.session import FloatArray
from .columns import Columns
from .kept import Kept


class HitMaps:
    """Copies hits' maps; for the watcher's thread.

    Parameters
    ----------
    columns : Columns
        The session's segments.
    kept : Kept
        What is left of them after the end.
    """

    def __init__(self, columns: Columns, kept: Kept) -> None:
        self._columns, self._kept = columns, kept

    def column(self, tr: int) -> FloatArray | None:
        """Return the map of the hit at a TR, (Nv,), float32, owned; None where it cannot be read."""
        array = self._columns.array("maps")
        if array is None:
            return self._kept.get(("hit", tr))
        if not 0 <= tr < array.shape[1]:
            return None
        # One voxel a page or so: the processor waits for memory, whichever way the column is copied.
        return np.array(array[:, tr], np.float32)

    def part(self, trs: tuple[int, ...], first: int, end: int) -> FloatArray | None:
        """Return voxels ``first .. end - 1`` of several hits' maps, (k, n), owned; None where one cannot be read."""
        array = self._columns.array("maps")
        part = np.empty((len(trs), end - first), np.float32)
        for i, tr in enumerate(trs):
            values = self._kept.get(("hit", tr), first, end) if array is None else _rows(array, tr, first, end)
            if values is None:
                return None
            part[i] = values
        return part

    def keep(self, tr: int) -> None:
        """Keep a hit's map for later, if it can be read.

        Raises
        ------
        OSError
            If there is no room for it.
        """
        column = self.column(tr)
        if column is not None:
            self._kept.put(("hit", tr), column)

    def forget(self) -> None:
        """Give the disk's room back; rtcog's memory is still there."""
        self._kept.close()

    def let_go(self) -> None:
        """Give rtcog's memory back; from now on there is what was kept."""
        self._columns.close("scores", "maps")


def _rows(array: FloatArray, tr: int, first: int, end: int) -> FloatArray | None:
    return array[first:end, tr] if 0 <= tr < array.shape[1] and 0 <= first <= end <= len(array) else None
