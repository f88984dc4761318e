"""Policy files → one Policy: shipped packs and paths, `extends`, and whether the parts fit together."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from costgate import shipped
from costgate.errors import InputError, Problem
from costgate.model import Location
from costgate.policy import entries
from costgate.policy.approval import stands_for
from costgate.policy.entries import Entry, nearest
from costgate.policy.rules import RULES
from costgate.policy.values import SHIPPED, ApprovalRule, Policy, Rule, Scope, Waiver
from costgate.yamlfile import Document, check
from costgate.yamlfile import load as load_file

__all__ = ["ApprovalRule", "Policy", "Rule", "Scope", "Waiver", "load"]

DEFAULT_CURRENCY = "USD"  # of a policy that does not say; a rate card in another currency is then refused
MAX_FILES = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    document: Document
    digest: str


def load(reference: str, *, read: Callable[[str], bytes]) -> Policy:
    """A shipped pack by its name, or the file at a path (KeyError of `read`: there is none). Raises InputError."""
    path = _path(reference, "")
    layers: list[_Layer] = []
    _collect(path, reference, None, (), read, layers)
    problems: list[Problem] = []
    rules = _rules(layers, problems)
    approvals = _approvals(layers, problems)
    waivers = tuple(entries.waiver(entry) for layer in layers for entry in _entries(layer, "waivers", problems))
    problems += _loose_ends(rules, approvals, waivers)
    if problems:
        raise InputError(problems=problems)
    stated = [layer.document for layer in layers if "currency" in layer.document.data]
    return Policy(
        name=layers[-1].document.data.get("name", reference),
        currency=stated[-1].data["currency"] if stated else DEFAULT_CURRENCY,
        rules=(*rules.values(), *_built_in(rules.values(), layers[-1].document)),
        approvals=approvals,
        waivers=waivers,
        digest=_digest(layers),
        path=path,
        currency_location=stated[-1].where("currency") if stated else None,
    )


def _path(reference: str, extending: str) -> str:
    if reference in shipped.policy_packs():
        return f"{SHIPPED}policies/{reference}.yml"
    return posixpath.normpath(posixpath.join(posixpath.dirname(extending), reference))


def _collect(
    path: str,
    reference: str,
    asked_at: Location | None,
    chain: tuple[str, ...],
    read: Callable[[str], bytes],
    layers: list[_Layer],
) -> None:
    """Append the file's layers, those that it extends first."""
    where = str(asked_at or reference)
    if path in chain:
        raise InputError(
            f"a policy cannot extend itself: {' → '.join((*chain[chain.index(path) :], path))}",
            where=where,
            help="take one of them out of `extends`",
        )
    if len(layers) + len(chain) >= MAX_FILES:
        raise InputError(f"more than {MAX_FILES} files in `extends`", where=where, help="extend fewer policies")
    data = _bytes(path, reference, where, read)
    document = load_file(data, path)
    check(document, "policy")
    for index, name in enumerate(document.data.get("extends", ())):
        place = document.where("extends", index)
        _collect(_path(name, path), name, place, (*chain, path), read, layers)
    layers.append(_Layer(document=document, digest=sha256(data).hexdigest()))


def _bytes(path: str, reference: str, where: str, read: Callable[[str], bytes]) -> bytes:
    packs = shipped.policy_packs()
    if reference in packs:
        return packs[reference].read_bytes()
    try:
        return read(path)
    except KeyError:
        raise InputError(
            f"there is no policy {reference!r}",
            where=where,
            help=f"name a file, or a shipped pack: {nearest(reference, packs)}",
        ) from None


def _entries(layer: _Layer, section: str, problems: list[Problem]) -> Iterator[Entry]:
    for index, data in enumerate(layer.document.data.get(section, ())):
        yield Entry(layer.document, (section, index), data, problems)


def _rules(layers: Iterable[_Layer], problems: list[Problem]) -> dict[str, Rule]:
    """The same id replaces, `off: true` removes, everything else is added."""
    merged: dict[str, Rule] = {}
    for layer in layers:
        inherited, own = dict(merged), dict[str, Rule]()
        for entry in _entries(layer, "rules", problems):
            if entry.data.get("off"):
                for removed in entries.removal(entry, inherited):
                    merged.pop(removed, None)
                continue
            rule = entries.rule(entry)
            if rule.id in own:
                other = own[rule.id].location.short
                entry.wrong(f"{rule.id!r} is the id of the rule at {other} too", "give one of them an `id` of its own")
            own[rule.id] = merged[rule.id] = rule
    return merged


def _approvals(layers: Iterable[_Layer], problems: list[Problem]) -> dict[str, ApprovalRule]:
    """Fields of an extending file replace those of what it extends, so that `users` alone can be named."""
    fields: dict[str, dict[str, Any]] = {}
    merged: dict[str, ApprovalRule] = {}
    for layer in layers:
        for name, data in layer.document.data.get("approvals", {}).items():
            fields[name] = {**fields.get(name, {}), **data}
            merged[name] = entries.approval(name, Entry(layer.document, ("approvals", name), fields[name], problems))
    return merged


def _loose_ends(
    rules: Mapping[str, Rule], approvals: Mapping[str, ApprovalRule], waivers: Iterable[Waiver]
) -> Iterator[Problem]:
    for rule in rules.values():
        if rule.approval is not None and rule.approval not in approvals:
            yield _unknown("approval", rule.approval, approvals, rule.location)
    for approval in approvals.values():
        for name in approval.satisfies:
            if name not in approvals:
                yield _unknown("approval", name, approvals, approval.location)
        if approval.name in stands_for(approval.name, approvals):
            message = f"the approval {approval.name!r} satisfies itself"
            yield Problem(message=message, where=str(approval.location), help="take the circle out of `satisfies`")
    for waiver in waivers:
        if waiver.rule not in RULES and waiver.rule not in rules:
            yield _unknown("rule", waiver.rule, [*RULES, *rules], waiver.location)


def _unknown(kind: str, name: str, known: Iterable[str], where: Location) -> Problem:
    return Problem(message=f"there is no {kind} {name!r}", where=str(where), help=nearest(name, known))


def _built_in(rules: Iterable[Rule], document: Document) -> Iterator[Rule]:
    """no-unpriced blocks wherever no rule of the policy answers for what is unpriced."""
    said = tuple(rule.scope for rule in rules if rule.rule == "no-unpriced")
    if all(said):
        name = entries.default_id("no-unpriced", {}, "block", None, None)
        yield Rule(id=name, rule="no-unpriced", action="block", location=document.where(), outside=said)


def _digest(layers: list[_Layer]) -> str:
    """The file's own sha256; with `extends` that of all the files' digests, in the order in which they apply."""
    if len(layers) == 1:
        return layers[0].digest
    return sha256("".join(layer.digest for layer in layers).encode()).hexdigest()
