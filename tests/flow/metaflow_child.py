"""Asks the installed Metaflow about flows, one fork per flow. Run by path.

Standard input: one question per line. A folder with an `f.py` that defines a flow F asks for the decorators of its
step `start`. A JSON object asks for everything after Metaflow's own merge: `folder`, `script`, `flow` (class), `cwd`,
`options` (of Metaflow's command line), `target`, and `env`, settings that the command line reads.

Standard output: a JSON object per line, or {"error": text}. For a folder `asked`, decorator → the arguments that its
author wrote, with configs resolved, `mutated`, whether Metaflow knows of mutators or wrappers there, and `merged`, what
each place to run ends up with. For an object see `everything`.

The argument says which decorators initialise themselves: for `arguments` none, for `merged` the places to run, for
`everything` all that enter a price.
"""

import contextlib
import importlib
import importlib.util
import io
import json
import os
import sys

os.environ.update(
    METAFLOW_HOME="/nonexistent",
    METAFLOW_USER="tester",
    METAFLOW_DEFAULT_DATASTORE="s3",
    METAFLOW_DATASTORE_SYSROOT_S3="s3://nowhere/at-all",
    METAFLOW_DEFAULT_METADATA="local",
    AWS_EC2_METADATA_DISABLED="true",
)

from metaflow import decorators, parameters, user_configs  # noqa: F401
from metaflow.plugins import FLOW_DECORATORS, STEP_DECORATORS
from metaflow.user_configs.config_parameters import resolve_delayed_evaluator, unpack_delayed_evaluator

PLACES = ("kubernetes", "batch")
MERGING = (*PLACES, "resources", "timeout", "retry", "catch", "parallel", "pytorch_parallel", "schedule", "project")
# argo_workflows_cli.py and step_functions_cli.py
LATE = {"argo-workflows": ["kubernetes", "environment"], "step-functions": ["batch"], "local": []}
# What every fork would import again otherwise.
HEAVY = ("boto3", "metaflow.cli_components.utils", "metaflow.lint", "metaflow.plugins.datatools.s3.s3",
         "metaflow.pylint_wrapper", "metaflow.system", "multiprocessing.managers", "xml.etree.ElementTree")  # fmt: skip


def remember_arguments(unchanged):
    """Keep what decorators were given before they initialise themselves and merge with each other."""
    original = decorators.Decorator.external_init

    def external_init(self):
        if not self._ran_init:
            given, unpacked = unpack_delayed_evaluator(dict(self.attributes))
            names = {*self._user_defined_attributes, *unpacked}
            names |= {k for k, value in given.items() if value is not self.defaults.get(k)}  # by a mutator's keywords
            self.given = resolve_delayed_evaluator({k: given[k] for k in given if k in names}, to_dict=True)
        return original(self)

    decorators.Decorator.external_init = external_init
    for kind in (kind for kind in (*STEP_DECORATORS, *FLOW_DECORATORS) if kind.name not in unchanged):
        for hook in ("init", "step_init", "flow_init"):
            if hook in kind.__dict__:
                setattr(kind, hook, lambda *args, **kwargs: None)


def load(script):
    sys.path.insert(0, os.path.dirname(script))
    sys.argv = [script]
    spec = importlib.util.spec_from_file_location("the_flow", script)
    module = sys.modules["the_flow"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def started(cls, options):
    """The state of Metaflow's command line for a flow class, with everything attached and initialised."""
    instance = cls(use_cli=False)
    import metaflow.cli  # --config is added to the command line while this is imported

    state = metaflow.cli.CliState(instance)
    arguments = ["--quiet", "--no-pylint", *options, "version"]
    metaflow.cli.start.main(args=arguments, obj=state, auto_envvar_prefix="METAFLOW", standalone_mode=False)
    return state


def flow_class(module, name):
    return getattr(getattr(module, name), "_flow_cls", getattr(module, name))


def arguments(folder):
    os.chdir(folder)
    cls = flow_class(load(f"{folder}/f.py"), "F")
    with parameters.flow_context(cls):
        state = started(cls, [])
    start = next(step for step in state.flow if step.__name__ == "start")
    return {
        "asked": {decorator.name: decorator.given for decorator in start.decorators},
        "mutated": bool(state.flow._flow_mutators or start.config_decorators or start.wrappers),
        "merged": {decorator.name: decorator.attributes for decorator in start.decorators if decorator.name in PLACES},
    }


def everything(question):
    """What deploying the flow ends up with: `steps`, `schedule`, `project`, and whether Metaflow knows of mutators.

    A step has `decorators` (attributes after the merge), `timeout_s`, `retries`, `next`, `kind`, `foreach` and, where
    its code runs here, `width`: the number of items or nodes that its `self.next` makes.
    """
    os.environ.update(question.get("env", {}))
    os.chdir(os.path.join(question["folder"], question.get("cwd", ".")))
    cls = flow_class(load(os.path.join(question["folder"], question["script"])), question.get("flow", "F"))
    with parameters.flow_context(cls):
        state = started(cls, question.get("options", []))
        late = LATE[question["target"]]
        if late:
            decorators._attach_decorators(state.flow, late)
            decorators._process_late_attached_decorator(
                late, state.flow, state.graph, state.environment, state.flow_datastore, state.logger
            )
        graph = state.flow._graph
        importlib.import_module("metaflow.lint").linter.run_checks(graph)
        flow_level = {deco.name: deco for deco in decorators.flow_decorators(state.flow)}
        result = {
            "steps": {node.name: described(node) for node in graph},
            "schedule": [flow_level["schedule"].schedule, flow_level["schedule"].timezone]
            if "schedule" in flow_level
            else None,
            "project": flow_level["project"].attributes.get("name") if "project" in flow_level else None,
            "mutated": bool(state.flow._flow_mutators or any(step.config_decorators for step in state.flow)),
        }
        for name, width in run(state):
            result["steps"][name]["width"] = width
    return result


def described(node):
    attached = {deco.name: deco for deco in node.decorators}
    return {
        "decorators": {name: deco.attributes for name, deco in attached.items()},
        "timeout_s": attached["timeout"].secs if "timeout" in attached else None,
        "retries": attached["retry"].step_task_retry_count()[0] if "retry" in attached else None,
        "next": node.out_funcs,
        "kind": "num_parallel" if node.parallel_foreach else node.type,
        "foreach": None if node.parallel_foreach else node.foreach_param,
    }


def run(state):
    """Runs the code of the steps in order, one task each, for the width of their splits."""
    from metaflow._vendor import click

    flow, graph = state.flow, state.flow._graph

    def no_datastore(instance, name):
        raise AttributeError(name)

    command = click.Command("run", callback=lambda **given: given)
    parameters.add_custom_parameters(deploy_mode=True)(command)
    try:
        flow._set_constants(graph, command.main(args=[], standalone_mode=False), state.config_options)
        for name, parameter in list(flow._get_parameters()):
            setattr(flow, name, parameter.load_parameter(getattr(flow, name)))
    except Exception:
        return
    flow.__class__.input = None
    flow.__class__.__getattr__ = no_datastore
    for name in graph.sorted_nodes:
        flow._current_step, flow._transition, flow._parallel_ubf_iter = name, None, None
        try:
            getattr(flow, name)(*[Inputs(flow)] * (graph[name].type == "join"))
        except BaseException:
            return
        if graph[name].parallel_foreach:
            yield name, flow._parallel_ubf_iter.num_parallel
        elif graph[name].type == "foreach":
            yield name, flow._foreach_num_splits
            flow.__class__.input = next(iter(getattr(flow, flow._transition[1])))


class Inputs(list):
    """The inputs of a join: one task."""

    def __init__(self, task):
        super().__init__([task])
        self.task = task

    def __getattr__(self, name):
        return self.__dict__["task"]


def answer(line):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            if line[0] == "{":
                return json.dumps(everything(json.loads(line)), default=repr)
            return json.dumps(arguments(line))
        except BaseException as error:
            return json.dumps({"error": f"{type(error).__name__}: {getattr(error, 'message', error)}"})


def main():
    remember_arguments({"arguments": (), "merged": PLACES, "everything": MERGING}[sys.argv[1]])
    for name in HEAVY:
        importlib.import_module(name)
    for line in sys.stdin:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.close(read)
            with os.fdopen(write, "wb") as pipe:
                pipe.write(answer(line.rstrip("\n")).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            print(pipe.read().decode(), flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
