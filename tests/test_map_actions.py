"""The operator's actions on the map: where the crosshair goes, what threshold and range become, which hits are seen."""

from __future__ import annotations

from dataclasses import replace
from itertools import permutations, product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rtcog_gl.model.draw import Rect, Target
from rtcog_gl.model.keys import BINDINGS
from rtcog_gl.model.map_actions import (
    COLORMAPS,
    STEPS,
    MapState,
    apply_to_map,
    point_at,
    scroll_at,
)
from rtcog_gl.model.map_notes import note_of
from rtcog_gl.model.map_view import OPACITIES, MapView
from rtcog_gl.model.planes import mm_at, mosaic_planes, ortho_planes, pixel_of
from rtcog_gl.model.view import Extent, View
from rtcog_gl.model.volume import MaskGrid, Point, voxel_axis

MAPS = (30, 80, 150)
PANEL = Rect(100, 50, 800, 700)
MAP_ACTIONS = [binding.action for binding in BINDINGS if binding.group in ("map", "hits")]


def rotation(degrees: float, axis: int) -> np.ndarray:
    """Return a rotation about a world axis."""
    a, b = [n for n in range(3) if n != axis]
    turned = np.eye(3)
    turned[a, a] = turned[b, b] = np.cos(np.radians(degrees))
    turned[a, b], turned[b, a] = -np.sin(np.radians(degrees)), np.sin(np.radians(degrees))
    return turned


def grid_of(linear: np.ndarray, shape: tuple[int, int, int] = (9, 11, 7)) -> MaskGrid:
    """Return a full mask with its middle voxel at (10, -20, 30) mm."""
    affine = np.eye(4)
    affine[:3, :3] = linear
    affine[:3, 3] = np.array([10, -20, 30]) - linear @ ((np.array(shape) - 1) / 2)
    return MaskGrid(shape, affine, np.ones(int(np.prod(shape)), np.bool_))


def signed_permutations() -> list[np.ndarray]:
    """Return every way to lay voxel axes along world axes, 48 of them, with voxels of 2 x 3 x 4 mm."""
    ways = []
    for order, signs in product(permutations(range(3)), product((1, -1), repeat=3)):
        linear = np.zeros((3, 3))
        linear[list(order), range(3)] = np.multiply(signs, (2, 3, 4))
        ways.append(linear)
    return ways


OBLIQUE = rotation(31, 2) @ rotation(-18, 0) @ np.diag([2.0, 3.0, 4.0])
CENTRE: Point = (10.0, -20.0, 30.0)


def state(grid: MaskGrid | None = None, **given: Any) -> MapState:
    grid = grid_of(np.diag([2.0, 3.0, 4.0])) if grid is None else grid
    column = np.zeros(grid.n_voxels, np.float32)
    return MapState(grid, **{"at": CENTRE, "column": column, "vmax": 4.0, "threshold": 1.3, **given})


def hits(shown: int | None = None, live_maps: bool = False, **given: Any) -> MapState:
    """Return a state with hits; `shown` is the one on the screen, None a volume or (without volumes) the newest."""
    extent = Extent(1200, 500, len(MAPS), live_maps, False, shown, MAPS)
    return state(hit=len(MAPS) - 1 if shown is None else shown, maps=MAPS, extent=extent, **given)


def act(action: str, view: View | None = None, what: MapState | None = None) -> MapView:
    return apply_to_map(view or View(), action, what or state()).map


def moved(action: str, what: MapState, how: MapView | None = None) -> np.ndarray:
    """Return by how many mm a step moves the crosshair."""
    at = act(action, View(map=how or MapView()), what).at
    assert at is not None
    assert what.at is not None
    return np.subtract(at, what.at)


@pytest.mark.parametrize("linear", signed_permutations(), ids=str)
def test_a_step_is_one_voxel_along_the_worlds_axis(linear: np.ndarray) -> None:
    """However the voxel axes lie: left is towards smaller x, front towards larger y, up towards larger z."""
    grid = grid_of(linear)
    sizes = np.abs(linear).sum(axis=1)
    for action, (axis, sign) in STEPS.items():
        wanted = np.zeros(3)
        wanted[axis] = sign * sizes[axis]
        assert np.allclose(moved(action, state(grid)), wanted), action


@pytest.mark.parametrize("linear", [OBLIQUE, OBLIQUE[:, [2, 0, 1]], OBLIQUE * [[-1], [1], [1]]], ids=["a", "b", "c"])
def test_oblique_steps_go_to_the_neighbour_that_lies_most_that_way(linear: np.ndarray) -> None:
    grid = grid_of(linear)
    for action, (axis, sign) in STEPS.items():
        step = moved(action, state(grid))
        ijk = np.linalg.solve(linear, step)
        assert np.allclose(np.sort(np.abs(ijk)), [0, 0, 1])
        assert np.argmax(np.abs(step)) == axis
        assert np.sign(step[axis]) == sign


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(-1, 1), min_size=9, max_size=9))
def test_each_world_axis_has_a_voxel_axis_of_its_own(numbers: list[float]) -> None:
    linear = np.array(numbers).reshape(3, 3) + 0.01 * np.diag([1, 2, 3])
    if abs(np.linalg.det(linear)) < 1e-4:
        return
    affine = np.eye(4)
    affine[:3, :3] = linear
    found = [voxel_axis(affine, axis) for axis in range(3)]
    assert sorted(along for along, _ in found) == [0, 1, 2]
    for axis, (along, same) in enumerate(found):
        assert linear[axis, along] * same > 0


def test_left_is_the_left_of_the_picture() -> None:
    radiological = MapView(radiological=True)
    assert moved("step_left", state()).tolist() == [-2, 0, 0]
    assert moved("step_left", state(), radiological).tolist() == [2, 0, 0]
    assert moved("step_right", state(), radiological).tolist() == [-2, 0, 0]
    for action in ("step_front", "step_back", "step_up", "step_down"):
        assert moved(action, state()).tolist() == moved(action, state(), radiological).tolist()


def test_steps_lead_to_centres_of_voxels_and_stay_on_the_grid() -> None:
    beside = (10.9, -21.4, 28.1)
    assert act("step_left", what=state(at=beside)).at == (8, -20, 30)
    assert act("step_right", what=state(at=(900.0, -20.0, 30.0))).at == (18, -20, 30)
    assert act("step_left", what=state(at=(900.0, -20.0, 30.0))).at == (16, -20, 30), "one step from the edge"
    assert act("step_up", what=state(at=(10.0, -20.0, -900.0))).at == (10, -20, 22)
    for action, (axis, sign) in STEPS.items():
        at: Point | None = CENTRE
        for _ in range(20):
            at = act(action, what=state(at=at)).at
        assert at is not None
        edge = np.array(CENTRE)
        edge[axis] += sign * (np.array((9, 11, 7)) - 1)[axis] / 2 * (2, 3, 4)[axis]
        assert np.allclose(at, edge)


def test_without_a_map_nothing_moves() -> None:
    for action in (*STEPS, "peak_positive", "peak_negative", "peak_next", "beside", "mean", "hit:30"):
        assert apply_to_map(View(), action, MapState()) is not None
        assert apply_to_map(View(), action, MapState()) == View()


def test_the_crosshair_goes_to_peaks_and_back() -> None:
    what = state()
    assert what.grid is not None
    assert what.column is not None
    values = {(1, 1, 1): 3.0, (5, 5, 5): -3.5, (7, 9, 2): 2.0, (3, 8, 4): 1.0}
    for ijk, value in values.items():
        what.column[what.grid.voxels_of(np.array(ijk))] = value

    affine = what.grid.affine

    def centre(*ijk: int) -> Point:
        x, y, z = (affine[:3, :3] @ ijk + affine[:3, 3]).tolist()
        return (x, y, z)

    assert act("peak_positive", what=what).at == centre(1, 1, 1)
    assert act("peak_negative", what=what).at == centre(5, 5, 5)
    walked, at = [], what.at
    for _ in range(4):
        at = act("peak_next", what=replace(what, at=at)).at
        walked.append(at)
    assert walked == [centre(5, 5, 5), centre(1, 1, 1), centre(7, 9, 2), centre(5, 5, 5)], "1.0 is below the threshold"
    placed = View(map=MapView(at=CENTRE))
    assert act("crosshair_auto", placed).at is None
    assert apply_to_map(View(), "crosshair_auto", what) == View()


@pytest.mark.parametrize(("vmax", "step"), [(4.0, 0.2), (1.0, 0.05), (3.7, 0.2), (0.0123, 0.001), (8.2e5, 5e4)])
def test_thresholds_go_by_round_values_from_zero_to_the_range(vmax: float, step: float) -> None:
    what, seen = state(vmax=vmax, threshold=0.0), [0.0]
    while seen[-1] < vmax:
        seen.append(act("threshold_higher", what=replace(what, threshold=seen[-1])).threshold)
        assert len(seen) < 30
    assert np.allclose(np.diff(seen[:-1]), step)
    assert seen[-1] == vmax
    assert 8 <= len(seen) <= 22
    assert act("threshold_higher", what=replace(what, threshold=vmax)).threshold == vmax
    back = [vmax]
    while back[-1] > 0:
        back.append(act("threshold_lower", what=replace(what, threshold=back[-1])).threshold)
    assert back[::-1] == seen
    assert act("threshold_lower", what=replace(what, threshold=0.0)).threshold == 0
    assert all(value == float(f"{value:.6g}") for value in seen), "as round as they look"


def test_from_an_automatic_threshold_to_the_next_round_one_and_back() -> None:
    assert act("threshold_higher", what=state(threshold=1.3)).threshold == 1.4
    assert act("threshold_lower", what=state(threshold=1.3)).threshold == 1.2
    assert act("threshold_auto", View(map=MapView(threshold=1.4))).threshold == -1


def test_the_range_goes_round() -> None:
    what = state(vmax=3.5)
    robust = apply_to_map(View(), "map_range", what)
    fixed = apply_to_map(robust, "map_range", replace(what, vmax=2.5))
    assert robust.map.range == "robust"
    assert (fixed.map.range, fixed.map.fixed) == ("fixed", 2.5)
    assert apply_to_map(fixed, "map_range", replace(what, vmax=2.5)).map.range == "largest"


def test_what_goes_round() -> None:
    def walk(action: str, name: str, n: int, view: View | None = None) -> list[Any]:
        now, seen = view or View(), []
        for _ in range(n):
            now = apply_to_map(now, action, state())
            seen.append(getattr(now.map, name))
        return seen

    assert walk("map_view", "mode", 3) == ["mosaic", "glass", "ortho"]
    assert walk("map_axis", "axis", 3) == [1, 0, 2]
    assert walk("sampling", "sampling", 2) == ["linear", "nearest"]
    assert walk("convention", "radiological", 2) == [True, False]
    assert walk("course", "course", 2) == [False, True]
    assert walk("opacity", "opacity", 4) == [*OPACITIES[1:], OPACITIES[0]]
    assert walk("opacity", "opacity", 2, View(map=MapView(opacity=0.6))) == [0.5, 0.25]
    assert walk("colormap", "colormap", len(COLORMAPS)) == [*COLORMAPS[1:], COLORMAPS[0]]
    assert walk("colormap", "colormap", 1, View(map=MapView(colormap="viridis"))) == [""]


def test_greys_of_the_anatomy() -> None:
    view = View()
    for action, field, grows in (
        ("grey_darker", "level", True),
        ("grey_brighter", "level", False),
        ("grey_flatter", "width", True),
        ("grey_harder", "width", False),
    ):
        now, values = view, [getattr(view.map, field)]
        for _ in range(60):
            now = apply_to_map(now, action, state())
            values.append(getattr(now.map, field))
        steps = np.diff(values)
        assert (steps[0] > 0) == grows
        assert (steps * steps[0] >= 0).all()
        assert steps[-1] == 0, "it ends somewhere"
        assert now.map.width > 0
        assert apply_to_map(now, "grey_auto", state()) == View()
    there = apply_to_map(apply_to_map(view, "grey_harder", state()), "grey_flatter", state())
    assert there == view


def test_pinning_the_newest_hit_shows_the_one_before_beside_it() -> None:
    pinned = apply_to_map(View(), "beside", hits(2))
    assert (pinned.map.beside, pinned.hit) == (150, 1)
    assert apply_to_map(pinned, "beside", hits(1)) == View()
    alone = replace(hits(0), maps=(30,), extent=Extent(1200, 500, 1, maps=(30,)))
    assert apply_to_map(View(), "beside", alone) == View(map=MapView(beside=30)), "the next hit will come beside it"


def test_pinning_an_older_hit_shows_the_newest_beside_it() -> None:
    pinned = apply_to_map(View(hit=0), "beside", hits(0))
    assert (pinned.map.beside, pinned.hit) == (30, None)
    published = apply_to_map(View(hit=0), "beside", hits(0, live_maps=True))
    assert (published.map.beside, published.hit) == (30, 2)


def test_pinning_beside_a_volume_or_a_mean_leaves_them() -> None:
    assert apply_to_map(View(), "beside", hits(None, live_maps=True)) == View(map=MapView(beside=150))
    mean = View(hit=0, map=MapView(mean=True))
    assert apply_to_map(mean, "beside", hits(0)) == View(hit=0, map=MapView(mean=True, beside=30))


def test_pinning_while_looking_back_keeps_all_panels_at_one_tr() -> None:
    view = View(cursor=80, left=0, hit=1)
    pinned = apply_to_map(view, "beside", hits(1))
    assert (pinned.map.beside, pinned.cursor, pinned.hit) == (80, 150, 2)
    unpinned = apply_to_map(pinned, "beside", hits(2))
    assert (unpinned.map.beside, unpinned.cursor, unpinned.hit) == (None, 150, 2)


def test_a_mean_is_shown_once_there_are_hits() -> None:
    mean = apply_to_map(View(), "mean", hits(2))
    assert mean == View(map=MapView(mean=True))
    assert apply_to_map(mean, "mean", hits(2)) == View()
    assert apply_to_map(View(), "mean", state()) == View()
    assert apply_to_map(mean, "hit:30", hits(2)) == View(hit=0), "one hit is asked for"


def test_thumbnails_are_known_by_their_tr() -> None:
    target = Target(Rect(0, 0, 50, 50), "hit:80")
    assert point_at(View(), target, 10, 10, hits(2)) == View(hit=1)
    assert point_at(View(hit=0), Target(target.rect, "hit:150"), 10, 10, hits(0)) == View()
    assert point_at(View(), Target(target.rect, "hit:31"), 10, 10, hits(2)) == View()
    assert point_at(View(), target, 10, 10, replace(hits(2), extent=None)) == View(hit=1)


@pytest.mark.parametrize("radiological", [False, True])
@settings(max_examples=60, deadline=None)
@given(x=st.floats(0, 1), y=st.floats(0, 1))
def test_a_click_sets_the_crosshair_to_what_is_seen_there(radiological: bool, x: float, y: float) -> None:
    what = state(grid_of(OBLIQUE))
    assert what.grid is not None
    planes, _ = ortho_planes(PANEL, what.grid.bounds, CENTRE, radiological)
    for plane in planes:
        px, py = plane.rect.x + x * plane.rect.w, plane.rect.y + y * plane.rect.h
        at = point_at(View(), Target(plane.rect, "crosshair", plane), px, py, what).map.at
        assert at is not None
        assert np.allclose(at, mm_at(plane, px, py))
        assert np.allclose(pixel_of(plane, at), (px, py), atol=1e-6)


def test_a_drag_beyond_a_slice_stays_at_its_edge() -> None:
    what = state()
    assert what.grid is not None
    plane = ortho_planes(PANEL, what.grid.bounds, CENTRE)[0][2]
    target = Target(plane.rect, "crosshair", plane)
    r = plane.rect
    for (x, y), (ex, ey) in {
        (-500, r.y + 5): (r.x, r.y + 5),
        (r.x + 5, 5000): (r.x + 5, r.bottom),
        (9999, -9999): (r.right, r.y),
    }.items():
        at = point_at(View(), target, x, y, what).map.at
        assert at == mm_at(plane, ex, ey)
        assert at[2] == CENTRE[2], "axial: the height stays"


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_a_projection_keeps_the_crosshairs_depth(keep: int) -> None:
    what = state(at=(1.0, 2.0, 3.0))
    assert what.grid is not None
    plane = ortho_planes(PANEL, what.grid.bounds, CENTRE)[0][(1, 0, 2)[keep]]
    at = point_at(View(), Target(plane.rect, "crosshair", plane, keep), plane.rect.x + 9, plane.rect.y + 9, what).map.at
    assert at is not None
    seen = mm_at(plane, plane.rect.x + 9, plane.rect.y + 9)
    assert at[keep] == (1.0, 2.0, 3.0)[keep]
    assert [at[n] for n in range(3) if n != keep] == [seen[n] for n in range(3) if n != keep]


def test_a_click_on_the_colour_bar_sets_the_threshold() -> None:
    bar = Target(Rect(500, 100, 60, 400), "threshold")
    for y, wanted in ((100, 4.0), (200, 2.0), (300, 0.0), (400, 2.0), (500, 4.0), (-50, 4.0), (900, 4.0)):
        assert point_at(View(), bar, 510, y, state()).map.threshold == pytest.approx(wanted)
    for y in range(100, 501, 7):
        value = point_at(View(), bar, 510, y, state(vmax=3.97)).map.threshold
        assert value == pytest.approx(abs(1 - (y - 100) / 200) * 3.97, abs=0.011)
        assert 0 <= value <= 3.97
        assert value in (3.97, float(f"{value:.3g}"))
    for vmax in (3.99, 3.97, 1.997):
        for y in (100, 500):
            assert point_at(View(), bar, 510, y, state(vmax=vmax)).map.threshold <= vmax
    assert point_at(View(), bar, 510, 100, state(vmax=3.99)).map.threshold == 3.99, "the nearest step lies beyond it"


def test_the_wheel_on_the_colour_bar_moves_the_threshold() -> None:
    bar = Target(Rect(500, 100, 60, 400), "threshold")
    assert scroll_at(View(), bar, 1, state()).map.threshold == 1.4
    assert scroll_at(View(), bar, 3, state()).map.threshold == 1.8
    assert scroll_at(View(), bar, -2, state()).map.threshold == 1.0
    assert scroll_at(View(), bar, -1e9, state()).map.threshold == 0
    assert scroll_at(View(), bar, 0, state()) == View()


@pytest.mark.parametrize("linear", [np.diag([2.0, 3.0, 4.0]), OBLIQUE], ids=["straight", "oblique"])
@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_wheel_on_a_slice_goes_through_the_slices(linear: np.ndarray, number: int) -> None:
    """What is seen in the slice stays under the crosshair: it moves along the slice's normal alone."""
    what = state(grid_of(linear))
    assert what.grid is not None
    plane = ortho_planes(PANEL, what.grid.bounds, CENTRE)[0][number]
    axis, target = (1, 0, 2)[number], Target(plane.rect, "crosshair", plane)
    for n in (1, -1, 2):
        at = scroll_at(View(), target, n, what).map.at
        wanted = np.array(CENTRE)
        wanted[axis] += n * (2, 3, 4)[axis]
        assert at is not None
        assert np.allclose(at, wanted)
    for n, edge in ((1, what.grid.bounds.high), (-1, what.grid.bounds.low)):
        there = CENTRE
        for _ in range(9):
            there = scroll_at(View(), target, 9 * n, replace(what, at=there)).map.at or there
        assert there[axis] == pytest.approx(edge[axis] - n * (2, 3, 4)[axis] / 2)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_wheel_in_a_mosaic_goes_through_the_slices_wherever_it_turns(axis: int) -> None:
    what = state()
    assert what.grid is not None
    planes = mosaic_planes(PANEL, what.grid.bounds, axis)
    assert len(planes) > 2
    for plane in (planes[0], planes[-1]):
        view, target = View(map=MapView(mode="mosaic", axis=axis)), Target(plane.rect, "crosshair", plane)
        for n in (1, -1, 2):
            wanted = list(CENTRE)
            wanted[axis] += n * (2, 3, 4)[axis]
            assert scroll_at(view, target, n, what).map == replace(view.map, at=tuple(wanted))


@pytest.mark.parametrize("mode", ["glass", "ortho"])
@pytest.mark.parametrize("keep", [0, 1, 2])
def test_the_wheel_does_nothing_on_a_projection(mode: Any, keep: int) -> None:
    what = state()
    assert what.grid is not None
    plane = ortho_planes(PANEL, what.grid.bounds, CENTRE)[0][(1, 0, 2)[keep]]
    view = View(map=MapView(mode=mode))
    assert scroll_at(view, Target(plane.rect, "crosshair", plane, keep), 1, what) is view


@pytest.mark.parametrize("keep", [None, 1])
def test_before_there_is_a_map_a_click_on_a_slice_changes_nothing(keep: int | None) -> None:
    what = state(column=None)
    assert what.grid is not None
    plane = ortho_planes(PANEL, what.grid.bounds, CENTRE)[0][0]
    target, view = Target(plane.rect, "crosshair", plane, keep), View()
    assert point_at(view, target, plane.rect.x + 9, plane.rect.y + 9, what) is view
    assert point_at(view, target, plane.rect.x + 9, plane.rect.y + 9, state()) != view


def test_the_wheel_on_thumbnails_goes_from_hit_to_hit() -> None:
    thumbnail = Target(Rect(0, 0, 50, 50), "hit:80")
    assert scroll_at(View(), thumbnail, -1, hits(2)) == View(hit=1)
    assert scroll_at(View(), thumbnail, -2, hits(2)) == View(hit=0)
    assert scroll_at(View(hit=0), thumbnail, 9, hits(0)) == View()
    published = hits(None, live_maps=True)
    assert scroll_at(View(), thumbnail, -1, published) == View(hit=2)
    assert scroll_at(View(), thumbnail, -2, published) == View(hit=1)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(MAP_ACTIONS), max_size=25), st.booleans(), st.sampled_from((None, 0, 1, 2)))
def test_whatever_is_pressed_the_view_stays_valid(actions: list[str], live_maps: bool, shown: int | None) -> None:
    view, what = View(), hits(shown, live_maps)
    for action in actions:
        before, view = view, apply_to_map(view, action, replace(what, at=view.map.at or CENTRE))
        how = view.map
        assert how.width > 0
        assert 0 < how.opacity <= 1
        assert how.threshold == -1 or 0 <= how.threshold <= what.vmax
        assert how.range != "fixed" or how.fixed > 0
        assert how.beside is None or how.beside in MAPS
        assert view.hit is None or 0 <= view.hit < len(MAPS)
        assert how.at is None or what.grid is None or what.grid.voxel_at(how.at) is not None
        assert "\n" not in note_of(action, before, view, what)
        assert len(note_of(action, before, view, what)) < 80


@pytest.mark.parametrize(
    ("action", "view", "what", "words"),
    [
        ("beside", View(), state(), "there is no hit yet"),
        ("mean", View(), state(), "there is no hit yet"),
        ("beside", View(), hits(2), "the hit of TR 150 stays beside the map"),
        ("step_left", View(), MapState(), "this session has no map"),
        ("peak_next", View(), state(column=None), "there is no map yet"),
        ("peak_negative", View(), state(), "no value below 0"),
        ("peak_next", View(), state(), "no peak above the threshold"),
        ("course", View(), hits(2), "maps of hits only"),
        ("course", View(), hits(2, live_maps=True), ""),
        ("map_range", View(), state(), "98th percentile"),
        ("map_range", View(map=MapView(range="robust")), state(vmax=2.345), "end at 2.35 for all maps"),
        ("opacity", View(), state(), "opacity of the map: 75 %"),
        ("colormap", View(), state(), "crameri:vik"),
        ("colormap", View(map=MapView(colormap=COLORMAPS[-1])), state(), "the theme's"),
        ("sampling", View(), state(), "weighted by distance"),
        ("map_axis", View(), state(), "lightbox: coronal"),
        ("map_axis", View(map=MapView(mode="mosaic")), state(), ""),
        ("map_view", View(), state(), ""),
        ("map_view", View(explain=True), state(), "lightbox, once X is off"),
        ("step_left", View(), state(), ""),
        ("no such action", View(), state(), ""),
    ],
)
def test_notes_say_what_does_not_show(action: str, view: View, what: MapState, words: str) -> None:
    note = note_of(action, view, apply_to_map(view, action, what), what)
    assert words in note
    assert bool(words) == bool(note)
