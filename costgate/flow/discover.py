"""Finds the flows of a snapshot: in files that mention Metaflow and, in turn, those that mention a flow of these."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from costgate.config import FlowGlob, ProjectConfig
from costgate.errors import InputError
from costgate.flow.globs import is_glob, match_glob
from costgate.flow.parse import FlowClass, Sources
from costgate.model import Location, Unpriced, Unresolved

LOOKS_LIKE_A_FLOW = re.compile(
    rb"^[ \t]*(?:class[ \t]+\w+[ \t]*\([^):]{0,500}FlowSpec|@(?:\w+\.)?step\b)", re.MULTILINE
)
EVERYWHERE = (FlowGlob(glob="**/*.py"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A flow class that can be deployed on its own, and the folder that it is deployed from."""

    flow: FlowClass
    cwd: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """What running each file of a snapshot would deploy, and which classes only others build on."""

    classes: Mapping[str, tuple[FlowClass, ...]]
    idle: frozenset[tuple[str, str]]  # (file, class): a base class, or a class that only another file starts
    lost: Mapping[str, Location]  # file → a class in it that should be a flow, where none could be read


def catalogue(sources: Sources) -> Catalogue:
    """Read every file that may define a flow: it mentions Metaflow, or a flow class that was found before."""
    classes: dict[str, tuple[FlowClass, ...]] = {}
    names = {"FlowSpec"}
    words = {"FlowSpec", "metaflow"}
    derived: list[tuple[str, ast.ClassDef]] = []
    while words:
        paths = sorted(sources.snapshot.grep(tuple(sorted(words))) - classes.keys())
        classes.update((path, sources.flow_classes(path)) for path in paths)
        new = [(path, node) for path in paths for node in _derived(sources, path, names)]
        words = {node.name for _, node in new} - names
        names |= words
        derived += new
    flows = [flow for found in classes.values() for flow in found]
    bases = {(base.module.path, base.node.lineno) for flow in flows for base in flow.bases[1:]}
    started = {_definition(flow) for flow in flows if flow.path != flow.location.path}
    idle = {
        (flow.path, flow.name)
        for flow in flows
        if flow.path == flow.location.path and _definition(flow) in bases | started and not _starts(sources, flow)
    }
    lost = {
        path: Location(path=path, line=node.lineno, column=node.col_offset + 1)
        for path, node in reversed(derived)
        if not classes[path] and any(map(_is_step, node.body))
    }
    return Catalogue(classes=classes, idle=frozenset(idle), lost={**lost, **sources.lost})


def _definition(flow: FlowClass) -> tuple[str, int]:
    return flow.location.path, flow.location.line


def _derived(sources: Sources, path: str, names: Collection[str]) -> Iterator[ast.ClassDef]:
    """The classes of a file that by their names are built on one of the names, or on each other."""
    body = _body(sources, path)
    imports = [alias for statement in body if isinstance(statement, ast.ImportFrom) for alias in statement.names]
    known = {*names, *(alias.asname for alias in imports if alias.asname and alias.name in names)}
    for statement in body:
        if isinstance(statement, ast.ClassDef) and any(_last_name(base) in known for base in statement.bases):
            known.add(statement.name)
            yield statement


def _is_step(statement: ast.stmt) -> bool:
    if not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    calls = [d.func if isinstance(d, ast.Call) else d for d in statement.decorator_list]
    return any(_last_name(call) == "step" for call in calls)


def _starts(sources: Sources, flow: FlowClass) -> bool:
    """Whether the flow's own file calls the class, as in `if __name__ == "__main__": TrainFlow()`."""
    run = (statement for statement in _body(sources, flow.path) if not isinstance(statement, ast.ClassDef))
    calls = (node for statement in run for node in ast.walk(statement) if isinstance(node, ast.Call))
    return any(_last_name(call.func) == flow.name for call in calls)


def _body(sources: Sources, path: str) -> list[ast.stmt]:
    module = sources.module(path)
    return [] if isinstance(module, Unresolved) else module.tree.body


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def find_flows(
    sources: Sources, config: ProjectConfig, known: Catalogue
) -> tuple[tuple[Found, ...], tuple[Unpriced, ...]]:
    """The flows that `flows` and `exclude` select, by path; and what looks like one and cannot be told."""
    found: list[Found] = []
    problems: list[Unpriced] = []
    for path in sorted(known.classes):
        rule = _selected(path, config)
        if rule is None:
            continue
        problems.extend(_unreadable(sources, path, known))
        flows = deployable(path, known)
        cwd = _folder(path, rule)
        if cwd is not None:
            found.extend(Found(flow=flow, cwd=cwd) for flow in flows)
        elif flows:
            problems.append(_no_folder(path, rule, config))
    return tuple(found), tuple(problems)


def deployable(path: str, known: Catalogue) -> tuple[FlowClass, ...]:
    """The flows of a file that are deployed as they are."""
    return tuple(flow for flow in known.classes.get(path, ()) if (path, flow.name) not in known.idle)


def _selected(path: str, config: ProjectConfig) -> FlowGlob | None:
    if any(match_glob(pattern, path) for pattern in config.exclude):
        return None
    return next((rule for rule in config.flows or EVERYWHERE if match_glob(rule.glob, path)), None)


def _folder(path: str, rule: FlowGlob) -> str | None:
    """`cwd` as written, or the nearest folder above the file that matches it as a glob."""
    if not is_glob(rule.cwd):
        return rule.cwd
    folder = posixpath.dirname(path)
    while folder and not match_glob(rule.cwd, folder):
        folder = posixpath.dirname(folder)
    return folder or None


def _no_folder(path: str, rule: FlowGlob, config: ProjectConfig) -> Unpriced:
    return Unpriced(
        deployment=path,
        step=None,
        reason=f"no folder above the file matches cwd {rule.cwd!r}",
        location=config.locations.get("flows", Location(path=config.path)),
        help="write a cwd that is a parent of every file of its glob",
    )


def _unreadable(sources: Sources, path: str, known: Catalogue) -> Iterator[Unpriced]:
    module = sources.module(path)
    if isinstance(module, Unresolved) and _looks_like_a_flow(sources, path):
        yield unreadable(sources, path, module)
    elif path in known.lost:
        reason = "a class here has steps, but it could not be read as a flow"
        yield unreadable(sources, path, Unresolved(expression=path, reason=reason, location=known.lost[path]))


def _looks_like_a_flow(sources: Sources, path: str) -> bool:
    try:
        return LOOKS_LIKE_A_FLOW.search(sources.snapshot.read(path)) is not None
    except InputError:  # too large to be read; it mentions a flow, so it is not passed over
        return True


def unreadable(sources: Sources, path: str, module: Unresolved) -> Unpriced:
    """A file that cannot be read as Python, or as a flow."""
    return Unpriced(
        deployment=path,
        step=None,
        reason=module.reason,
        location=module.location,
        content=sources.snapshot.files[path],
        help="repair the file, or exclude it if it is no flow",
    )
