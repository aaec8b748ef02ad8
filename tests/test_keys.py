"""The key table: every action is known to somebody, no key calls two, and the README shows the very table."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from rtcog_gl.model.keys import BINDINGS, Binding, action_of, markdown
from rtcog_gl.model.view import Extent, View, apply

REPOSITORY = Path(__file__).resolve().parent.parent
LOOKING_BACK = View(span=100, cursor=400, left=350, hit=1)
RUN = Extent(1200, 500, 4, live_maps=True, templates=True, hit=1)
WINDOWS_OWN = {"fullscreen", "screenshot", "escape", "close"}
"""Actions of the window itself."""


def of_the_view(action: str) -> bool:
    return apply(LOOKING_BACK, action, RUN) != LOOKING_BACK


@pytest.mark.parametrize("binding", BINDINGS, ids=lambda binding: binding.action)
def test_each_action_is_known_to_the_view_or_to_the_window(binding: Binding) -> None:
    assert of_the_view(binding.action) != (binding.action in WINDOWS_OWN)
    assert binding.keys
    assert binding.label
    assert binding.help


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


@pytest.mark.parametrize("key", ["", "Z", "SPACE", "F5", "é", "LEFTRIGHT"])
def test_other_keys_call_nothing(key: str) -> None:
    assert action_of(key) is None


def test_glfw_knows_every_key() -> None:
    glfw = pytest.importorskip("glfw")
    for binding in BINDINGS:
        for key in binding.keys:
            assert len(key) == 1 or hasattr(glfw, f"KEY_{key}"), key


def test_the_table_as_markdown() -> None:
    lines = markdown().splitlines()
    assert lines[0].startswith("| key |")
    assert len(lines) == 2 + len(BINDINGS)
    for line, binding in zip(lines[2:], BINDINGS, strict=True):
        assert line == f"| `{binding.label}` | {binding.help} |"


def test_the_readme_shows_the_table() -> None:
    text = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    if markdown().splitlines()[0] not in text:
        pytest.skip("README.md has no table of keys yet")
    assert markdown() in text
