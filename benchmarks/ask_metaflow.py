"""Asks the installed Metaflow for the decorators of flow files, in a fork each. Run by path; prints JSON.

    python ask_metaflow.py FILE …

`import_s` is what importing Metaflow takes; `flows` has, per file, the seconds from before its fork to its answer, and
how many steps Metaflow found (null where it cannot load the file).
"""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import os
import sys
import time


def steps(path: str) -> int:
    """Load a file as Metaflow would for a deployment, up to the decorators' own initialisation."""
    from metaflow import FlowSpec, parameters

    os.chdir(os.path.dirname(os.path.dirname(path)))  # default paths of configs start from the root of the repository
    sys.path.insert(0, os.path.dirname(path))
    sys.argv = [path]
    spec = importlib.util.spec_from_file_location("the_flow", path)
    assert spec
    assert spec.loader
    module = sys.modules["the_flow"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found = (getattr(value, "_flow_cls", value) for value in vars(module).values())
    cls = next(c for c in found if isinstance(c, type) and issubclass(c, FlowSpec) and c.__module__ == "the_flow")
    flow = cls(use_cli=False)
    with parameters.flow_context(cls):
        import metaflow.cli  # adds the flow's options while it is imported

        state = metaflow.cli.CliState(flow)
        options = ["--quiet", "--no-pylint", "version"]
        metaflow.cli.start.main(args=options, obj=state, auto_envvar_prefix="METAFLOW", standalone_mode=False)
    return len([{d.name: dict(d.attributes) for d in node.decorators} for node in state.flow._graph])


def answer(path: str) -> str:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        try:
            return json.dumps(steps(path))
        except BaseException:  # noqa: BLE001 that it cannot be loaded is the answer
            return "null"


def main() -> None:
    begin = time.perf_counter()
    import metaflow  # noqa: F401 the forks share it

    imported = time.perf_counter() - begin
    flows = {}
    for path in sys.argv[1:]:
        begin = time.perf_counter()
        read, write = os.pipe()
        child = os.fork()
        if not child:
            os.write(write, answer(path).encode())
            os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            found = json.loads(pipe.read() or b"null")
        os.waitpid(child, 0)
        flows[path] = (time.perf_counter() - begin, found)
    print(json.dumps({"import_s": imported, "flows": flows}))


if __name__ == "__main__":
    main()
