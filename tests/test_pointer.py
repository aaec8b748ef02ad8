"""The mouse and the keyboard of a window: what GLFW tells becomes positions on the picture, and names of actions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import glfw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from windows import Shown, XWindow, managed_session, needs_window, play, press, until, xdotool

from rtcog_gl.model.draw import Rect, Target
from rtcog_gl.model.options import WindowOptions
from rtcog_gl.session import discovery
from rtcog_gl.session.synthetic import ScriptedSession
from rtcog_gl.window.keyboard import Keyboard
from rtcog_gl.window.pointer import Pointer


class FakeConsole:
    """Notes what it is asked to do; every press hits a target of one kind."""

    def __init__(self, action: str | None = "crosshair") -> None:
        self.view = SimpleNamespace(help=False)
        self.target = None if action is None else Target(Rect(0, 0, 10, 10), action)
        self.done: list[tuple[Any, ...]] = []

    def press(self, x: float, y: float) -> Target | None:
        self.done.append(("press", x, y))
        return self.target

    def drag(self, target: Target, x: float, y: float) -> None:
        assert target is self.target
        self.done.append(("drag", x, y))

    def scroll(self, x: float, y: float, steps: float) -> None:
        self.done.append(("scroll", x, y, steps))


class Mouse:
    """A mouse over a window of 800 x 600 units, whose framebuffer has `density` pixels a unit."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, density: float = 1.0) -> None:
        self.at = (0.0, 0.0)
        callbacks: dict[str, Any] = {}

        def keep(name: str) -> Callable[[Any, Any], None]:
            return lambda _window, callback: callbacks.update({name: callback})

        monkeypatch.setattr(glfw, "set_mouse_button_callback", keep("button"))
        monkeypatch.setattr(glfw, "set_cursor_pos_callback", keep("move"))
        monkeypatch.setattr(glfw, "set_scroll_callback", keep("scroll"))
        monkeypatch.setattr(glfw, "get_cursor_pos", lambda _window: self.at)
        monkeypatch.setattr(glfw, "get_window_size", lambda _window: (800, 600))
        monkeypatch.setattr(glfw, "get_framebuffer_size", lambda _window: (int(800 * density), int(600 * density)))
        self.pointer = Pointer(None)
        self._callbacks = callbacks

    def move(self, x: float, y: float) -> None:
        self.at = (x, y)
        self._callbacks["move"](None, x, y)

    def button(self, down: bool, which: int = glfw.MOUSE_BUTTON_LEFT) -> None:
        self._callbacks["button"](None, which, glfw.PRESS if down else glfw.RELEASE, 0)

    def wheel(self, away: float, right: float = 0.0) -> None:
        self._callbacks["scroll"](None, right, away)

    def apply(self, console: Any) -> bool:
        return self.pointer.apply(console)


def test_a_click_is_where_the_mouse_is(monkeypatch: pytest.MonkeyPatch) -> None:
    mouse, console = Mouse(monkeypatch), FakeConsole()
    mouse.move(30, 40)
    assert not mouse.apply(console), "moving alone is nothing to do"
    mouse.button(True)
    mouse.button(False)
    assert mouse.apply(console)
    assert not mouse.apply(console)
    mouse.move(90, 90)
    mouse.apply(console)
    assert console.done == [("press", 30.5, 40.5)]


@pytest.mark.parametrize("density", [1.0, 1.5, 2.0])
def test_positions_are_in_pixels_of_the_framebuffer(monkeypatch: pytest.MonkeyPatch, density: float) -> None:
    mouse, console = Mouse(monkeypatch, density), FakeConsole()
    mouse.move(100, 50)
    mouse.button(True)
    mouse.move(110, 60)
    mouse.button(False)
    mouse.wheel(1)
    mouse.apply(console)
    assert console.done == [
        ("press", 100 * density + 0.5, 50 * density + 0.5),
        ("drag", 110 * density + 0.5, 60 * density + 0.5),
        ("scroll", 110 * density + 0.5, 60 * density + 0.5, 1),
    ]


@pytest.mark.parametrize("density", [1.0, 1.25, 2.0])
def test_a_position_within_a_pixel_is_that_pixels_centre(monkeypatch: pytest.MonkeyPatch, density: float) -> None:
    mouse, console = Mouse(monkeypatch, density), FakeConsole()
    for x, y in ((10.0, 7.0), (10.49, 7.51), (10.99, 7.99)):
        mouse.move(x / density, y / density)
        mouse.button(True)
        mouse.button(False)
    mouse.apply(console)
    assert console.done == [("press", 10.5, 7.5)] * 3


def test_of_many_positions_only_the_latest_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    mouse, console = Mouse(monkeypatch), FakeConsole()
    mouse.button(True)
    for x in range(1, 50):
        mouse.move(x, 2 * x)
    mouse.apply(console)
    for x in range(50, 60):
        mouse.move(x, 0)
    mouse.button(False)
    mouse.move(70, 0)
    mouse.apply(console)
    assert console.done == [("press", 0.5, 0.5), ("drag", 49.5, 98.5), ("drag", 59.5, 0.5)]


@pytest.mark.parametrize(("action", "drags"), [("crosshair", 1), ("threshold", 1), ("hit:30", 0), (None, 0)])
def test_only_crosshair_and_threshold_are_dragged(
    monkeypatch: pytest.MonkeyPatch, action: str | None, drags: int
) -> None:
    """A hand that trembles must not choose a hit twice."""
    mouse, console = Mouse(monkeypatch), FakeConsole(action)
    mouse.button(True)
    mouse.apply(console)
    mouse.move(1, 0)
    mouse.apply(console)
    assert [what[0] for what in console.done] == ["press"] + ["drag"] * drags


def test_other_buttons_do_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    mouse, console = Mouse(monkeypatch), FakeConsole()
    for which in (glfw.MOUSE_BUTTON_RIGHT, glfw.MOUSE_BUTTON_MIDDLE):
        mouse.button(True, which)
        mouse.move(5, 5)
        mouse.button(False, which)
    assert not mouse.apply(console)
    assert console.done == []


def test_under_the_list_of_keys_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    mouse, console = Mouse(monkeypatch), FakeConsole()
    mouse.button(True)
    mouse.apply(console)
    console.view.help = True
    mouse.move(5, 5)
    mouse.wheel(1)
    mouse.apply(console)
    console.view.help = False
    mouse.move(6, 6)
    mouse.apply(console)
    assert console.done == [("press", 0.5, 0.5)], "a drag that the list interrupted is over"


def test_a_touchpads_small_steps_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    mouse, console = Mouse(monkeypatch), FakeConsole()
    for _ in range(10):
        mouse.wheel(0.25)
        mouse.apply(console)
    assert [what[3] for what in console.done] == [1, 1]
    mouse.wheel(-0.5)
    mouse.apply(console)
    assert len(console.done) == 2, "what was left of the other direction is gone, but half a step is none"
    mouse.wheel(-0.5)
    mouse.apply(console)
    assert console.done[2:] == [("scroll", 0.5, 0.5, -1)]


def test_turns_between_two_pictures_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    mouse, console = Mouse(monkeypatch), FakeConsole()
    for away in (1, 1, 1, -1, 0.5):
        mouse.wheel(away)
    mouse.wheel(0, right=3)
    mouse.apply(console)
    assert console.done == [("scroll", 0.5, 0.5, 2)]


@given(st.lists(st.floats(-3, 3), max_size=30))
def test_no_step_is_made_up_or_lost(turns: list[float]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        mouse, console = Mouse(patch), FakeConsole()
        away = [abs(turn) for turn in turns]
        for turn in away:
            mouse.wheel(turn)
            mouse.apply(console)
    done = sum(what[3] for what in console.done)
    assert all(what[3] == int(what[3]) != 0 for what in console.done)
    assert sum(away) - 1 - 1e-6 < done <= sum(away) + 1e-6


class Keys:
    """A keyboard of some layout: which character each key prints."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, layout: dict[int, str] | None = None) -> None:
        self.called: list[str] = []
        callbacks: dict[str, Any] = {}
        monkeypatch.setattr(glfw, "set_key_callback", lambda _window, f: callbacks.update(key=f))
        monkeypatch.setattr(glfw, "set_char_callback", lambda _window, f: callbacks.update(char=f))
        printed = {code: chr(code).lower() for code in range(glfw.KEY_A, glfw.KEY_Z + 1)} | (layout or {})
        monkeypatch.setattr(glfw, "get_key_name", lambda key, _scancode: printed.get(key))
        self._keyboard = Keyboard(None, self.called.append)
        self._callbacks = callbacks

    def press(self, key: int, modifiers: int = 0, typed: str = "", event: int = glfw.PRESS) -> list[str]:
        """Press a key and let it go; return the actions that were called."""
        del self.called[:]
        self._callbacks["key"](None, key, 0, event, modifiers)
        for character in typed:
            self._callbacks["char"](None, ord(character))
        self._callbacks["key"](None, key, 0, glfw.RELEASE, modifiers)
        return list(self.called)


@pytest.mark.parametrize(
    ("key", "plain", "shifted"),
    [
        (glfw.KEY_LEFT, "older", "step_left"),
        (glfw.KEY_RIGHT, "newer", "step_right"),
        (glfw.KEY_PAGE_UP, "page_older", "step_up"),
        (glfw.KEY_PAGE_DOWN, "page_newer", "step_down"),
        (glfw.KEY_END, "live", "live"),
    ],
)
def test_shift_makes_another_key_of_an_arrow(
    monkeypatch: pytest.MonkeyPatch, key: int, plain: str, shifted: str
) -> None:
    keys = Keys(monkeypatch)
    assert keys.press(key) == [plain]
    assert keys.press(key, glfw.MOD_SHIFT) == [shifted]
    assert keys.press(key, glfw.MOD_SHIFT | glfw.MOD_NUM_LOCK | glfw.MOD_CAPS_LOCK) == [shifted]
    assert keys.press(key, glfw.MOD_CONTROL) == []


def test_up_and_down_do_nothing_without_shift(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(monkeypatch)
    assert keys.press(glfw.KEY_UP) == []
    assert keys.press(glfw.KEY_DOWN) == []
    assert keys.press(glfw.KEY_UP, glfw.MOD_SHIFT) == ["step_front"]
    assert keys.press(glfw.KEY_DOWN, glfw.MOD_SHIFT) == ["step_back"]


def test_characters_count_as_typed_on_any_keyboard(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(monkeypatch)
    assert keys.press(glfw.KEY_SLASH, typed="/") == ["threshold_auto"]
    assert keys.press(glfw.KEY_SLASH, glfw.MOD_SHIFT, typed="?") == ["help"]
    assert keys.press(glfw.KEY_7, glfw.MOD_SHIFT, typed="/") == ["threshold_auto"], "German"
    assert keys.press(glfw.KEY_MINUS, glfw.MOD_SHIFT, typed="?") == ["help"], "German"
    assert keys.press(glfw.KEY_COMMA, typed=",") == ["threshold_lower"]
    assert keys.press(glfw.KEY_COMMA, glfw.MOD_SHIFT, typed="<") == []
    assert keys.press(glfw.KEY_1, glfw.MOD_SHIFT, typed="1") == ["grey_darker"], "French"
    assert keys.press(glfw.KEY_1, typed="&") == [], "French"


@pytest.mark.parametrize("digit", "01234")
def test_digits_count_from_the_keypad_too(monkeypatch: pytest.MonkeyPatch, digit: str) -> None:
    keys = Keys(monkeypatch)
    row = keys.press(getattr(glfw, f"KEY_{digit}"), typed=digit)
    pad = keys.press(getattr(glfw, f"KEY_KP_{digit}"), glfw.MOD_NUM_LOCK, typed=digit)
    assert row == pad
    assert row[0].startswith("grey_")


def test_letters_are_those_of_the_layout(monkeypatch: pytest.MonkeyPatch) -> None:
    french = {glfw.KEY_Q: "a", glfw.KEY_A: "q", glfw.KEY_SEMICOLON: "m", glfw.KEY_M: ","}
    keys = Keys(monkeypatch, french)
    assert keys.press(glfw.KEY_Q, typed="a") == ["map_axis"]
    assert keys.press(glfw.KEY_A, typed="q") == ["close"]
    assert keys.press(glfw.KEY_SEMICOLON, typed="m") == ["map_mode"]
    assert keys.press(glfw.KEY_M, typed=",") == ["threshold_lower"]
    russian = Keys(monkeypatch, {glfw.KEY_V: "м", glfw.KEY_COMMA: "б"})
    assert russian.press(glfw.KEY_V, typed="м") == ["map_view"], "without Latin letters, the place counts"
    unknown = Keys(monkeypatch, dict.fromkeys(range(glfw.KEY_A, glfw.KEY_Z + 1), ""))
    assert unknown.press(glfw.KEY_V) == ["map_view"]
    assert unknown.press(glfw.KEY_V, glfw.MOD_SHIFT) == ["map_view"]


def test_what_helps_is_repeated_while_a_key_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys(monkeypatch)

    def hold(key: int, modifiers: int = 0, typed: str = "") -> list[str]:
        return keys.press(key, modifiers, typed, glfw.REPEAT)

    assert hold(glfw.KEY_LEFT, glfw.MOD_SHIFT) == ["step_left"]
    assert hold(glfw.KEY_PERIOD, 0, ".") == ["threshold_higher"]
    assert hold(glfw.KEY_KP_2, 0, "2") == ["grey_brighter"]
    assert hold(glfw.KEY_SLASH, glfw.MOD_SHIFT, "?") == [], "the list of keys does not flicker"
    assert keys.press(glfw.KEY_SLASH, glfw.MOD_SHIFT, "?") == ["help"]
    for key in (glfw.KEY_ESCAPE, glfw.KEY_F, glfw.KEY_TAB, glfw.KEY_H, glfw.KEY_E):
        assert hold(key) == []


def with_a_window(test: Any) -> Any:
    """Mark a test that needs a real window."""
    for mark in needs_window():
        test = mark(test)
    return test


NT, HITS, SIZE = 60, (6, 15), (1280, 720)


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """Give a real window that shows a hit's map, and stands still."""
    monkeypatch.setenv(discovery.FOLDER_VARIABLE, str(tmp_path / "runtime"))
    monkeypatch.delenv("RTCOG_GL_WINDOW", raising=False)
    session: ScriptedSession
    with managed_session("pointer", tmp_path / "out", NT, HITS) as session:
        one = Shown(session, tmp_path, monkeypatch, WindowOptions(size=SIZE, arrangement="map"), "fork", spy=True)
        try:
            one.ready()
            play(session, 20)
            yield one
        finally:
            one.close()


def move(window: XWindow, x: int, y: int) -> None:
    xdotool("mousemove", "--window", window.id, x, y)


def crosshair(shown: Shown, window: XWindow) -> Any:
    """Return where the operator put the crosshair; the key that is pressed to learn it does nothing to it."""
    return press(shown, window, "y")["view"]["map"]["at"]


@with_a_window
def test_a_real_mouse_moves_the_crosshair(shown: Shown) -> None:
    window = shown.window()
    window.focus()
    assert crosshair(shown, window) is None
    places = [(x, y) for y in (200, 300, 450, 550) for x in (300, 500, 700, 900)]

    def clicked() -> Any:
        """Click from place to place until a slice was hit; return where, and the crosshair."""
        for x, y in places:
            move(window, x, y)
            xdotool("click", 1)
            at = crosshair(shown, window)
            if at is not None:
                return x, y, at
        return None

    x, y, first = until(clicked, "a click on a slice")
    move(window, x, y)
    xdotool("mousedown", 1)
    for step in range(1, 7):
        move(window, x + step, y)
    xdotool("mouseup", 1)
    dragged = crosshair(shown, window)
    differs = [abs(a - b) > 1e-9 for a, b in zip(first, dragged, strict=True)]
    assert sum(differs) == 1, "to the right in a slice is along one axis of the world"
    move(window, x, y + 9)
    assert crosshair(shown, window) == dragged, "no button is held"
    xdotool("click", 4)
    through = until(lambda: (now := crosshair(shown, window)) != dragged and now, "a slice further")
    assert [a != b for a, b in zip(dragged, through, strict=True)] != differs
    window.key("question")
    move(window, x, y)
    xdotool("click", 1)
    assert crosshair(shown, window) == through, "under the list of keys"
    assert press(shown, window, "c")["view"]["map"]["at"] is None
