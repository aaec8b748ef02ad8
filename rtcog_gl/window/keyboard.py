"""Keys of a GLFW window, as names of actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import glfw

from ..model.keys import BINDINGS, action_of

_TYPED = {k for binding in BINDINGS for k in binding.keys if len(k) == 1 and not k.isalpha()}
"""Characters that must be taken as typed, because keyboards have them on different keys."""

_NAMES = {
    getattr(glfw, f"KEY_{key}"): key for binding in BINDINGS for key in binding.keys if hasattr(glfw, f"KEY_{key}")
}

_REPEATED = {"LEFT", "RIGHT", "PAGE_UP", "PAGE_DOWN"}
"""Keys that act again while they are held; a held Esc must not count as two, nor F flicker."""


class Keyboard:
    """Calls `on_action` with the name of an action for each key pressed or, where that helps, repeated.

    Own callbacks replace vispy's, which drop repeats and mix up characters after a shortcut.
    """

    def __init__(self, window: Any, on_action: Callable[[str], None]) -> None:
        self._on_action = on_action
        # Kept, because GLFW does not hold references to Python functions for us.
        self._callbacks = (self._key, self._char)
        glfw.set_key_callback(window, self._callbacks[0])
        glfw.set_char_callback(window, self._callbacks[1])

    def _key(self, _window: Any, key: int, _scancode: int, event: int, modifiers: int) -> None:
        shortcut = glfw.MOD_CONTROL | glfw.MOD_ALT | glfw.MOD_SUPER
        name = _NAMES.get(key)
        if event == glfw.RELEASE or modifiers & shortcut or name is None:
            return
        if event == glfw.REPEAT and name not in _REPEATED:
            return
        self._call(name)

    def _char(self, _window: Any, codepoint: int) -> None:
        name = chr(codepoint)
        if name in _TYPED:
            self._call(name)

    def _call(self, name: str) -> None:
        action = action_of(name)
        if action is not None:
            self._on_action(action)
