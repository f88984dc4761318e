"""Asks the installed Metaflow for the decorators of step `start` of flows, one fork per flow. Run by path.

Standard input: one folder per line, each with an `f.py` that defines a flow F. Standard output: a JSON object per line:
`asked`, decorator → the arguments that its author wrote, with configs resolved, and `mutated`, whether Metaflow knows
of mutators or wrappers there; or {"error": text}. With the argument `merged`, also what each place to run ends up with.
"""

import contextlib
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


def remember_arguments(unchanged):
    """Keep what decorators were given before they initialise themselves and merge with each other."""
    original = decorators.Decorator.external_init

    def external_init(self):
        if not self._ran_init:
            given, unpacked = unpack_delayed_evaluator(dict(self.attributes))
            names = {*self._user_defined_attributes, *unpacked}
            self.given = resolve_delayed_evaluator({k: given[k] for k in given if k in names}, to_dict=True)
        return original(self)

    decorators.Decorator.external_init = external_init
    for kind in (kind for kind in (*STEP_DECORATORS, *FLOW_DECORATORS) if kind.name not in unchanged):
        for hook in ("init", "step_init", "flow_init"):
            if hook in kind.__dict__:
                setattr(kind, hook, lambda *args, **kwargs: None)


def arguments(folder):
    os.chdir(folder)
    sys.path.insert(0, folder)
    sys.argv = [f"{folder}/f.py"]
    spec = importlib.util.spec_from_file_location("the_flow", sys.argv[0])
    module = sys.modules["the_flow"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    cls = getattr(module.F, "_flow_cls", module.F)
    instance = cls(use_cli=False)
    with parameters.flow_context(cls):
        import metaflow.cli  # --config is added to the command line while this is imported

        state = metaflow.cli.CliState(instance)
        options = ["--quiet", "--no-pylint", "version"]
        metaflow.cli.start.main(args=options, obj=state, auto_envvar_prefix="METAFLOW", standalone_mode=False)
    start = next(step for step in state.flow if step.__name__ == "start")
    return {
        "asked": {decorator.name: decorator.given for decorator in start.decorators},
        "mutated": bool(state.flow._flow_mutators or start.config_decorators or start.wrappers),
        "merged": {decorator.name: decorator.attributes for decorator in start.decorators if decorator.name in PLACES},
    }


def answer(folder):
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return json.dumps(arguments(folder))
        except BaseException as error:
            return json.dumps({"error": f"{type(error).__name__}: {error}"})


def main():
    remember_arguments(PLACES if sys.argv[1:] == ["merged"] else ())
    for folder in sys.stdin.read().splitlines():
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.write(write, answer(folder).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            print(pipe.read().decode(), flush=True)
        os.waitpid(child, 0)


if __name__ == "__main__":
    main()
