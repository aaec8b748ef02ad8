"""Frozen dataclasses to JSON and back, with every value checked on the way in."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, TypeVar

Record = TypeVar("Record")
Reader = Callable[[Any, str], Any]
"""From a parsed value and its name to the checked value."""

LARGEST = 2**63 - 1
"""Integers beyond it (and below its negative) are refused."""


_AS_IT_IS = frozenset((str, float, bool, type(None)))


def plain(value: object) -> Any:
    """Return what JSON can say of `value`: dataclasses as objects, tuples as arrays, numpy scalars as numbers.

    Anything else that JSON does not know becomes its ``str``.
    """
    if type(value) is int and -LARGEST <= value <= LARGEST:
        return value
    if value is None or isinstance(value, str | float):
        return value
    if isinstance(value, int):
        return value if -LARGEST <= value <= LARGEST else str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, list | tuple):
        return [item if type(item) in _AS_IT_IS else plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    item = getattr(value, "item", None)
    return plain(item()) if callable(item) and getattr(value, "ndim", 1) == 0 else str(value)


def dump(value: object) -> bytes:
    """Return `value` as compact ASCII JSON."""
    return json.dumps(plain(value), separators=(",", ":")).encode("ascii")


def load(data: bytes) -> Any:
    """Read JSON.

    Raises
    ------
    ValueError
        If the bytes are no JSON, or JSON nested too deeply.
    """
    try:
        return json.loads(data)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None


def build(kind: type[Record], data: object) -> Record:
    """Make a dataclass out of parsed JSON.

    Parameters
    ----------
    kind : type
        A dataclass whose fields are bool, int, float, str, None, tuples ``tuple[T, ...]`` and dataclasses of these; a
        dataclass can also be ``| None``.
    data : object
        What `load` returned. Fields that are not there keep their defaults; unknown ones are passed over, so that a
        reader understands a slightly newer writer.

    Raises
    ------
    ValueError
        If a field has another type than declared, or one without a default is missing.
    """
    reader: Callable[[Any, str], Record] = _reader(typing.cast(Any, kind))
    return reader(data, kind.__name__)


@cache
def _reader(hint: Any) -> Reader:
    """Return the function that checks a value against a type hint; made once, because answers come by the thousand."""
    origin, choices = typing.get_origin(hint), typing.get_args(hint)
    if origin in (types.UnionType, typing.Union):
        record: Any = next((choice for choice in choices if dataclasses.is_dataclass(choice)), None)
        return _scalar(frozenset(choices)) if record is None else _optional(_reader(record))
    if origin is tuple:
        return _array(_reader(choices[0]))
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _record(hint)
    return _scalar(frozenset((hint,)))


def _scalar(kinds: frozenset[type]) -> Reader:
    widen = float in kinds and int not in kinds

    def read(value: Any, name: str) -> Any:
        kind = type(value)
        if kind is int and not -LARGEST <= value <= LARGEST:
            raise ValueError(f"{name} is beyond 64 bits")
        if kind in kinds:
            return value
        if widen and kind is int:
            return float(value)
        expected = " or ".join(sorted(k.__name__ for k in kinds))
        raise ValueError(f"{name} is {kind.__name__}, expected {expected}")

    return read


def _optional(read_it: Reader) -> Reader:
    def read(value: Any, name: str) -> Any:
        return None if value is None else read_it(value, name)

    return read


def _array(read_item: Reader) -> Reader:
    def read(value: Any, name: str) -> Any:
        if type(value) is not list:
            raise ValueError(f"{name} is {type(value).__name__}, expected an array")
        return tuple([read_item(item, name) for item in value])

    return read


def _record(kind: type) -> Reader:
    readers = {name: _reader(hint) for name, hint in typing.get_type_hints(kind).items()}

    def read(value: Any, name: str) -> Any:
        if type(value) is not dict:
            raise ValueError(f"{name} is {type(value).__name__}, expected an object")
        fields = {key: reader(value[key], f"{name}.{key}") for key, reader in readers.items() if key in value}
        try:
            return kind(**fields)
        except TypeError as error:
            raise ValueError(f"{name} is incomplete: {error}") from None

    return read
