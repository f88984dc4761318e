"""One entry of a policy file → a value. The schema has checked its shape; what it means is checked here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from difflib import get_close_matches
from typing import Any

from costgate.errors import Problem
from costgate.model import Location
from costgate.policy.rules import RULES, RuleSpec
from costgate.policy.values import ApprovalRule, Rule, Scope, Waiver
from costgate.units import decimal, parse_duration
from costgate.yamlfile import Document

MAX_DAYS = 36_500  # of a duration; further back there is no calendar
DAY_S = 86_400


class Entry:
    """A mapping of a policy file, where its keys stand, and where to put what is wrong with it."""

    def __init__(
        self, document: Document, keys: tuple[str | int, ...], data: Mapping[str, Any], problems: list[Problem]
    ) -> None:
        self.document, self.keys, self.data, self.problems = document, keys, data, problems

    def where(self, *keys: str | int) -> Location:
        """Where a value of the entry starts, or the entry itself."""
        return self.document.where(*self.keys, *keys)

    def wrong(self, message: str, help: str, *keys: str | int) -> None:
        """Note a problem with the value at these keys."""
        self.problems.append(Problem(message=message, where=str(self.where(*keys)), help=help))

    def duration(self, key: str) -> int | None:
        """Seconds, if the key is there."""
        if key not in self.data:
            return None
        seconds = parse_duration(self.data[key])
        if seconds > MAX_DAYS * DAY_S:
            self.wrong(f"`{key}: {self.data[key]}` is longer than a century", f"at most {MAX_DAYS}d", key)
        return seconds


def rule(entry: Entry) -> Rule:
    """A rule that is not off."""
    data = entry.data
    spec = RULES[data["rule"]]
    scope, approval = globs(data.get("scope", {})), _approval_name(entry)
    _options(entry, spec)
    return Rule(
        id=data.get("id") or default_id(data["rule"], scope, data["action"], approval, data.get("window")),
        rule=data["rule"],
        action=data["action"],
        limit=_limit(entry, spec),
        approval=approval,
        scope=scope,
        at=data.get("at", "expected"),
        per=data.get("per", spec.per[0]),
        window_s=entry.duration("window"),
        floor=decimal(data.get("floor", 0)),
        offset=data.get("offset", False),
        location=entry.where(),
    )


def default_id(rule: str, scope: Scope, action: str, approval: str | None, window: str | None) -> str:
    """`rule[scope]/action/approval`: what it judges and what follows, without the threshold.

    Two thresholds for two approvals have two ids and stand side by side; a rule of an extending file with the id of
    one that it extends replaces it. `max-monthly-total[team=reco]/warn`, `max-monthly-increase[window=30d]/warn`.
    """
    parts = [f"{key}={'|'.join(values)}" for key, values in sorted(scope.items())]
    parts += [f"window={window}"] if window else []
    return "/".join(filter(None, (rule + (f"[{','.join(parts)}]" if parts else ""), action, approval)))


def removal(entry: Entry, rules: Mapping[str, Rule]) -> tuple[str, ...]:
    """The ids that an `off: true` removes: that of its `id`, else of all rules that agree with what it says."""
    data = entry.data
    if "id" in data:
        if data["id"] not in rules:
            entry.wrong(f"there is no rule {data['id']!r} to turn off", nearest(data["id"], rules), "id")
        return (data["id"],)
    asked = {key: data[key] for key in ("rule", "action", "approval") if key in data}
    scope = globs(data["scope"]) if "scope" in data else None
    found = tuple(
        each.id
        for each in rules.values()
        if all(getattr(each, key) == value for key, value in asked.items()) and scope in (None, each.scope)
    )
    if not found:
        entry.wrong("there is no such rule to turn off", f"the files below have {', '.join(rules) or 'no rules'}")
    return found


def approval(name: str, entry: Entry) -> ApprovalRule:
    """An approval; the entry's data holds what its file and those that it extends say together."""
    data = entry.data
    return ApprovalRule(
        name=name,
        label=data.get("label", f"{name}-approved"),
        users=tuple((user, None) if isinstance(user, str) else _user(user) for user in data.get("users", ())),
        teams=tuple(team.removeprefix("@") for team in data.get("teams", ())),
        via=tuple(data.get("via", ("label",))),
        valid_for=data.get("valid_for", "amount"),
        allow_author=data.get("allow_author", False),
        notify=data.get("notify", ""),
        satisfies=tuple(data.get("satisfies", ())),
        count=data.get("count", 1),
        expires_s=entry.duration("expires"),
        location=entry.where(),
    )


def waiver(entry: Entry) -> Waiver:
    """A waiver; `flow:` is short for a scope of that flow."""
    data = entry.data
    scope = globs({**data.get("scope", {}), **({"flow": data["flow"]} if "flow" in data else {})})
    try:
        until = date.fromisoformat(data["until"])
    except ValueError:
        entry.wrong(f"{data['until']} is no day of the calendar", "write the last day, e.g. 2026-12-31", "until")
        until = date.min
    return Waiver(rule=data["rule"], scope=scope, until=until, reason=data["reason"], location=entry.where())


def nearest(name: str, names: Iterable[str]) -> str:
    """The help for a name that nothing has."""
    known = list(names)
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(known) or 'none'}"


def globs(scope: Mapping[str, Any]) -> Scope:
    """A scope as written (a glob or a list of them) with tuples."""
    return {key: (value,) if isinstance(value, str) else tuple(value) for key, value in scope.items()}


def _user(user: Mapping[str, Any]) -> tuple[str, int | None]:
    return user["login"], user.get("id")


def _approval_name(entry: Entry) -> str | None:
    name: str | None = entry.data.get("approval")
    action = entry.data["action"]
    if name is not None and action != "require-approval":
        entry.wrong(
            f"`approval` has no meaning with `action: {action}`",
            "delete it, or write `action: require-approval`",
            "approval",
        )
    return name


def _limit(entry: Entry, spec: RuleSpec) -> Decimal | None:
    if "limit" not in entry.data:
        return spec.default_limit
    return decimal(entry.duration("limit") or 0) if spec.limit == "duration" else decimal(entry.data["limit"])


def _options(entry: Entry, spec: RuleSpec) -> None:
    name = entry.data["rule"]
    for option in ("window", "floor", "offset"):
        if option in entry.data and option not in spec.options:
            having = ", ".join(rule for rule, each in RULES.items() if option in each.options)
            entry.wrong(f"`{option}` has no meaning for {name}", f"delete it; it is an option of {having}", option)
    for option, allowed in (("per", spec.per), ("at", spec.at)):
        value = entry.data.get(option, allowed[0])
        if value not in allowed:
            known = " or ".join(dict.fromkeys(allowed))
            entry.wrong(f"`{option}: {value}` has no meaning for {name}", f"it is judged {option} {known}", option)
