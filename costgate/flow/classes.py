"""Classes of the repository: base classes, attributes, Enum members, and instances whose fields can be told."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from costgate.flow.frame import Frame, module_frame
from costgate.flow.mutations import Changes, dotted
from costgate.flow.names import class_binding, leaves_arguments
from costgate.flow.values import Arguments, Class, External, Instance, Member, OpenError, RefusedError
from costgate.model import Known, Unresolved, Value

if TYPE_CHECKING:
    from costgate.flow.evaluate import Evaluator

MAX_BASES = 50
TOO_MANY = "has too many bases"
MAX_ORDER = 300  # classes in the orders of all bases of a class together
ENUMS = frozenset({"enum.Enum", "enum.IntEnum", "enum.StrEnum", "enum.Flag", "enum.IntFlag"})
# Bases outside of the repository that add no attributes of their own and leave those of others alone.
QUIET_BASES = ENUMS | {
    "abc.ABC", "builtins.object", "builtins.str", "builtins.int", "builtins.float", "metaflow.FlowSpec",
    "typing.Generic", "typing.NamedTuple", "typing.Protocol",
}  # fmt: skip
MIXINS = {
    "builtins.str": str, "builtins.int": int, "builtins.float": float, "enum.IntEnum": int, "enum.StrEnum": str,
    "enum.Flag": int, "enum.IntFlag": int,
}  # fmt: skip
QUIET_METACLASSES = frozenset({"abc.ABCMeta", "enum.EnumMeta", "enum.EnumType"})
DATACLASS = "dataclasses.dataclass"
FIELD_OPTIONS = frozenset({"default", "metadata", "repr", "compare", "hash", "default_factory"})
CUSTOM = frozenset({"__init__", "__new__", "__post_init__", "__getattr__", "__getattribute__", "__setattr__"})

Base: TypeAlias = "Class | External | Unresolved"


def mro(ev: Evaluator, cls: Class) -> tuple[Base, ...]:
    """Python's method resolution order; a base that cannot be told stands in it as Unresolved."""
    if cls not in ev.mros:
        # While it is being computed the class is a base that contradicts itself, as in `class A(B)`, `class B(A)`.
        ev.mros[cls] = (cls, cls.module.unresolved(cls.node, f"the bases of {cls.name} contradict each other"))
        bases = [_base(ev, cls, node) for node in cls.node.bases[:MAX_BASES]]
        if len(cls.node.bases) > MAX_BASES or len(ev.deriving) >= MAX_BASES:
            bases = [cls.module.unresolved(cls.node, f"{cls.name} {TOO_MANY}")]
        ev.deriving.append(cls)
        sequences: list[list[Base]] = [list(mro(ev, b)) if isinstance(b, Class) else [b] for b in bases]
        ev.deriving.pop()
        size = sum(map(len, sequences))
        ev.steps += size  # long orders of many classes take time, too
        if size > MAX_ORDER:
            sequences, bases = [], [cls.module.unresolved(cls.node, f"{cls.name} {TOO_MANY}")]
        ev.mros[cls] = (cls, *_merge(cls, [*sequences, list(bases)]))
    return ev.mros[cls]


def _base(ev: Evaluator, cls: Class, node: ast.expr) -> Base:
    node = node.value if isinstance(node, ast.Subscript) else node  # Generic[T]
    frame = module_frame(cls.module, before=(cls.node.lineno, cls.node.col_offset))
    result = ev.evaluate(node, frame)
    if isinstance(result, Unresolved):
        return result
    if isinstance(result.value, (Class, External)):
        return result.value
    return cls.module.unresolved(node, "is no class")


def _merge(cls: Class, sequences: list[list[Base]]) -> Iterator[Base]:
    """C3 linearization; bases that contradict each other are Unresolved, as Python refuses them."""
    behind = Counter(base for sequence in sequences for base in sequence[1:])  # another base
    while sequences := [sequence for sequence in sequences if sequence]:
        head = next((sequence[0] for sequence in sequences if not behind[sequence[0]]), None)
        if head is None:
            yield cls.module.unresolved(cls.node, f"the bases of {cls.name} contradict each other")
            return
        yield head
        for sequence in sequences:
            if sequence[0] == head:
                del sequence[0]
                behind.subtract(sequence[:1])


def class_attribute(ev: Evaluator, cls: Class, name: str) -> Known:
    """`cls.name` as the class and its bases define it. RefusedError where it cannot be told."""
    if is_enum(ev, cls):
        return enum_member(ev, cls, name)
    _check_classes(ev, cls)
    for base in mro(ev, cls):
        if isinstance(base, Class):
            if name in ev.sources.class_scope(base).bindings:
                return _own_attribute(ev, base, name)
        elif isinstance(base, Unresolved):
            raise OpenError(base)
        elif base.name not in QUIET_BASES:
            raise RefusedError(f"{cls.name}.{name} may come from {base.name}, which is not in the repository")
    raise RefusedError(f"{cls.name} has no attribute {name}")


def _own_attribute(ev: Evaluator, cls: Class, name: str) -> Known:
    if f"{cls.name}.{name}" in cls.module.changes.names:
        raise RefusedError(f"{cls.name}.{name} is assigned elsewhere in {cls.module.path}")
    return class_binding(ev, cls, name)


def _check_classes(ev: Evaluator, cls: Class) -> None:
    """RefusedError if a class or one of its bases may be something else than its body says."""
    for base in mro(ev, cls):
        if isinstance(base, Class):
            _check_class(ev, base)
            if base is not cls and "__init_subclass__" in ev.sources.class_scope(base).bindings:
                raise RefusedError(f"{base.name} changes the classes that derive from it")


def _check_class(ev: Evaluator, cls: Class) -> None:
    """RefusedError if a decorator or metaclass may have made the class something else."""
    frame = module_frame(cls.module)
    for keyword in cls.node.keywords:
        value = ev.known(keyword.value, frame).value
        is_quiet = isinstance(value, External) and value.name in QUIET_METACLASSES
        if keyword.arg != "metaclass" or not is_quiet:
            raise RefusedError(f"{cls.name} has a metaclass or class options")
    for decorator in cls.node.decorator_list:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        value = ev.known(function, frame).value
        if not (isinstance(value, External) and (value.name == DATACLASS or value.name.startswith("metaflow."))):
            raise RefusedError(f"{cls.name} is changed by its decorator {dotted(function)}")


def is_enum(ev: Evaluator, cls: Class) -> bool:
    """Whether the class derives from one of the standard library's Enums."""
    return any(isinstance(base, External) and base.name in ENUMS for base in mro(ev, cls))


def enum_member(ev: Evaluator, cls: Class, name: str) -> Known:
    """The member of an Enum with plain values."""
    _check_class(ev, cls)
    own = ev.sources.class_scope(cls)
    is_plain = not any(binding.startswith("_") for binding in own.bindings) and is_enum(ev, cls)
    others = [b for b in mro(ev, cls)[1:] if not (isinstance(b, External) and b.name in QUIET_BASES)]
    if not is_plain or others or name not in own.bindings:
        raise RefusedError(f"{cls.name}.{name} is no plain member of an Enum")
    found = _own_attribute(ev, cls, name)
    kinds = [MIXINS[b.name] for b in mro(ev, cls) if isinstance(b, External) and b.name in MIXINS]
    if any(type(found.value) is not kind for kind in kinds):
        raise RefusedError(f"{cls.name}.{name} is converted to another type")
    return Known(value=Member(name=name, value=found), chain=found.chain, notes=found.notes)


def construct(ev: Evaluator, cls: Class, arguments: Arguments) -> Known:
    """An instance of a dataclass, a NamedTuple or a class without a constructor."""
    _check_classes(ev, cls)
    order = mro(ev, cls)
    custom = custom_methods(ev, cls)
    if is_enum(ev, cls) or custom is None:
        raise RefusedError(f"makes an instance of {cls.name}, whose bases are not evaluated")
    if custom:
        raise RefusedError(f"makes an instance of {cls.name}, which has its own {min(custom)}")
    bases = [base for base in order if isinstance(base, Class)]
    for base in bases:
        if changing := ev.once("changing", base.node, partial(_changing, ev, base)):
            raise RefusedError(f"makes an instance of {cls.name}, whose method {changing} may change it")
    is_tuple = any(isinstance(base, External) and base.name == "typing.NamedTuple" for base in order)
    with_fields = [base for base in reversed(bases) if is_tuple or _is_dataclass(ev, base)]
    if with_fields and with_fields[-1] is not cls:
        raise RefusedError(f"makes an instance of {cls.name}, which is no dataclass itself")
    fields = {field.target.id: (base, field) for base in with_fields for field in _fields(base)}  # type: ignore[union-attr]
    return Known(value=Instance(cls=cls, fields=_filled(ev, cls, fields, arguments)))


def _changing(ev: Evaluator, cls: Class) -> str | None:
    """A method of a class's own that may change its instances."""
    frame = module_frame(cls.module, body=cls)
    for node in cls.node.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.args.args:
            changes, self_ = Changes(node.body), node.args.args[0].arg
            calls = changes.passed.get(self_, ())
            if changes.touches(self_) or not all(leaves_arguments(ev, call, frame) for call in calls):
                return node.name
    return None


def custom_methods(ev: Evaluator, cls: Class) -> frozenset[str] | None:
    """The methods of a class that make its instances more than their fields; None where a base is not known."""
    found: set[str] = set()
    for base in mro(ev, cls):
        if isinstance(base, Class):
            found |= CUSTOM & ev.sources.class_scope(base).bindings.keys()
        elif not (isinstance(base, External) and base.name in QUIET_BASES):
            return None
    return frozenset(found)


def _is_dataclass(ev: Evaluator, cls: Class) -> bool:
    frame = module_frame(cls.module)
    functions = {
        node: ev.evaluate(node.func if isinstance(node, ast.Call) else node, frame) for node in cls.node.decorator_list
    }
    found = [node for node, f in functions.items() if isinstance(f, Known) and f.value == External(name=DATACLASS)]
    options = [option.arg for node in found if isinstance(node, ast.Call) for option in node.keywords]
    if not {"init", "kw_only", None}.isdisjoint(options):
        raise RefusedError(f"{cls.name} is a dataclass with options that are not evaluated")
    return bool(found)


def _fields(cls: Class) -> list[ast.AnnAssign]:
    fields = [s for s in cls.node.body if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name)]
    for field in fields:
        text = ast.dump(field.annotation)
        if any(word in text for word in ("ClassVar", "InitVar", "KW_ONLY")):
            raise RefusedError(f"{cls.name} has fields that are not evaluated")
    return fields


def _filled(
    ev: Evaluator, cls: Class, fields: dict[str, tuple[Class, ast.AnnAssign]], arguments: Arguments
) -> dict[str, Value]:
    given: dict[str, Value] = {**dict(zip(fields, arguments.args)), **arguments.kwargs}
    count = len(arguments.args) + len(arguments.kwargs)
    if len(given) != count or not given.keys() <= fields.keys() or arguments.unpacked or arguments.rest:
        raise RefusedError(f"the arguments do not fit the fields of {cls.name}")
    return {name: given[name] if name in given else _default(ev, *field, name) for name, field in fields.items()}


def _default(ev: Evaluator, cls: Class, field: ast.AnnAssign, name: str) -> Value:
    frame = module_frame(cls.module, before=(field.lineno, field.col_offset), body=cls)
    node = field.value
    if node is None:
        raise RefusedError(f"the field {name} of {cls.name} has no value")
    if len(ev.sources.class_scope(cls).bindings[name]) > 1:
        raise RefusedError(f"the field {name} of {cls.name} is assigned more than once")
    if isinstance(node, ast.Call):
        function = ev.evaluate(node.func, frame)
        if isinstance(function, Known) and function.value == External(name="dataclasses.field"):
            return _declared(ev, node, frame, name)
    return ev.evaluate(node, frame)


def _declared(ev: Evaluator, node: ast.Call, frame: Frame, name: str) -> Value:
    """The default of `field(…)`."""
    options = {keyword.arg: keyword.value for keyword in node.keywords}
    if node.args or not options.keys() <= FIELD_OPTIONS:
        raise RefusedError(f"the field {name} has options that are not evaluated")
    if "default" in options:
        return ev.evaluate(options["default"], frame)
    if "default_factory" not in options:
        raise RefusedError(f"the field {name} has no value")
    return ev.invoke(ev.known(options["default_factory"], frame), Arguments(), node, frame)
