"""Keys of a GLFW window, as names of actions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import glfw

from ..model.keys import BINDINGS, SHIFT, binding_of

_KEYS = {key.removeprefix(SHIFT) if len(key) > 1 else key for binding in BINDINGS for key in binding.keys}

_TYPED = {key for key in _KEYS if len(key) == 1 and not key.isalpha()}
"""Characters that must be taken as typed, because keyboards have them on different keys."""

_NAMES = {getattr(glfw, f"KEY_{key}"): key for key in _KEYS if key not in _TYPED and hasattr(glfw, f"KEY_{key}")}


class Keyboard:
    """Calls `on_action` with the name of an action for each key pressed or, where that helps, repeated.

    Own callbacks replace vispy's, which drop repeats and mix up characters after a shortcut.
    """

    def __init__(self, window: Any, on_action: Callable[[str], None]) -> None:
        self._on_action = on_action
        self._repeated = False
        # Kept, because GLFW does not hold references to Python functions for us.
        self._callbacks = (self._key, self._char)
        glfw.set_key_callback(window, self._callbacks[0])
        glfw.set_char_callback(window, self._callbacks[1])

    def _key(self, _window: Any, key: int, scancode: int, event: int, modifiers: int) -> None:
        # The character that a key types comes after the key itself.
        self._repeated = event == glfw.REPEAT
        shortcut = glfw.MOD_CONTROL | glfw.MOD_ALT | glfw.MOD_SUPER
        if event == glfw.RELEASE or modifiers & shortcut:
            return
        name = _name_of(key, scancode)
        if name is None:
            return
        shifted = SHIFT + name
        self._call(shifted if modifiers & glfw.MOD_SHIFT and binding_of(shifted) is not None else name)

    def _char(self, _window: Any, codepoint: int) -> None:
        name = chr(codepoint)
        if name in _TYPED:
            self._call(name)

    def _call(self, name: str) -> None:
        """Call a key's action; a held Esc must not count as two, nor F flicker."""
        binding = binding_of(name)
        if binding is not None and (binding.repeats or not self._repeated):
            self._on_action(binding.action)


def _name_of(key: int, scancode: int) -> str | None:
    """Return the name of a key that is not taken as typed: a letter as the keyboard's layout has it.

    GLFW names letters by where they are on a keyboard of the United States. Where the layout has no Latin letters,
    that is what counts; where it has others there, they do.
    """
    if not glfw.KEY_SPACE <= key <= glfw.KEY_GRAVE_ACCENT:
        return _NAMES.get(key)
    printed = (glfw.get_key_name(key, scancode) or "").upper()
    if not printed.isascii() or not printed:
        return _NAMES.get(key)
    return printed if printed.isalpha() and len(printed) == 1 else None
