"""What judges: configuration, rate card, usage profile and policy of one revision, and what replaces a broken one."""

from __future__ import annotations

import posixpath
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from costgate import config as config_file
from costgate import usage as usage_file
from costgate.config import ProjectConfig
from costgate.errors import InputError, Problem
from costgate.model import RateCard, Snapshot, UsageProfile
from costgate.policy.load import Policy
from costgate.policy.load import load as load_policy
from costgate.rates.card import load as load_card

CONFIG = "costgate.yml"
DEFAULT_USAGE = ".costgate/usage.json"
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A judging file named on the command line: a plain path (or a shipped name) and how to read it."""

    reference: str
    read: Callable[[str], bytes]  # path → content; KeyError where there is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """The judging files named on the command line. A broken one is the caller's mistake and raises InputError."""

    rate_card: Override | None = None
    usage: Override | None = None
    policy: Override | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """The judging files of one revision, loaded. `broken` holds what could not be used."""

    config: ProjectConfig
    card: RateCard
    usage: UsageProfile | None
    policy: Policy
    paths: frozenset[str]  # of the snapshot, read or looked for
    broken: tuple[Problem, ...]


def read_config(snapshot: Snapshot) -> ProjectConfig:
    """costgate.yml of a snapshot; the defaults where there is none. Raises InputError."""
    if CONFIG not in snapshot.files:
        return ProjectConfig()
    return config_file.parse(snapshot.read(CONFIG), CONFIG)


def load(snapshot: Snapshot, as_of: datetime, overrides: Overrides) -> Judging:
    """Load all that judges. What is broken in the snapshot is replaced and listed; then the strict pack judges."""
    seen = {CONFIG}
    broken: list[Problem] = []

    def read(path: str) -> bytes:
        seen.add(posixpath.normpath(path))
        return snapshot.read(posixpath.normpath(path))

    config = _attempt(lambda: read_config(snapshot), ProjectConfig, broken)
    card_from = overrides.rate_card or Override(reference=config.rate_card, read=read)
    card = _attempt(
        lambda: load_card(card_from.reference, read=card_from.read, as_of=as_of.date()),
        lambda: load_card("aws", read=read, as_of=as_of.date()),
        None if overrides.rate_card else broken,
    )
    usage = _attempt(
        lambda: _usage(overrides.usage, config, read), lambda: None, None if overrides.usage else broken
    )  # fmt: skip
    policy_from = overrides.policy or Override(reference=config.policy, read=read)
    policy = _attempt(
        lambda: _policy(policy_from, card), lambda: strict(card), None if overrides.policy else broken
    )  # fmt: skip
    return Judging(
        config=config,
        card=card,
        usage=usage,
        policy=strict(card) if broken else policy,
        paths=frozenset(seen),
        broken=tuple(broken),
    )


def strict(card: RateCard) -> Policy:
    """The shipped strict pack, its limits read in the card's currency: it judges where the real policy is broken."""
    no_files: dict[str, bytes] = {}
    return replace(load_policy("strict", read=no_files.__getitem__), currency=card.currency)


def _attempt(load_it: Callable[[], T], instead: Callable[[], T], broken: list[Problem] | None) -> T:
    try:
        return load_it()
    except InputError as error:
        if broken is None:
            raise
        broken.extend(error.problems)
        return instead()


def _usage(override: Override | None, config: ProjectConfig, read: Callable[[str], bytes]) -> UsageProfile | None:
    source = override or Override(reference=config.usage or DEFAULT_USAGE, read=read)
    try:
        data = source.read(source.reference)
    except KeyError:
        if override is None and config.usage is None:
            return None  # the default place is optional
        where = str(config.locations["usage"]) if override is None else source.reference
        raise InputError(
            f"there is no usage profile {source.reference!r}",
            where=where,
            help="write it with `costgate meter usage`, or remove the setting to judge by assumptions",
        ) from None
    return usage_file.load(data, source.reference)


def _policy(source: Override, card: RateCard) -> Policy:
    policy = load_policy(source.reference, read=source.read)
    if policy.currency != card.currency:
        raise InputError(
            f"the limits are in {policy.currency}, the rate card {card.name} is in {card.currency}",
            where=policy.path,
            help=f"write a policy with `currency: {card.currency}` and limits to match, or convert the card with `fx`",
        )
    return policy
