"""The Configs of a flow: which it has, where their values come from, and what these are.

Precedence is Metaflow's: a given value or file, else METAFLOW_FLOW_CONFIG(_VALUE), else the default in the code.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from costgate.config import DeploymentSpec
from costgate.errors import InputError
from costgate.flow.config_source import as_json, as_text, broken, constant, loader, parsed, written
from costgate.flow.names import class_binding
from costgate.flow.values import (
    CHECKOUT,
    Arguments,
    CheckoutPath,
    Class,
    Delayed,
    Function,
    MetaflowObject,
    OpenError,
    PurePath,
    RefusedError,
    known,
    plain,
)
from costgate.flow.worldly import path_text, repository_path
from costgate.model import ConfigSource, Known, Location, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

PARAMETERS = ("name", "default", "default_value", "help", "required", "parser", "plain")
NO_PARAMETERS = frozenset({"cmd", "foreach_stack", "index", "input", "script_name", "name"})  # FlowSpec's own
ABSENT = Known(value=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """A Config in a flow class."""

    attribute: str
    name: str  # the option, which is also its name in expressions
    options: Mapping[str, Value]
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class Configs:
    """The configs of a flow by option name, where each came from, and what is wrong with them."""

    values: Mapping[str, Value] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)  # class attribute → option name
    sources: tuple[ConfigSource, ...] = ()
    problems: tuple[Unresolved, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What the deployment chose: option name → text or path in the repository, and where it did."""

    texts: Mapping[str, bytes]
    paths: Mapping[str, tuple[str, str]]  # (path as written, folder that it is relative to)
    location: Location


def read_configs(ev: Evaluator, bases: tuple[Class, ...], spec: DeploymentSpec) -> Configs:
    """The configs of a flow class, given by its classes in method resolution order. Never raises."""
    declared: list[Declared] = []
    problems: list[Unresolved] = []
    for entry in _declared(ev, bases):
        (declared if isinstance(entry, Declared) else problems).append(entry)  # type: ignore[arg-type]
    start = bases[0].module.location(bases[0].node)
    try:
        given = _given(spec, ev.env, start)
    except RefusedError as error:
        refused = Unresolved(expression="METAFLOW_FLOW_CONFIG", reason=error.reason, location=start)
        return Configs(values={d.name: refused for d in declared}, problems=(refused,))
    values: dict[str, Value] = {}
    sources: list[ConfigSource] = []
    for config in declared:
        sources.append(_read(ev, config, given, values))
        if isinstance(value := values[config.name], Unresolved):
            problems.append(value)
    problems += _mistakes(declared, given)
    attributes = {config.attribute: config.name for config in declared}
    return Configs(values=values, attributes=attributes, sources=tuple(sources), problems=tuple(problems))


def class_attributes(ev: Evaluator, bases: tuple[Class, ...]) -> Iterator[tuple[str, Class]]:
    """Attribute → the class whose body binds it, for all that the classes have."""
    seen: set[str] = set()
    for base in bases:
        names = ev.sources.class_scope(base).bindings.keys() - seen
        seen |= names
        yield from ((name, base) for name in sorted(names))


def _declared(ev: Evaluator, bases: tuple[Class, ...]) -> Iterator[Declared | Unresolved]:
    for name, base in class_attributes(ev, bases):
        try:
            bound = class_binding(ev, base, name) if name[0] != "_" and name not in NO_PARAMETERS else ABSENT
        except (OpenError, RefusedError):
            continue  # whoever uses the name is told
        value = bound.value
        if isinstance(value, Delayed):
            reason = "Metaflow fails: a class attribute cannot hold a config expression"
            yield Unresolved(expression=value.shown, reason=reason, location=value.location)
        elif isinstance(value, MetaflowObject) and value.kind == "Config":
            yield _declaration(name, value)


def _declaration(attribute: str, config: MetaflowObject) -> Declared | Unresolved:
    try:
        options = _options(config.arguments)
        name = plain(known(options["name"]).value)
        if not isinstance(name, str):
            raise RefusedError("its name is no text")
        return Declared(attribute=attribute, name=name, options=options, location=config.location)
    except OpenError as error:
        return error.unresolved
    except RefusedError as error:
        return Unresolved(expression=f"{attribute} = Config(…)", reason=error.reason, location=config.location)


def _options(given: Arguments) -> dict[str, Value]:
    if given.rest or given.unpacked or len(given.args) > len(PARAMETERS):
        raise RefusedError("the arguments of the Config are not known")
    options = {**dict(zip(PARAMETERS, given.args)), **given.kwargs}
    if "name" not in options:
        raise RefusedError("Metaflow fails: a Config needs a name")
    return options


def _given(spec: DeploymentSpec, env: Mapping[str, str], start: Location) -> Given:
    """Values and files from costgate.yml or the command line; of each kind, else those of the environment."""
    texts: Mapping[str, Any] = spec.config_values or _from_environment(env, "METAFLOW_FLOW_CONFIG_VALUE")
    paths = {name: (path, ".") for name, path in spec.configs.items()} or {
        name: (path if isinstance(path, str) else "", spec.cwd)
        for name, path in _from_environment(env, "METAFLOW_FLOW_CONFIG").items()
    }
    return Given(
        texts={name: as_text(value) for name, value in texts.items()}, paths=paths, location=spec.location or start
    )


def _from_environment(env: Mapping[str, str], key: str) -> Mapping[str, Any]:
    try:
        found = json.loads(env.get(key) or "{}")
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RefusedError(f"Metaflow fails: {key} is no JSON object")
    return found


def _mistakes(declared: list[Declared], given: Given) -> Iterator[Unresolved]:
    """What Metaflow refuses of the choice as a whole."""
    names = [config.name for config in declared]
    for name in sorted({*given.texts, *given.paths} - set(names)):
        known_names = ", ".join(sorted(names)) or "none"
        reason = f"the flow has no Config {name!r} (it has: {known_names})"
        yield Unresolved(expression=name, reason=reason, location=given.location)
    for config in declared:
        if names.count(config.name) > 1:
            reason = f"Metaflow fails: two Configs are named {config.name!r}"
            yield Unresolved(expression=config.name, reason=reason, location=config.location)


def _read(ev: Evaluator, config: Declared, given: Given, values: dict[str, Value]) -> ConfigSource:
    """Puts the value of a config into `values`; says where it came from."""
    reader = _Reader(ev, config, given)
    try:
        values[config.name] = reader.value()
    except OpenError as error:
        values[config.name] = error.unresolved
    except RefusedError as error:
        values[config.name] = Unresolved(expression=config.name, reason=error.reason, location=config.location)
    except InputError as error:
        message, place = broken(error, reader.path or config.location.path)
        reason = f"the config {config.name!r} could not be read: {message} ({place})"
        values[config.name] = Unresolved(expression=config.name, reason=reason, location=place)
    return ConfigSource(name=config.name, source=reader.source, path=reader.path, digest=reader.digest)


class _Reader:
    """Finds the value of one config, and remembers how far it came."""

    def __init__(self, ev: Evaluator, config: Declared, given: Given) -> None:
        self.ev, self.config, self.given = ev, config, given
        self.source: Literal["file", "value", "default", "default_value", "none"] = "none"
        self.path: str | None = None
        self.digest: str | None = None

    def value(self) -> Known:
        """The value. RefusedError, OpenError or InputError where there is none."""
        name, given = self.config.name, self.given
        default, default_value = self.option("default"), self.option("default_value")
        if default.value is not None and default_value.value is not None:
            raise RefusedError(f"Metaflow fails: the Config {name!r} has both default and default_value")
        if name in given.texts and name in given.paths:
            raise RefusedError(f"Metaflow fails: both a value and a file are given for the config {name!r}")
        if name in given.texts:
            self.source = "value"
            return self.parsed(given.texts[name], given.location.path, constant(given.location))
        if name in given.paths:
            self.source = "file"
            path, folder = given.paths[name]
            return self.file(path, folder, f"configuration file {path!r} could not be read for {name!r}")
        if default.value is not None:
            self.source = "default"
            return self.default_file(self.called(default))
        if default_value.value is not None:
            self.source = "default_value"
            return self.default_value(self.called(default_value))
        if plain(self.option("required").value):
            raise RefusedError(f"Metaflow fails: missing configuration for {name!r}")
        return Known(value=None, chain=(self.config.location,))

    def option(self, name: str) -> Known:
        return known(self.config.options.get(name, ABSENT))

    def called(self, value: Known) -> Known:
        """A default that Metaflow computes by calling it with a context that only a deployment has."""
        if not isinstance(value.value, Function):
            return value
        context = Unresolved(expression="context", reason="is known at deploy time only", location=self.config.location)
        return self.ev.call_function(value.value, Arguments(args=(context,)))

    def default_file(self, default: Known) -> Known:
        is_path = isinstance(default.value, PurePath)
        text = default.value.text if is_path else path_text(default.value)
        shown = text[len(CHECKOUT) + 1 :] if isinstance(text, CheckoutPath) else text
        cwd = self.ev.cwd
        return self.file(text, cwd, f"default configuration file {shown!r} could not be read (from cwd {cwd!r})")

    def file(self, path: str, folder: str, absent: str) -> Known:
        inside = repository_path(path, folder)
        if inside is None:
            raise RefusedError(f"{absent}: it is outside of the repository")
        self.path = inside
        if not self.ev.exists(inside):
            raise RefusedError(f"{absent}: it is not a regular file in the repository")
        data = self.ev.sources.snapshot.read(inside)
        self.digest = hashlib.sha256(data).hexdigest()
        return self.parsed(data, inside, None)

    def default_value(self, default: Known) -> Known:
        place = default.chain[-1] if default.chain else self.config.location
        if isinstance(default.value, str):
            return self.parsed(as_text(plain(default.value)), place.path, constant(place))
        data = as_json(plain(default.value))
        if not isinstance(default.value, dict):
            raise RefusedError("Metaflow fails: default_value is neither text nor a dict")
        return self.parsed(data, place.path, written(default, place))

    def parsed(self, data: bytes, path: str, where: Any) -> Known:
        read = loader(self.ev, self.option("parser"))
        return parsed(data, path, read, bool(plain(self.option("plain").value)), where)
