"""What all pictures of maps share: how the slices of a map are painted, and where they answer to the mouse."""

from __future__ import annotations

from collections.abc import Sequence

from ..draw import SlicePlane, SlicesView, Source, Target
from ..scene import Scene
from ..theme import fade
from .pen import Pen

MISSING_ALPHA = 0.55


def slices(
    pen: Pen,
    scene: Scene,
    planes: Sequence[SlicePlane],
    source: Source,
    data: tuple[int, ...],
    vmax: float,
    threshold: float,
    has_map: bool = True,
) -> None:
    """Paint planes through one of the maps, in the way that the operator chose; clicks move the crosshair.

    Parameters
    ----------
    pen : Pen
        Paints.
    scene : Scene
        What there is to show.
    planes : sequence of SlicePlane
        Where.
    source, data
        Which of the uploaded maps, and what it is of (see `SlicesView`).
    vmax, threshold : float
        Ends of the colours, > 0, and the smallest size that is drawn.
    has_map : bool
        False shows what is under the map alone.
    """
    theme, how = pen.theme, scene.view.map
    # Outside its own mask a template says nothing; that is no voxel missing.
    whole = source in ("map", "beside")
    pen.slices.append(
        SlicesView(
            tuple(planes),
            vmax,
            source,
            data,
            threshold,
            has_map,
            theme.panel,
            theme.outline,
            theme.brain,
            fade(theme.warn, MISSING_ALPHA if whole else 0.0),
            how.sampling == "linear",
            how.opacity,
            (how.level, how.width),
        )
    )
    pen.targets += [Target(plane.rect, "crosshair", plane) for plane in planes]
