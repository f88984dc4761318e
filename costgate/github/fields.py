"""Strict reading of JSON answers: a field that is missing or of another type is an error that names it."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import NoReturn, TypeVar

from costgate.errors import WorldError

T = TypeVar("T")

SHA = re.compile("[0-9a-f]{40}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A value in an answer, and its place there. All methods raise WorldError for a value of another type."""

    value: object
    where: str  # the request: `GET /repos/…`
    path: str = ""  # within the answer: `head.repo.full_name`, `[3].id`

    def __getitem__(self, name: str) -> Field:
        """A member of an object; it has to be there."""
        if not isinstance(self.value, dict):
            self.wrong("an object")
        path = f"{self.path}.{name}" if self.path else name
        if name not in self.value:
            self.fail(f"{path} is missing")
        return Field(value=self.value[name], where=self.where, path=path)

    def items(self) -> tuple[Field, ...]:
        """The items of a list."""
        if not isinstance(self.value, list):
            self.wrong("a list")
        return tuple(
            Field(value=each, where=self.where, path=f"{self.path}[{index}]") for index, each in enumerate(self.value)
        )

    def maybe(self, read: Callable[[Field], T]) -> T | None:
        """None for null; what `read` makes of anything else."""
        return None if self.value is None else read(self)

    def text(self) -> str:
        """A text that can be written out: JSON may hold half a character, UTF-8 cannot."""
        if not isinstance(self.value, str):
            self.wrong("a text")
        try:
            self.value.encode()
        except UnicodeEncodeError:
            self.wrong("a text of whole characters")
        return self.value

    def number(self) -> int:
        """A whole number."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.wrong("a whole number")
        return self.value

    def flag(self) -> bool:
        """True or false."""
        if not isinstance(self.value, bool):
            self.wrong("true or false")
        return self.value

    def sha(self) -> str:
        """The full name of a git object."""
        if not isinstance(self.value, str) or not SHA.fullmatch(self.value):
            self.wrong("a commit id")
        return self.value

    def time(self) -> datetime:
        """A moment with its time zone, in UTC."""
        moment = _moment(self.text())
        if moment is None:
            self.wrong("a time with its zone, such as 2026-11-23T09:30:00Z")
        return moment

    def wrong(self, wanted: str) -> NoReturn:
        """Say that the value is not what it has to be."""
        kinds = {dict: "an object", list: "a list", str: "a text", bool: "true or false", type(None): "null"}
        kind = kinds.get(type(self.value), "a number")
        self.fail(f"{self.path or 'the answer'} is {kind}, not {wanted}")

    def fail(self, message: str) -> NoReturn:
        """Say what is wrong with the answer."""
        raise WorldError(
            message,
            where=self.where,
            help="GitHub's API does not answer like this; is its address (GITHUB_API_URL) right?",
        )


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(re.sub("Z$", "+00:00", text))
        return moment.astimezone(timezone.utc) if moment.tzinfo else None
    except (ValueError, OverflowError):  # 0001-01-01T00:00:00+10:00 is before all time in UTC
        return None
