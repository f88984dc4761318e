"""What is inside a value: attributes, items, what a loop over it sees. Config values follow Metaflow's own rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from costgate.flow import classes, names
from costgate.flow.operations import python, sliced
from costgate.flow.values import (
    MAX_ITEMS,
    Class,
    Delayed,
    External,
    Function,
    Instance,
    Member,
    MetaflowObject,
    Method,
    Myself,
    PurePath,
    RefusedError,
    RepoModule,
    Tree,
    describe,
    known,
    results,
)
from costgate.flow.worldly import environment, parent
from costgate.model import Known, Location, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

NOWHERE = Location(path="")
METHODS: dict[type, frozenset[str]] = {
    str: frozenset({
        "capitalize", "casefold", "count", "endswith", "find", "format", "index", "isalnum", "isalpha", "isdecimal",
        "isdigit", "isidentifier", "islower", "isnumeric", "isspace", "isupper", "join", "lower", "lstrip", "partition",
        "removeprefix", "removesuffix", "replace", "rfind", "rindex", "rpartition", "rsplit", "rstrip", "split",
        "splitlines", "startswith", "strip", "swapcase", "title", "upper", "zfill",
    }),
    dict: frozenset({"copy", "get", "items", "keys", "values"}),
    list: frozenset({"copy", "count", "index"}),
    tuple: frozenset({"count", "index"}),
    PurePath: frozenset({"absolute", "as_posix", "joinpath", "resolve"}),
}  # fmt: skip
# `cfg.x` reads the key x only where ConfigValue, a dict with methods of its own, has no attribute x.
TREE_METHODS = frozenset({
    "clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "to_dict", "update", "values",
})  # fmt: skip
# The same for a Config in a class body (a Parameter and a Mapping) …
CONFIG_ATTRIBUTES = frozenset({
    "IS_CONFIG_PARAMETER", "_abc_impl", "_computed_value", "_default_is_file", "_delayed_evaluator", "_get_type",
    "_init_delayed_evaluator", "_override_kwargs", "_store_value", "init", "is_string_type", "kwargs", "load_parameter",
    "option_kwargs", "parser", "separator",
})  # fmt: skip
# … and for the DelayEvaluator that every other access to a Config gives.
DELAYED_ATTRIBUTES = frozenset({
    "_abc_impl", "_access", "_cached_expr", "_config_expr", "_globals", "_is_var_only",
})  # fmt: skip
MAPPING_METHODS = frozenset({"get", "items", "keys", "values"})


def attribute(ev: Evaluator, owner: Known, name: str, place: Location = NOWHERE, shown: str = "") -> Known:
    """`owner.name`. RefusedError or OpenError where it cannot be told."""
    value = owner.value
    if isinstance(value, (External, RepoModule)):
        return names.member(ev, value, name)
    if isinstance(value, Class):
        return classes.class_attribute(ev, value, name)
    if isinstance(value, Instance):
        return _instance_attribute(ev, value, name)
    if isinstance(value, Member) and name in ("value", "name"):
        return known(value.value) if name == "value" else Known(value=value.name)
    if isinstance(value, Myself):
        return value.attribute(name)
    if isinstance(value, (MetaflowObject, Delayed)):
        return _delayed_attribute(value, name, place, shown)
    if isinstance(value, Tree):
        return _tree_attribute(value, name)
    if isinstance(value, PurePath) and name == "parent":
        return Known(value=PurePath(text=parent(value.text)))
    if name in METHODS.get(str if isinstance(value, str) else type(value), ()):
        return Known(value=Method(owner=value, name=name))
    raise RefusedError(f"needs the attribute {name} of {describe(value)}")


def _instance_attribute(ev: Evaluator, instance: Instance, name: str) -> Known:
    if name in instance.fields:
        return known(instance.fields[name])
    found = classes.class_attribute(ev, instance.cls, name)
    if isinstance(found.value, (Function, Class)):
        raise RefusedError(f"uses {name}, a method or property of {instance.cls.name}")
    return found


def _tree_attribute(tree: Tree, name: str) -> Known:
    if name in TREE_METHODS:
        return Known(value=Method(owner=tree, name=name))
    if name.startswith("__") or name in ("_data", "_construct", "_to_dict"):
        raise RefusedError(f"{name} is an attribute of Metaflow's ConfigValue, not a key of the config")
    return _tree_item(tree, name)


def _tree_item(tree: Tree, key: Any) -> Known:
    with python():
        if key in tree.data:
            return tree.entry(key)
    path = "".join(f"[{part!r}]" for part in tree.keys)
    raise RefusedError(f"the config has no key {key!r} at {path or 'its top level'} ({tree.where(*tree.keys).short})")


def _delayed_attribute(value: MetaflowObject | Delayed, name: str, place: Location, shown: str) -> Known:
    if isinstance(value, MetaflowObject):
        if value.kind != "Config":
            raise RefusedError(f"{name} is an attribute of {describe(value)}")
        if name == "name":
            return _option_name(value)
    if name in MAPPING_METHODS:
        return Known(value=Method(owner=value, name=name))
    own = CONFIG_ATTRIBUTES if isinstance(value, MetaflowObject) else DELAYED_ATTRIBUTES
    if name in own or name.startswith("__"):
        raise RefusedError(f'{name} is an attribute of Metaflow\'s Config, not a key of the config; write ["{name}"]')
    return Known(value=extended(value, name, place, shown))


def extended(value: MetaflowObject | Delayed, key: Any, place: Location, shown: str) -> Delayed:
    """The config expression with one more name behind it. Metaflow drops its globals on the way."""
    if isinstance(value, Delayed):
        if value.access is None:
            raise RefusedError(
                "Metaflow fails: nothing can follow config_expr of more than a name; put it inside the text"
            )
        return Delayed(text=value.text, access=(*value.access, key), module=None, location=place, shown=shown)
    option = _option_name(value).value
    if not isinstance(option, str) or not (option.isidentifier() and option.isascii()):
        raise RefusedError(f"Metaflow fails: a config named {option!r} cannot be used in an expression")
    return Delayed(text=option, access=(key,), module=None, location=place, shown=shown)


def _option_name(config: MetaflowObject) -> Known:
    arguments = config.arguments
    found = arguments.args[0] if arguments.args else arguments.kwargs.get("name")
    if found is None:
        raise RefusedError("is a Config without a name")
    return known(found)


def item(ev: Evaluator, owner: Known, key: Known, place: Location = NOWHERE, shown: str = "") -> Known:
    """`owner[key]`."""
    value = owner.value
    if isinstance(value, Delayed) or (isinstance(value, MetaflowObject) and value.kind == "Config"):
        index = key.value if isinstance(key.value, Delayed) else ev.plain(key.value)
        return Known(value=extended(value, index, place, shown))
    index = ev.plain(key.value)
    if isinstance(value, Tree):
        return _tree_item(value, index)
    if value == External(name="os.environ"):
        return environment(ev, index)
    if isinstance(value, Class) and isinstance(index, str):
        return classes.enum_member(ev, value, index)
    if isinstance(value, (list, tuple, dict)):
        with python():
            found = value[index]
        return Known(value=found) if isinstance(index, slice) else known(found)
    if type(value) in (str, range):
        return Known(value=sliced(value, index))
    raise RefusedError(f"takes an item of {describe(value)}")


def iterate(sequence: Known) -> list[Value]:
    """What a loop over the value sees."""
    value = sequence.value
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, Tree):
        value = value.data
    if not isinstance(value, (Mapping, set, range, str)):
        raise RefusedError(f"loops over {describe(value)}")
    if isinstance(value, set) and len(value) > 1:
        raise RefusedError("depends on the order of a set")
    if len(value) > MAX_ITEMS:
        raise RefusedError(f"has more than {MAX_ITEMS:,} elements")
    return [Known(value=results(part), chain=sequence.chain[-1:]) for part in value]


def mapping(source: Known) -> dict[Any, Value]:
    """What `{**source}` holds."""
    value = source.value
    if isinstance(value, dict):
        return dict(value)
    if isinstance(value, Tree):
        return {key.value: value.entry(key.value) for key in map(known, iterate(source))}
    raise RefusedError(f"unpacks {describe(value)}")
