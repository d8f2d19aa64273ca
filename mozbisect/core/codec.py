"""Values to JSON and back: the frozen dataclasses of this package, field by field, by their annotations.

It knows the handful of types that the model uses and nothing more: str, int, float, bool, None, datetime, date,
enums, tuples, ``X | None``, unions of dataclasses (told apart by a ``"is"`` field), string-keyed dicts.
An unknown field is refused: it was written by a newer mozbisect, and to drop it would be to lose something.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


def to_json(value: object) -> Any:
    """Plain JSON types for a value of the model; fields that are at their empty default are left out."""
    match value:
        case None | bool() | int() | float():
            return value
        case StrEnum():
            return value.value
        case str():
            return value
        case datetime() | date():
            return value.isoformat()
        case tuple() | list():
            return [to_json(item) for item in value]
        case Mapping():
            return {key: to_json(item) for key, item in value.items()}
    if not is_dataclass(value) or isinstance(value, type):
        raise TypeError(f"no JSON form for {value!r}")
    row: dict[str, Any] = {"is": type(value).__name__}
    for field in fields(value):
        content = getattr(value, field.name)
        if content is not None and content != () and content != "" and content != {}:
            row[field.name] = to_json(content)
    return row


def from_json(kind: Any, row: Any) -> Any:
    """The value of type ``kind`` that ``row`` describes. Raises ``ValueError`` when it does not describe one."""
    if kind is Any:
        return row
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _from_union(get_args(kind), row)
    if origin is tuple:
        return tuple(from_json(get_args(kind)[0], item) for item in _expect(row, list))
    if origin in (dict, Mapping):
        return {key: from_json(get_args(kind)[1], item) for key, item in _expect(row, dict).items()}
    if kind is types.NoneType:
        return _expect(row, types.NoneType)
    if kind in (datetime, date) or issubclass(kind, StrEnum):
        text = _expect(row, str)
        return kind.fromisoformat(text) if kind in (datetime, date) else kind(text)
    if is_dataclass(kind):
        return _from_row(kind, _expect(row, dict))
    if kind is float:
        return float(_expect(row, (int, float)))
    return _expect(row, kind)


def _from_union(kinds: tuple[Any, ...], row: Any) -> Any:
    if row is None and types.NoneType in kinds:
        return None
    named: dict[str, Any] = {str(getattr(kind, "__name__", "")): kind for kind in kinds if is_dataclass(kind)}
    if isinstance(row, dict) and row.get("is") in named:
        return from_json(named[row["is"]], row)
    for kind in kinds:
        if not is_dataclass(kind) and kind is not types.NoneType:
            return from_json(kind, row)
    if len(named) == 1:
        return from_json(next(iter(named.values())), row)
    raise ValueError(f"expected one of {', '.join(named)}, not {str(row)[:80]}")


def _from_row(kind: Any, row: dict[str, Any]) -> Any:
    hints = _hints(kind)
    unknown = set(row) - set(hints) - {"is"}
    if unknown:
        raise ValueError(f"{kind.__name__} has no field {', '.join(sorted(unknown))}")
    values = {name: from_json(hints[name], item) for name, item in row.items() if name != "is"}
    for field in fields(kind):
        if field.name not in values:
            values[field.name] = _empty(hints[field.name], field)
    return kind(**values)


def _empty(hint: Any, field: Any) -> Any:
    """What ``to_json`` left out: None, an empty tuple, an empty string; else the field's own default."""
    if hint is str:
        return ""
    if get_origin(hint) is tuple:
        return ()
    if get_origin(hint) in (dict, Mapping):
        return {}
    if get_origin(hint) in (Union, types.UnionType) and types.NoneType in get_args(hint):
        return None
    if field.default is not MISSING:  # a field that older journals do not have
        return field.default
    raise ValueError(f"the field {field.name} is missing")


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _expect(row: Any, kind: Any) -> Any:
    if not isinstance(row, kind) or (kind is int and isinstance(row, bool)):
        raise ValueError(f"expected {getattr(kind, '__name__', kind)}, not {str(row)[:80]!r}")
    return row
