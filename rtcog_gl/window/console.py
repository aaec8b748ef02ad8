"""The console: what the window knows, and which panels have to be drawn again. Knows no GLFW."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..gpu import renderer as gpu
from ..gpu.colormaps import remark_on
from ..gpu.renderer import Renderer
from ..model.anatomy import Anatomy
from ..model.draw import Target
from ..model.layout import Layout, auto_scale, layout
from ..model.map_actions import MapState, apply_to_map, point_at, scroll_at
from ..model.map_notes import note_of
from ..model.options import WindowOptions
from ..model.records import no_records
from ..model.ruler import Ruler
from ..model.scene import Latency, Scene, Style, empty_scores
from ..model.session import Live, Session, Update
from ..model.theme import THEMES
from ..model.view import Extent, View, apply, initial_view
from ..model.volume import MaskGrid
from .feed import MapFeed
from .latency import Shown
from .map_desk import MapDesk
from .panels import Panels

log = logging.getLogger("rtcog_gl")

PHOTODIODE = 32
"""Side of the square for the light sensor, in framebuffer pixels."""

NOTE_S = 6.0

MAP_WORDS = {
    "auto": "map: every volume, and a hit's while its survey runs",
    "volumes": "map: every volume",
    "hits": "map: hits only",
}


class Console:
    """Takes updates and actions in, gives drawings out.

    Parameters
    ----------
    session, grid
        What is shown.
    renderer : Renderer
        Draws it.
    options : WindowOptions
        The operator's choices.
    feed : MapFeed
        Where maps are asked for.
    """

    def __init__(
        self,
        session: Session,
        grid: MaskGrid | None,
        renderer: Renderer,
        options: WindowOptions,
        feed: MapFeed,
        hardware: str = "",
    ) -> None:
        self.session = session
        self.view = initial_view(options)
        self.live = Live()
        self.latency = Latency()
        self.keeper_lost = ""
        self._grid = None if renderer.map_error else grid
        self._renderer = renderer
        self._options = options
        self._hardware = hardware
        self._scores = empty_scores(session)
        self._volumes = no_records(session.nt)
        self._desk = MapDesk(session, self._grid, renderer, feed)
        self._maps = self._desk.maps
        self._has_anatomy = False
        self._ruler = Ruler(renderer.font)
        self._panels = Panels(self.say)
        self._note, self._note_until = "", 0.0
        self._style: Style | None = None
        if self.view.map.colormap:
            self._recolour()

    def say(self, note: str) -> None:
        """Show a short message for a few seconds."""
        self._note, self._note_until = note, time.monotonic() + NOTE_S

    def show_anatomy(self, anatomy: Anatomy | str) -> None:
        """Show an anatomy under the map, or the sentence that says why there is none."""
        if isinstance(anatomy, str):
            self.say(anatomy)
            return
        try:
            self._renderer.set_anatomy(anatomy)
            self._has_anatomy = True
        except ValueError as error:
            log.error("%s", error)
            self.say(str(error))
        self._panels.forget("map")

    def act(self, action: str) -> None:
        """Change the view."""
        before = self.view
        self.view = apply(before, action, self._extent())
        if self.view is before:
            state = self._state()
            self.view = apply_to_map(before, action, state)
            note = note_of(action, before, self.view, state)
            if note:
                self.say(note)
        if action == "map_mode":
            published = self.session.slots > 0
            self.say(MAP_WORDS[self.view.maps] if published else "this session publishes maps of hits only")
        elif action == "explain" and self.view is before:
            self.say("this session publishes no templates")
        elif action.startswith("grey_") and not self._has_anatomy:
            self.say("there is no anatomy under the map (--anat FILE shows one)")
        self._changed(before)

    def press(self, x: float, y: float) -> Target | None:
        """Do what a click at a framebuffer pixel does; return what was hit, for `drag`."""
        target = self._panels.target_at(x, y)
        if target is not None:
            self.drag(target, x, y)
        return target

    def drag(self, target: Target, x: float, y: float) -> None:
        """Go on with what began as a click on a target."""
        before = self.view
        self.view = point_at(before, target, x, y, self._state())
        self._changed(before)

    def scroll(self, x: float, y: float, steps: float) -> None:
        """Do what the mouse wheel does over a framebuffer pixel; away from the user is positive."""
        target, before = self._panels.target_at(x, y), self.view
        if target is not None:
            self.view = scroll_at(before, target, steps, self._state())
            self._changed(before)

    def _state(self) -> MapState:
        """Return what there is for actions on the map to act on."""
        return replace(self._desk.state(self.view, self.live), extent=self._extent())

    def _changed(self, before: View) -> None:
        """Have shown what the view now says."""
        if self.view is before:
            return
        if self.view.map.colormap != before.map.colormap:
            self._recolour()
        self._choose()

    def _recolour(self) -> None:
        name = self.view.map.colormap or THEMES[self._options.theme].colormap
        try:
            self._renderer.set_colormap(name)
            remark = remark_on(name)
        except ValueError as error:
            log.error("%s", error)
            remark = str(error)
        if remark:
            self.say(remark)
        self._panels.forget("map")

    def _choose(self) -> None:
        self._desk.choose(self.view, self.live, self._volumes, self._scores)
        self._desk.explain(self.view, self.live, self._scores)

    def _extent(self) -> Extent:
        session, live = self.session, self.live
        return Extent(
            session.nt,
            live.n_final,
            len(live.maps),
            session.slots > 0,
            session.has_templates,
            self._maps.choice.hit,
            live.maps,
        )

    def absorb(self, update: Update) -> list[Shown]:
        """Take in what is new and upload it; return what the next frame will show for the first time."""
        shown = []
        self.live = update.live
        self._volumes[update.first_volume : update.first_volume + len(update.volumes)] = update.volumes
        k = update.scores.shape[1]
        if k:
            self._scores[:, update.first : update.first + k] = update.scores
            n_bytes = self._renderer.write_scores(update.first, update.scores)
            gpu.flush()
            uploaded = time.monotonic_ns()
            shown += [
                Shown(update.first + i, "scores", stamps, uploaded, n_bytes // k)
                for i, stamps in enumerate(update.stamps)
            ]
        self._desk.choose(self.view, self.live, self._volumes, self._scores, update)
        hit = self._desk.take(update, self.view, self.live)
        if hit is not None:
            shown.append(hit)
        if update.map_column is not None or update.mean is not None:
            self._desk.explain(self.view, self.live, self._scores)
        return shown

    @property
    def waiting(self) -> bool:
        """Whether a volume came that `catch_up` has yet to upload."""
        return self._maps.waiting

    def catch_up(self) -> list[Shown]:
        """Upload the volume that waits, once no columns do; return what the next frame shows for the first time."""
        volume = self._desk.take_volume(self.view)
        self._desk.explain(self.view, self.live, self._scores)
        return [] if volume is None else [volume]

    def _scene(self, now_ns: int) -> Scene:
        note = self._note if time.monotonic() < self._note_until else ""
        return Scene(
            self.session,
            self.live,
            self.view,
            self._scores,
            self._volumes,
            now_ns,
            time.strftime("%H:%M:%S"),
            self._grid,
            self._maps.shown,
            self.latency,
            self._hardware,
            note,
            PHOTODIODE if self._options.photodiode else 0,
            self.keeper_lost,
            self._maps.missing,
            self._desk.explained,
            self._desk.readout(self.live, self._scores),
            self._desk.beside,
            self._desk.film(self.live, self._scores),
            self._desk.course,
            self._has_anatomy,
            self._renderer.map_refused,
            self._desk.beside_refused,
            bool(self._renderer.map_unchecked),
        )

    def _make_style(self, size: tuple[int, int], content_scale: float) -> Style:
        scale = auto_scale(size, content_scale, self._options.scale)
        has_answers = bool(self.live.questions or self.session.questions)
        arranged: Layout = layout(size, scale, has_answers, self.session.volume_records, self.view.arrangement)
        return Style(arranged, THEMES[self._options.theme], self._ruler)

    def paint(
        self,
        now_ns: int,
        size: tuple[int, int],
        content_scale: float,
        redraw: bool = False,
        data_first: bool = False,
    ) -> bool:
        """Draw what changed into the window's framebuffer; return whether anything did.

        Parameters
        ----------
        now_ns : int
            Monotonic time.
        size : (int, int)
            Framebuffer, width x height, in pixels.
        content_scale : float
            See `rtcog_gl.model.layout.auto_scale`.
        redraw : bool
            Draw everything, changed or not.
        data_first : bool
            Draw the panels that show columns and leave the words round them to the next call.
        """
        style = self._make_style(size, content_scale)
        uncovered = "help" in self._panels.drawings and not self.view.help
        if self._style is None or style.layout != self._style.layout or redraw or uncovered:
            self._panels.forget()
        anew = not self._panels
        self._style = style
        scene = self._scene(now_ns)
        parts = self._panels.refresh(scene, style, data_first and not anew)
        if not parts:
            return False
        drawings = self._panels.drawings
        if self._renderer.begin(size) or anew:
            parts = {name: drawing.rect for name, drawing in drawings.items()}
            self._renderer.clear(style.theme.background)
        self._renderer.draw(drawings, parts, size)
        return True

    def picture(self) -> npt.NDArray[np.uint8]:
        """Return the picture that was drawn last, (height, width, 3), uint8."""
        if self._style is None:
            return np.zeros((1, 1, 3), np.uint8)
        return gpu.picture(self._style.layout.size)
