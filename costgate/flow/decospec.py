"""Decorators as the command line writes them: `kubernetes:cpu=2,memory=4096`."""

from __future__ import annotations

import json
import re
from typing import Any

from costgate.errors import InputError
from costgate.model import Decorator, Known, Location

# metaflow/decorators.py, extract_args_kwargs_from_decorator_spec: a comma separates only before `name=`, so that
# JSON values may hold commas.
SEPARATOR = re.compile(r",(?=[\s\w]+=)")
NAME = re.compile(r"[A-Za-z_][\w.]*")


def parse_decospec(text: str, location: Location) -> Decorator:
    """The decorator of `--with TEXT`. InputError where Metaflow could not read it."""
    name, _, attributes = text.partition(":")
    if not NAME.fullmatch(name):
        raise _error(text, location, "names no decorator")
    kwargs: dict[str, Known] = {}
    for part in SEPARATOR.split(attributes) if attributes else ():
        key, equals, value = part.partition("=")
        if not equals or not key.strip():
            raise _error(text, location, f"has {part[:50]!r} where `attribute=value` belongs")
        kwargs[key.strip()] = Known(value=_value(value.strip()), chain=(location,))
    return Decorator(name=name.rpartition(".")[2], kwargs=kwargs, origin="with", location=location)


def _value(text: str) -> Any:
    r"""JSON (with `\"` for `"`), else int, float or text."""
    try:
        return json.loads(text.replace('\\"', '"'))
    except (ValueError, RecursionError):
        pass
    for convert in (int, float):
        try:
            return convert(text)
        except ValueError:
            pass
    return text


def _error(text: str, location: Location, what: str) -> InputError:
    return InputError(
        f"the decospec {text[:100]!r} {what}", where=str(location), help="write it like kubernetes:cpu=2,memory=4096"
    )
