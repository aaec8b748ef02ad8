"""The key table: every action is known to somebody, no key calls two, and the README shows the very table."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rtcog_gl.model.keys import BINDINGS, GROUPS, MOUSE, SHIFT, Binding, action_of, binding_of, markdown
from rtcog_gl.model.map_actions import MapState, apply_to_map
from rtcog_gl.model.view import Extent, View, apply
from rtcog_gl.model.volume import MaskGrid

REPOSITORY = Path(__file__).resolve().parent.parent
LOOKING_BACK = View(span=100, cursor=400, left=350, hit=1)
RUN = Extent(1200, 500, 4, live_maps=True, templates=True, hit=1)
WINDOWS_OWN = {"fullscreen", "screenshot", "escape", "close"}
"""Actions of the window itself."""


def some_state() -> MapState:
    """Return a map of 5 x 5 x 5 voxels with two peaks of each sign, looked at off all of them."""
    grid = MaskGrid((5, 5, 5), np.eye(4), np.ones(125, np.bool_))
    column = np.zeros(125, np.float32)
    column[[0, 4, 120, 124]] = 3, -4, 2, -1
    return MapState(grid, (2.0, 2.0, 2.0), column, 4.0, 0.5, 1, (30, 80, 150, 200))


def of_the_view(action: str) -> bool:
    return apply(LOOKING_BACK, action, RUN) != LOOKING_BACK


def of_the_map(action: str) -> bool:
    view = replace(LOOKING_BACK, map=replace(LOOKING_BACK.map, at=(2.0, 2.0, 2.0), threshold=0.5, level=0.4))
    return apply_to_map(view, action, some_state()) != view


@pytest.mark.parametrize("binding", BINDINGS, ids=lambda binding: binding.action)
def test_each_action_is_known_to_one(binding: Binding) -> None:
    """To the view, to the map or to the window; to no two of them."""
    known = (of_the_view(binding.action), of_the_map(binding.action), binding.action in WINDOWS_OWN)
    assert known.count(True) == 1, known
    assert binding.keys
    assert binding.label
    assert binding.help


def test_every_group_is_known_and_has_keys() -> None:
    assert {entry.group for entry in BINDINGS} == set(GROUPS)
    assert {entry.group for entry in MOUSE} <= set(GROUPS)


def test_bindings_stand_group_by_group() -> None:
    order = [GROUPS.index(binding.group) for binding in BINDINGS]
    assert order == sorted(order)


def test_the_windows_own_actions_are_in_its_loop_and_in_the_table() -> None:
    source = (REPOSITORY / "rtcog_gl" / "window" / "loop.py").read_text(encoding="utf-8")
    words = {node.value for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Constant)}
    assert words >= WINDOWS_OWN
    assert {binding.action for binding in BINDINGS} >= WINDOWS_OWN


def test_no_action_and_no_key_stands_twice() -> None:
    actions = [binding.action for binding in BINDINGS]
    keys = [key for binding in BINDINGS for key in binding.keys]
    assert len(set(actions)) == len(actions)
    assert len(set(keys)) == len(keys)
    assert len({binding.label for binding in BINDINGS}) == len(BINDINGS)


def test_keys_call_their_actions_in_either_case() -> None:
    for binding in BINDINGS:
        for key in binding.keys:
            assert key == key.upper()
            assert action_of(key) == binding.action
            assert action_of(key.lower()) == binding.action


@pytest.mark.parametrize("key", ["", "B", "L", "5", "SHIFT+", "SHIFT+HOME", "SPACE", "F5", "é", "LEFTRIGHT"])
def test_other_keys_call_nothing(key: str) -> None:
    assert action_of(key) is None


def test_glfw_knows_every_key() -> None:
    glfw = pytest.importorskip("glfw")
    for binding in BINDINGS:
        for key in binding.keys:
            name = key.removeprefix(SHIFT)
            assert len(name) == 1 or hasattr(glfw, f"KEY_{name}"), key


def test_shift_is_only_asked_for_with_keys_that_type_nothing() -> None:
    """Which character comes of a key with Shift is up to the keyboard's layout."""
    for binding in BINDINGS:
        for key in binding.keys:
            assert not key.startswith(SHIFT) or len(key) > len(SHIFT) + 1, key


def test_holding_a_key_that_switches_does_not_flicker() -> None:
    repeated = {binding.action for binding in BINDINGS if binding.repeats}
    assert {"older", "step_left", "threshold_higher", "grey_darker"} <= repeated
    for action in ("help", "fullscreen", "escape", "close", "screenshot", "mean", "beside", "course"):
        assert action not in repeated
    found = binding_of("shift+left")
    assert found is not None
    assert found.action == "step_left"


def test_the_tables_as_markdown() -> None:
    keys, mouse = markdown().split("\n\n")
    assert keys.splitlines()[0].startswith("| key |")
    assert mouse.splitlines()[0].startswith("| mouse |")
    rows = [line for line in keys.splitlines()[2:] if "**" not in line]
    assert rows == [f"| `{binding.label}` | {binding.help} |" for binding in BINDINGS]
    rows = [line for line in mouse.splitlines()[2:] if "**" not in line]
    assert rows == [f"| {gesture.label} | {gesture.help} |" for gesture in MOUSE]
    assert "|" not in "".join(entry.label + entry.help for entry in (*BINDINGS, *MOUSE))


def test_the_readme_shows_the_tables() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    assert f"{markdown()}\n## " in text
