"""Loads flows with the installed Metaflow and tells what it makes of their decorators. Run by path, never imported.

The argument is the descriptor of a socket. Over it comes a letter at a time: `f` with a descriptor forks a process for
one flow, whose question and answer are a JSON line each on that descriptor; `e` waits until that process has ended.
Metaflow is imported once, before the forks. What the flow's own code does, it does to its own process.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import importlib.util
import json
import os
import resource
import site
import socket
import sys
import tempfile
from collections.abc import Mapping
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_NO_NEW_PRIVS = 1, 4, 38
SIGKILL = 9
LIMITS = {
    "memory": "RLIMIT_AS", "cpu_s": "RLIMIT_CPU", "file_bytes": "RLIMIT_FSIZE", "open_files": "RLIMIT_NOFILE",
    "core": "RLIMIT_CORE",
}  # fmt: skip
# They set no resources, but would look for services, environments or files of the deploying machine.
QUIET = frozenset(("card", "conda", "conda_base", "environment", "pypi", "pypi_base", "secrets", "uv"))
ATTACHED = {"argo-workflows": "kubernetes", "step-functions": "batch"}  # by `create`, to each step that lacks it
LONGEST = 2000  # characters of an error's message


def main(descriptor: int, user_site: list[str]) -> None:
    """Import Metaflow, say which one, and serve. Never returns."""
    # Python put the folder of this file first; flows must not import costgate's modules as their own.
    sys.path[:] = [path for path in sys.path if path != os.path.dirname(os.path.abspath(__file__))]
    for folder in user_site:
        site.addsitedir(folder)
    os.set_inheritable(descriptor, False)
    control = socket.socket(fileno=descriptor)
    lock_down()
    try:
        metaflow = prepared()
    except BaseException as error:  # noqa: BLE001  # whatever a broken installation raises is an answer
        missing = isinstance(error, ModuleNotFoundError) and error.name == "metaflow"
        send(control, {"error": described(error), "missing": missing})
    else:
        send(control, {"metaflow": metaflow})
        serve(control)
    os._exit(0)


def lock_down() -> None:
    """No privileges by setuid programs, no look into this process, and an end with the one that started it."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)
    prctl(PR_SET_DUMPABLE, 0)
    prctl(PR_SET_PDEATHSIG, SIGKILL)


def prctl(option: int, value: int) -> None:
    """Linux's; elsewhere nothing."""
    getattr(ctypes.CDLL(None), "prctl", lambda *_: 0)(option, value, 0, 0, 0)


def send(channel: socket.socket, message: Mapping[str, Any]) -> None:
    """One JSON line."""
    channel.sendall(json.dumps(message).encode() + b"\n")


def serve(control: socket.socket) -> None:
    """Fork on `f`, wait on `e`, until the other side closes."""
    child = 0
    while (received := socket.recv_fds(control, 1, 1))[0]:
        order, descriptors, _, _ = received
        if order == b"f":
            child = os.fork()
            if not child:
                control.close()
                answer(descriptors[0])
            os.close(descriptors[0])
            control.sendall(b"%d\n" % child)
        else:
            _, status = os.waitpid(child, 0)
            control.sendall(b"%d\n" % status)


def answer(descriptor: int) -> None:
    """The life of a flow's process: one question, one answer. Never returns."""
    try:
        os.set_inheritable(descriptor, False)
        channel = socket.socket(fileno=descriptor)
        with channel.makefile("rb") as lines:
            question = json.loads(lines.readline())
        confine(question)
        try:
            found = resolved(question)
        except BaseException as error:  # noqa: BLE001  # SystemExit and MemoryError of the flow, too
            found = {"error": described(error)}
        send(channel, found)
    finally:
        os._exit(0)


def confine(question: Mapping[str, Any]) -> None:
    """A session of its own, no terminal, no privileges, an empty home, and limits that it cannot raise."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(null, stream)
    prctl(PR_SET_PDEATHSIG, SIGKILL)
    # All capabilities: root without them cannot look into other processes either. Version 3, then nothing.
    getattr(ctypes.CDLL(None), "capset", lambda *_: 0)((ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)())
    os.environ.update(HOME=question["home"], TMPDIR=question["home"])
    tempfile.tempdir = None  # Metaflow may have asked for it already
    for name, kind in LIMITS.items():
        which = getattr(resource, kind)
        hard = resource.getrlimit(which)[1]
        limit = question["limits"][name]
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        # A second between the warning, by which it ends, and the end of what ignores it.
        soft = max(limit - 1, 0) if name == "cpu_s" else limit
        with contextlib.suppress(OSError, ValueError):  # macOS has no such limit of memory
            resource.setrlimit(which, (soft, limit))


def described(error: BaseException) -> str:
    """`Type: message`, shortened."""
    message = str(getattr(error, "message", None) or error)
    return f"{type(error).__name__}: {message}"[:LONGEST]


def prepared() -> str:
    """Import Metaflow, keep what decorators are given and what they refuse; its version."""
    metaflow = importlib.import_module("metaflow")
    decorators = importlib.import_module("metaflow.decorators")
    plugins = importlib.import_module("metaflow.plugins")
    configs = importlib.import_module("metaflow.user_configs.config_parameters")
    original = decorators.Decorator.external_init

    def external_init(self: Any) -> Any:
        if not self._ran_init:
            attributes, unpacked = configs.unpack_delayed_evaluator(dict(self.attributes))
            attributes = configs.resolve_delayed_evaluator(attributes, to_dict=True)
            named = {*self._user_defined_attributes, *unpacked}
            self.costgate_given = {
                name: value for name, value in attributes.items() if name in named or value != self.defaults.get(name)
            }
        return original(self)

    decorators.Decorator.external_init = external_init
    for kind in (*plugins.STEP_DECORATORS, *plugins.FLOW_DECORATORS):
        hooks = ("step_init", "step_init_ctx") if kind in plugins.STEP_DECORATORS else ("flow_init",)
        for hook in hooks:
            if getattr(kind, hook, None) is not None:
                setattr(kind, hook, skipped if kind.name in QUIET else noted(getattr(kind, hook)))
        if kind.name in QUIET and "init" in kind.__dict__:
            kind.init = skipped
    return str(metaflow.__version__)


def skipped(*args: Any, **kwargs: Any) -> None:
    """In place of a hook."""


def noted(hook: Any) -> Any:
    """The hook of a decorator; what it raises is kept with the decorator, so that the others are still told."""

    def wrapped(self: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return hook(self, *args, **kwargs)
        except Exception as error:  # noqa: BLE001  # what Metaflow would refuse
            self.costgate_refused = described(error)

    return wrapped


def resolved(question: Mapping[str, Any]) -> dict[str, Any]:
    """The flow as Metaflow initialises it for a deployment."""
    os.chdir(question["cwd"])
    sys.argv = [question["file"]]
    sys.path.insert(0, os.path.dirname(question["file"]))
    flow_class = loaded(question["file"], question["flow"])
    parameters = importlib.import_module("metaflow.parameters")
    instance = flow_class(use_cli=False)
    with parameters.flow_context(flow_class):
        # Its first import adds `--config` to the command line, from the flow of the context.
        cli = importlib.import_module("metaflow.cli")
        state = cli.CliState(instance)
        options = ["--quiet", "--no-pylint", *question["options"], "version"]
        cli.start.main(args=options, obj=state, auto_envvar_prefix="METAFLOW", standalone_mode=False)
        before = {id(one) for step in state.flow for one in step.decorators}
        attach(state, question["target"])
    return told(state, before)


def loaded(file: str, name: str) -> Any:
    """The flow class of that name, as the module of the file defines or imports it."""
    metaflow = importlib.import_module("metaflow")
    spec = importlib.util.spec_from_file_location("the_flow", file)
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for value in (getattr(module, name, None), *vars(module).values()):
        found = getattr(value, "_flow_cls", value)  # a bare @FlowMutator leaves an instance of itself
        if isinstance(found, type) and issubclass(found, metaflow.FlowSpec) and found.__name__ == name:
            return found
    raise LookupError(f"importing the file defines no flow {name}")


def attach(state: Any, target: str) -> None:
    """The decorator that `argo-workflows create` or `step-functions create` adds, as they add it."""
    if target not in ATTACHED:
        return
    decorators = importlib.import_module("metaflow.decorators")
    name = ATTACHED[target]
    decorators._attach_decorators(state.flow, [name])
    given = (state.flow, state.flow._graph, state.environment, state.flow_datastore, state.logger)
    # Before Metaflow 2.19 they were all initialised once more.
    late = getattr(
        decorators, "_process_late_attached_decorator", lambda _, *all_: decorators._init_step_decorators(*all_)
    )
    late([name], *given)


def told(state: Any, before: set[int]) -> dict[str, Any]:
    """What there is to tell, as data."""
    graph = state.flow._graph
    flow_class = type(state.flow)
    decorators = importlib.import_module("metaflow.decorators").flow_decorators(flow_class)
    return {
        "flow": flow_class.__name__,
        "start": getattr(graph, "start_step", "start"),
        "end": getattr(graph, "end_step", "end"),
        "decorators": list(map(decorator, decorators)),
        "mutators": sorted(mutators(state.flow)),
        "configs": sorted(map(str, items(state.flow, "CONFIGS"))),
        "steps": [node_told(node, getattr(flow_class, node.name), before) for node in graph],
    }


def mutators(flow: Any) -> set[str]:
    """The classes of all mutators of a flow and its steps."""
    found = [*items(flow, "FLOW_MUTATORS"), *(one for step in flow for one in step.config_decorators)]
    return {type(mutator).__name__ for mutator in found}


def items(flow: Any, what: str) -> Any:
    """What the class of a flow holds of a kind."""
    flowspec = importlib.import_module("metaflow.flowspec")
    kinds = getattr(flowspec, "FlowStateItems", None) or flowspec._FlowState  # until Metaflow 2.18
    return flow._flow_state.get(getattr(kinds, what)) or ()


def node_told(node: Any, step: Any, before: set[int]) -> dict[str, Any]:
    """A step: its place in the graph and its decorators."""
    return {
        "name": node.name,
        "kind": node.type,
        "file": getattr(node, "source_file", None) or "",
        "line": node.func_lineno,
        "next": list(node.out_funcs),
        "foreach": node.foreach_param,
        "parallel": bool(node.parallel_foreach),
        "num_parallel": node.num_parallel if node.parallel_foreach else None,
        "decorators": [
            {**decorator(d), "origin": "target" if id(d) not in before else "flow" if d.statically_defined else "with"}
            for d in step.decorators
        ],
    }


def decorator(one: Any) -> dict[str, Any]:
    """What it was given, what became of it, and what of that is no plain data."""
    odd: dict[str, str] = {}
    given, final = (plain_only(found, odd) for found in (getattr(one, "costgate_given", {}), one.attributes))
    refused = getattr(one, "costgate_refused", None)
    return {"name": one.name, "given": given, "final": final, "odd": odd, "refused": refused}


def plain_only(attributes: Mapping[str, Any], odd: dict[str, str]) -> dict[str, Any]:
    """The attributes that JSON can tell; of the others what they look like, in `odd`."""
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        try:
            found[str(name)] = json.loads(json.dumps(value, allow_nan=False, default=as_plain))
        except (TypeError, ValueError, RecursionError):
            odd[str(name)] = repr(value)[:LONGEST]
    return found


def as_plain(value: Any) -> Any:
    """A set as a list; Metaflow's read-only mapping is a dict already. TypeError for what is no data."""
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    raise TypeError


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
