# ruff: noqa: E501
"""Flows as competent users write them: every way to ask for resources, crossed with every place that it may come from.

Each function gives name → Case; Metaflow loads all of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import product

from tests.flow.peer import Case
from tests.flow.table import HEAD

K, B = "METAFLOW_KUBERNETES_", "METAFLOW_BATCH_"
TARGETS = ("argo-workflows", "step-functions", "local")
ENVS: Mapping[str, Mapping[str, str]] = {
    "no settings": {},
    "sizes": {f"{K}CPU": "6", f"{K}MEMORY": "9999", f"{K}DISK": "777"},
    "places": {f"{K}NODE_SELECTOR": "pool=a,zone=b", f"{K}GPU_VENDOR": "amd", f"{B}JOB_QUEUE": "main"},
    "decospecs": {"METAFLOW_DEFAULT_DECOSPECS": "resources:memory=7000,cpu=3 retry:times=2 timeout:hours=2"},
}
RESOURCES = (
    "", "@resources", "@resources(cpu=8)", "@resources(memory=32000)", "@resources(gpu=1)", "@resources(gpu=0)",
    "@resources(cpu=0.5, memory=500)", "@resources(disk=50000)", "@resources(shared_memory=2048)",
    "@resources(cpu='4', memory='16000', gpu='2')", "@resources(cpu=None, memory=None)",
    "@resources(cpu=8, memory=64000, gpu=4, disk=200000, shared_memory=8192)",
)  # fmt: skip
PLACES = {
    "kubernetes": (
        "@kubernetes", "@kubernetes(cpu=1)", "@kubernetes(cpu='1', memory='4096', disk='10240')",
        "@kubernetes(cpu=4, memory=16000)", "@kubernetes(cpu=.5, memory=512.5)", "@kubernetes(gpu=8)",
        "@kubernetes(gpu='2', gpu_vendor='amd')", "@kubernetes(disk=102400)", "@kubernetes(shared_memory=1024)",
        "@kubernetes(node_selector='pool=a100,zone=b')", "@kubernetes(node_selector={'pool': 'a100'}, cpu=2)",
        "@kubernetes(compute_pool='h100', gpu=1)", "@kubernetes(compute_pool='h', node_selector={'zone': 'b'})",
        "@kubernetes(qos='guaranteed', image='x/y:1', namespace='ml', labels={'a': 'b'}, use_tmpfs=True, memory=8000)",
    ),
    "batch": (
        "@batch", "@batch(cpu=2)", "@batch(cpu='2', memory='8000', gpu='1')", "@batch(memory=1000)",
        "@batch(cpu=.25, memory=512)", "@batch(gpu=4)", "@batch(shared_memory=4096)", "@batch(queue='gpu-queue')",
        "@batch(queue=None)", "@batch(trainium=16)", "@batch(inferentia=1, cpu=8)", "@batch(efa=8, gpu=8)",
        "@batch(image='x/y:1', iam_role='r', host_volumes=['/a'], use_tmpfs=True, tmpfs_size=512, max_swap=10)",
    ),
}  # fmt: skip


def chain(
    decorators: Iterable[str], *, body: str = "", before: str = "", cls: str = "", bases: str = "FlowSpec"
) -> str:
    """A flow of steps one after the other, each with its decorators; the first is `start`, an `end` follows."""
    lists = list(decorators)
    names = ["start", *(f"s{number}" for number in range(1, len(lists))), "end"]
    lines = [*HEAD.splitlines(), "import os", *before.splitlines(), *cls.splitlines(), f"class F({bases}):"]
    lines += [f"    {line}" for line in body.splitlines()]
    for name, after, text in zip(names, names[1:], lists):
        lines += [*(f"    {line}" for line in text.splitlines()), "    @step", f"    def {name}(self):"]
        lines += [f"        self.next(self.{after})"]
    lines += ["    @step", "    def end(self):", "        pass", "if __name__ == '__main__':", "    F()", ""]
    return "\n".join(lines)


def layers() -> dict[str, Case]:
    """@resources in all its forms on each place to run × targets × settings of the deploying machine."""
    rows = [("", target) for target in TARGETS]
    rows += [(place, target) for place in PLACES["kubernetes"] for target in TARGETS]
    rows += [(place, target) for place in PLACES["batch"] for target in TARGETS if target != "argo-workflows"]
    texts = {place: chain(f"{place}\n{asked}" for asked in RESOURCES) for place, _ in rows}
    return {
        f"{place or 'bare'}, {target}, {env}": Case(files={"f.py": texts[place]}, target=target, env=ENVS[env])
        for number, (place, target) in enumerate(rows)
        for env in (list(ENVS) if not place else [list(ENVS)[number % len(ENVS)], list(ENVS)[(number + 1) % len(ENVS)]])
    }


WITH = (
    ("kubernetes",), ("kubernetes:cpu=4,memory=9000,gpu=1",), ("batch:queue=fast,cpu=2",), ("batch", "retry:times=1"),
    ("resources:cpu=16,memory=64000",), ("kubernetes:node_selector={\"pool\": \"a\", \"zone\": \"b\"}", "timeout:minutes=90"),
    ("resources:gpu=2,shared_memory=512", "kubernetes:compute_pool=h100"), ("retry",), ("kubernetes:cpu=.5,disk=2048",),
    ("catch", "timeout:hours=1,minutes=30"), ("environment:vars={\"A\": \"1\"}", "card"),
)  # fmt: skip
STATIC = ("", "@resources(cpu=3, gpu=1)", "@retry(times=4)\n@timeout(seconds=90)", "@catch(var='e')")


def with_specs() -> dict[str, Case]:
    """Decospecs of the deploy command on steps that have some decorators already."""
    text = chain(STATIC)
    return {
        f"--with {' '.join(specs)}, {target}": Case(files={"f.py": text}, target=target, with_=specs)
        for specs, target in product(WITH, TARGETS)
        if not (target == "argo-workflows" and specs[0].startswith("batch"))
    }


ATTEMPTS = (
    "@retry", "@retry()", "@retry(times=0)", "@retry(times='2')", "@retry(times=4, minutes_between_retries=0)",
    "@timeout(seconds=90)", "@timeout(minutes=5)", "@timeout(hours=3)", "@timeout(hours=1, minutes=30, seconds=15)",
    "@timeout(minutes='45')", "@catch", "@catch(var='failed', print_exception=False)\n@retry(times=2)",
    "@retry(times=2)\n@timeout(hours=2)\n@catch(var='x')", "@retry(times=RETRIES)\n@timeout(hours=HOURS)",
    "@timeout(seconds=60 * 60 * 2)", "@retry(times=config_expr('cfg.retries'))\n@timeout(hours=cfg.hours)",
)  # fmt: skip
SCHEDULES = (
    "@schedule", "@schedule()", "@schedule(daily=True)", "@schedule(daily=False)", "@schedule(hourly=True)",
    "@schedule(weekly=True)", "@schedule(cron='0 6 * * ? *')", "@schedule(cron='*/15 8-18 ? * MON-FRI *')",
    "@schedule(hourly=True, weekly=True)", "@schedule(cron=config_expr('cfg.cron'))", "@schedule(hourly='false')",
    "@schedule(cron=CRON)", "@project(name='ranker')", "@project(name=config_expr('cfg.project'))\n@schedule",
    "@project(name=PROJECT, branch='b', production=True)", "@trigger(event='data')", "@trigger_on_finish(flow='Other')",
    "@schedule(daily=config_expr('cfg.daily'))", "@schedule(cron='')",
)  # fmt: skip
ZONED = ("@schedule(cron='0 6 * * *', timezone='Europe/Berlin')", "@schedule(daily=True, timezone='UTC')")
NAMES = "RETRIES = 2\nHOURS = 4\nCRON = '30 5 * * ? *'\nPROJECT = 'pricing'\n"
MORE = (
    'cfg = Config("cfg", default_value={"retries": 1, "hours": 6, "cron": "5 4 * * ? *", "project": "p1", "daily": 0})'
)


def attempts() -> dict[str, Case]:
    """@retry, @timeout and @catch on every place, and what stands on the flow."""
    text = chain(ATTEMPTS, body=MORE, before=NAMES)
    found = {f"retries and timeouts, {target}": Case(files={"f.py": text}, target=target) for target in TARGETS}
    pairs = [*product(SCHEDULES, TARGETS), *((zoned, "argo-workflows") for zoned in ZONED)]
    for decorator, target in pairs:
        files = {"f.py": chain(["@resources(cpu=2)"], body=MORE, before=NAMES, cls=decorator)}
        found[f"{' '.join(decorator.split())}, {target}"] = Case(files=files, target=target)
    return found


SETTINGS = {
    "gpu": 2, "cpu": 4, "memory": 9000, "none": None, "half": 0.5, "text": "16", "flag": True, "pool": "a100",
    "r": {"cpu": 8, "memory": 16000}, "k": {"gpu": 1, "node_selector": {"pool": "x"}}, "b": {"queue": "q", "gpu": 4},
    "big": {"dashed-key": 12, "items": 3, "list": [1, 2, 3]}, "which": "small", "sizes": {"small": 1, "large": 16},
    "retries": 1, "hours": 2,
}  # fmt: skip
USES = (
    "@resources(cpu=cfg.cpu, gpu=cfg.gpu, memory=cfg['memory'])", "@resources(**cfg.r)", "@kubernetes(**cfg.k)",
    "@resources(cpu=2, **cfg.r)", "@resources(**cfg['r'], gpu=1)", "@resources(cpu=cfg.half, memory=cfg.text)",
    "@kubernetes(gpu=cfg.none, cpu=(cfg.cpu or 2))", "@kubernetes(node_selector={'pool': cfg.pool})",
    "@kubernetes(compute_pool=cfg.pool, gpu=config_expr('cfg.gpu * 2'))",
    "@resources(memory=config_expr('cfg.memory + 1000 if cfg.flag else 1'))",
    "@resources(cpu=config_expr('max(cfg.big.list)'), memory=config_expr('cfg.r.memory * SCALE'))",
    "@resources(cpu=cfg.sizes[cfg.which])", "@resources(cpu=config_expr(\"cfg.sizes[cfg.which]\"))",
    "@resources(cpu=config_expr(\"cfg.big['dashed-key']\"))", "@resources(cpu=config_expr(\"cfg.get('cpus', 3)\"))",
    "@resources(cpu=cfg.get('cpu', 64))", "@resources(memory=config_expr('scaled(cfg.memory)'))",
    "@resources(memory=config_expr('int(cfg.text)') if SCALE else 1)", "@retry(times=cfg.retries)",
    "@timeout(hours=cfg.hours)", "@resources(cpu=config_expr('cfg').r.cpu)", "@resources(**config_expr('cfg.r'))",
    "@resources(cpu=config_expr('len(cfg.sizes)'), gpu=config_expr('sum(cfg.sizes.values())'))",
    "@resources(memory=config_expr('cfg.memory // 2 ** 3'))", "@environment(vars={'A': cfg.pool})",
    "@kubernetes(cpu=1, **cfg.r)\n@resources(gpu=cfg.gpu)",
)  # fmt: skip
YAML = "\n".join(f"{key}: {json.dumps(value)}" for key, value in SETTINGS.items()).replace('"dashed-key"', "dashed-key")
TOML = "\n".join(
    f"{key} = {text}"
    for key, value in SETTINGS.items()
    for text in [json.dumps(value).replace(": ", " = ") if isinstance(value, dict) else json.dumps(value)]
    if value is not None
)
TEXT, OTHER = json.dumps(SETTINGS), json.dumps({**SETTINGS, "gpu": 1, "cpu": 2, "r": {"memory": 777, "cpu": 9}})
PRELUDE = f"""import json, os, yaml
from pathlib import Path
SCALE = 2
DEFAULTS = {SETTINGS!r}
CONFIG_FILE = os.path.abspath("c.json")
def scaled(memory):
    return memory * SCALE
"""


def configured(config: str, files: Mapping[str, str] | None = None, **more: object) -> Case:
    """A flow that uses its config in every way, beside these files."""
    uses = [use for use in USES if "none" not in use or "toml" not in config]
    text = chain(uses, body=f"cfg = {config}", before=PRELUDE)
    path = str(more.get("path", "f.py"))
    return Case(files={path: text, **(files or {})}, **more)  # type: ignore[arg-type]


def configs() -> dict[str, Case]:
    """Every source of a config, with every way to use it."""
    c, at_file = "Config('cfg', default='c.json')", {"c.json": TEXT}
    here = "os.path.join(os.path.dirname(__file__), 'c.json')"
    flow_config, flow_value = "METAFLOW_FLOW_CONFIG", "METAFLOW_FLOW_CONFIG_VALUE"
    return {
        "a default file": configured(c, at_file),
        "a default file, positional": configured("Config('cfg', 'c.json')", at_file),
        "a default file in a folder": configured("Config('cfg', default='conf/c.json')", {"conf/c.json": TEXT}),
        "a default file from another cwd": configured(c, {"sub/c.json": TEXT}, path="flows/f.py", cwd="sub"),
        "a default file above": configured("Config('cfg', default='../c.json')", at_file, path="sub/f.py", cwd="sub"),
        "a default file beside the flow": configured(
            f"Config('cfg', default={here})", {"flows/c.json": TEXT}, path="flows/f.py"
        ),
        "a default file by pathlib": configured(
            "Config('cfg', default=str(Path(__file__).parent / 'c.json'))", at_file
        ),
        "a default file by a constant": configured("Config('cfg', default=CONFIG_FILE)", at_file),
        "a default_value of text": configured(f"Config('cfg', default_value={TEXT!r})"),
        "a default_value of dict": configured(f"Config('cfg', default_value={SETTINGS!r})"),
        "a default_value of a constant": configured("Config('cfg', default_value=DEFAULTS)"),
        "a default_value of json.dumps": configured("Config('cfg', default_value=json.dumps(DEFAULTS))"),
        "a given file": configured(c, {**at_file, "o.json": OTHER}, configs={"cfg": "o.json"}),
        "a given file where no default is": configured("Config('cfg')", {"o.json": OTHER}, configs={"cfg": "o.json"}),
        "a required config": configured("Config('cfg', required=True)", {"o.json": TEXT}, configs={"cfg": "o.json"}),
        "a given value": configured(c, at_file, values={"cfg": OTHER}),
        "a given value of data": configured("Config('cfg', default_value={'gpu': 9})", values={"cfg": SETTINGS}),
        "a file in the environment": configured(
            c, {**at_file, "o.json": OTHER}, env={flow_config: '{"cfg": "o.json"}'}
        ),
        "a value in the environment": configured(c, at_file, env={flow_value: json.dumps({"cfg": json.loads(OTHER)})}),
        "a given file beats a default value": configured(
            f"Config('cfg', default_value={TEXT!r})", {"o.json": OTHER}, configs={"cfg": "o.json"}
        ),
        "yaml by name": configured("Config('cfg', default='c.yml', parser='yaml.safe_load')", {"c.yml": YAML}),
        "yaml by function": configured("Config('cfg', default='c.yml', parser=yaml.safe_load)", {"c.yml": YAML}),
        "yaml of Metaflow's": configured("Config('cfg', default='c.yml', parser=yaml_parser)", {"c.yml": YAML}),
        "yaml by dotted name": configured(
            "Config('cfg', default='c.yml', parser='.plugins.parsers.yaml_parser')", {"c.yml": YAML}
        ),
        "yaml by a lambda": configured(
            "Config('cfg', default='c.yml', parser=lambda text: yaml.safe_load(text))", {"c.yml": YAML}
        ),
        "toml": configured("Config('cfg', default='c.toml', parser='tomllib.loads')", {"c.toml": TOML}),
        "json by name": configured("Config('cfg', default='c.json', parser='json.loads')", at_file),
    }
