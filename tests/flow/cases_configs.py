# ruff: noqa: E501
"""Flows with configs, and what their `start` step asks for: arguments by decorator, or (part of) the reason why not."""

from __future__ import annotations

from tests.flow.table import HEAD, C, J, c, flow

CASES = {
    "a dotted config key is known": (c("@resources(gpu=cfg.a.b, cpu=cfg.cpu)"), {"resources": {"gpu": 3, "cpu": 4}}),
    "config keys in brackets are known": (c("@resources(gpu=cfg['a']['b'])"), {"resources": {"gpu": 3}}),
    "a list index on a config fails in Metaflow": (
        c("@resources(gpu=cfg.a.l[0])"),
        "Metaflow fails: a config expression takes no int index; write it",
    ),
    "a dashed key behind a config is a subtraction, which fails": (
        c("@resources(gpu=cfg.a['some-key'])"),
        "the config has no key 'some' at ['a']",
    ),
    "a dashed key inside config_expr is known": (
        c("@resources(gpu=config_expr(\"cfg.a['some-key']\"))"),
        {"resources": {"gpu": 5}},
    ),
    "a config key that another config value selects is known": (
        c("@resources(gpu=cfg.sizes[cfg.which])"),
        {"resources": {"gpu": 16}},
    ),
    "get of a config gives its key": (c("@resources(gpu=cfg.get('gpu', 1))"), {"resources": {"gpu": 2}}),
    "get of a missing key fails, default or not": (
        c("@resources(gpu=cfg.get('gpus', 1))"),
        "the config has no key 'gpus' at its top level",
    ),
    "get inside config_expr uses its default": (
        c("@resources(gpu=config_expr(\"cfg.get('gpus', 1)\"))"),
        {"resources": {"gpu": 1}},
    ),
    "a key named items below a config is a method": (
        c("@resources(gpu=cfg.a['items'])"),
        "is items, a method, not plain data",
    ),
    "a key named items of a config is a method": (c("@resources(gpu=cfg.items)"), "is items, a method, not plain data"),
    "cfg.name is the option name": (c("@environment(vars={'a': cfg.name})"), {"environment": {"vars": {"a": "cfg"}}}),
    "a key called name is reached by brackets": (
        c("@environment(vars={'a': cfg['name']})"),
        {"environment": {"vars": {"a": "keyname"}}},
    ),
    "a key called name below the top level is a key": (c("@resources(gpu=cfg.a.name)"), {"resources": {"gpu": 8}}),
    "cfg.parser is no key": (
        c("@resources(gpu=cfg.parser)"),
        "parser is an attribute of Metaflow's Config, not a key of the config;",
    ),
    "an operator on a config fails": (
        c("@resources(gpu=cfg.gpu * 2)"),
        "uses an operator on a config: Metaflow knows its value only inside",
    ),
    "a config in plain code counts as true": (
        c("@resources(memory=1024 if cfg.null else 2048)"),
        {"resources": {"memory": 1024}},
    ),
    "a negated config in plain code counts as false": (
        c("@resources(memory=1024 if not cfg.null else 2048)"),
        {"resources": {"memory": 2048}},
    ),
    "a config in an or is the config": (c("@resources(memory=(cfg.mem or 5))"), {"resources": {"memory": 9000}}),
    "a config in an and gives the other side": (
        c("@resources(memory=(cfg.null and 5000))"),
        {"resources": {"memory": 5000}},
    ),
    "a config in an f-string is the text of an object": (
        c("@environment(vars={'p': f'pool={cfg.gpu}'})"),
        "is a config expression, which Metaflow resolves only as (part of) an",
    ),
    "a class attribute that is a config expression fails": (
        c("@resources(gpu=x)", body=C + "\nx = cfg.gpu"),
        "Metaflow fails: a class attribute cannot hold a config expression",
    ),
    "config expressions inside dicts and lists are resolved": (
        c("@kubernetes(node_selector={'x': cfg.which}, tolerations=[{'key': cfg.which}])"),
        {"kubernetes": {"node_selector": {"x": "big"}, "tolerations": [{"key": "big"}]}},
    ),
    "a bare config is not resolved": (c("@environment(vars=cfg)"), "is a bare Config object, not plain data"),
    "config_expr of a part is resolved to a plain dict": (
        c("@environment(vars=config_expr('cfg.sel'))"),
        {"environment": {"vars": {"pool": "x"}}},
    ),
    "config_expr of the whole config is resolved": (
        c("@environment(vars=config_expr('cfg'))"),
        {
            "environment": {
                "vars": {
                    "gpu": 2,
                    "cpu": 4,
                    "mem": 9000,
                    "null": None,
                    "a": {"b": 3, "some-key": 5, "items": 7, "l": [1, 2, 3], "name": 8},
                    "r": {"cpu": 8, "memory": 16000},
                    "name": "keyname",
                    "sel": {"pool": "x"},
                    "items": 9,
                    "str": "4",
                    "sizes": {"big": 16, "small": 1},
                    "which": "big",
                }
            }
        },
    ),
    "a config with a dashed name cannot be used": (
        {"f.py": flow("@resources(gpu=cfg.gpu)", 'cfg = Config("my-cfg", default="c.json")'), "c.json": J},
        "Metaflow fails: a config named 'my-cfg' cannot be used in an",
    ),
    "a config under another attribute name works by dots": (
        {"f.py": flow("@resources(gpu=mine.gpu)", 'mine = Config("opt", default="c.json")'), "c.json": J},
        {"resources": {"gpu": 2}},
    ),
    "the attribute name is unknown inside config_expr": (
        {
            "f.py": flow("@resources(gpu=config_expr('mine.gpu'))", 'mine = Config("opt", default="c.json")'),
            "c.json": J,
        },
        "mine is not defined in f.py",
    ),
    "the option name is known inside config_expr": (
        {"f.py": flow("@resources(gpu=config_expr('opt.gpu'))", 'mine = Config("opt", default="c.json")'), "c.json": J},
        {"resources": {"gpu": 2}},
    ),
    "a config made at module level works in the class": (
        c("@resources(gpu=cfg.gpu)", before='C = Config("cfg", default="c.json")', body="cfg = C"),
        {"resources": {"gpu": 2}},
    ),
    "a config that no class holds fails": (
        c("@resources(gpu=C.gpu)", before='C = Config("cfg", default="c.json")', body=""),
        "cfg is looked up in Metaflow's own namespace, which has no such name",
    ),
    "unpacked config beats explicit arguments": (
        c("@resources(cpu=2, **cfg.r)"),
        {"resources": {"cpu": 8, "memory": 16000}},
    ),
    "unpacked config beats explicit arguments that follow": (
        c("@resources(**cfg.r, cpu=2)"),
        {"resources": {"cpu": 8, "memory": 16000}},
    ),
    "the later of two unpacked configs wins, unknown keys pass": (
        c("@resources(**cfg.r, **cfg.r2)") | {"c.json": '{"r":{"cpu":8},"r2":{"cpu":9,"extra":1}}'},
        {"resources": {"cpu": 9, "extra": 1}},
    ),
    "unpacked config_expr is known": (
        c("@resources(**config_expr('cfg.r'))"),
        {"resources": {"cpu": 8, "memory": 16000}},
    ),
    "a whole config can be unpacked": (
        {"f.py": flow("@resources(**cfg)", C), "c.json": '{"cpu": 3}'},
        {"resources": {"cpu": 3}},
    ),
    "config_expr calculates with constants of the module": (
        c("@resources(memory=config_expr('cfg.gpu * 1024 + K'))", before="K = 5"),
        {"resources": {"memory": 2053}},
    ),
    "config_expr calls functions of the module": (
        c("@resources(memory=config_expr('double(cfg.gpu)'))", before="def double(x):\n    return x * 2\n"),
        {"resources": {"memory": 4}},
    ),
    "attributes behind config_expr are keys": (
        c("@resources(memory=config_expr('cfg').mem)"),
        {"resources": {"memory": 9000}},
    ),
    "nothing follows config_expr of more than a name": (
        c("@resources(memory=config_expr('cfg.mem').x)"),
        "Metaflow fails: nothing can follow config_expr of more than a name;",
    ),
    "a config inside a comprehension is not visible": (
        c("@resources(gpu=config_expr('[x for x in [1,2,3] if x > cfg.gpu][0]'))"),
        "uses the config cfg in a comprehension, where Python does not see it",
    ),
    "a config as the first iterable is visible": (
        c("@resources(gpu=config_expr('[x*2 for x in cfg.a.l][2]'))"),
        {"resources": {"gpu": 6}},
    ),
    "a config inside a generator is not visible": (
        c("@resources(gpu=config_expr('sum(cfg.a.l[0] for _ in range(4))'))"),
        "uses the config cfg in a comprehension, where Python does not see it",
    ),
    "a config as the iterable of a generator is visible": (
        c("@resources(gpu=config_expr('sum(x for x in cfg.a.l)'))"),
        {"resources": {"gpu": 6}},
    ),
    "config_expr decides by value": (
        c("@resources(gpu=config_expr('4 if cfg.gpu > 1 else 0'))"),
        {"resources": {"gpu": 4}},
    ),
    "null stays None": (
        c("@batch(cpu=cfg.null)\n@resources(gpu=cfg.null)"),
        {"batch": {"cpu": None}, "resources": {"gpu": None}},
    ),
    "a base class uses the config of the final class": (
        {
            "f.py": HEAD
            + "class Base(FlowSpec):\n    cfg = Config('cfg', default_value={'gpu': 2})\n    @resources(gpu=cfg.gpu)\n    @step\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self): pass\nclass F(Base):\n    cfg = Config('cfg', default_value={'gpu': 16})\nif __name__=='__main__': F()\n"
        },
        {"resources": {"gpu": 16}},
    ),
    "a JSON text as default_value is read": (
        c("@resources(gpu=cfg.x)", body="cfg = Config('cfg', default_value='{\"x\": 5}')"),
        {"resources": {"gpu": 5}},
    ),
    "default_value goes through JSON, which makes keys text": (
        c("@resources(gpu=config_expr(\"cfg['1']\"))", body="cfg = Config('cfg', default_value={1: 5})"),
        {"resources": {"gpu": 5}},
    ),
    "a YAML config by dotted parser is read": (
        c("@resources(gpu=cfg.x)", body="cfg = Config('cfg', default='c.yaml', parser='yaml.safe_load')")
        | {"c.yaml": "x: 4\n"},
        {"resources": {"gpu": 4}},
    ),
    "Metaflow's own YAML parser reads octal numbers": (
        c("@resources(gpu=cfg.x)", body="cfg = Config('cfg', default='c.yaml', parser='.plugins.parsers.yaml_parser')")
        | {"c.yaml": "x: 010\n"},
        {"resources": {"gpu": 8}},
    ),
    "a YAML config with a merge key is read": (
        c(
            "@resources(gpu=cfg.x)",
            before="import yaml",
            body="cfg = Config('cfg', default='c.yaml', parser=yaml.safe_load)",
        )
        | {"c.yaml": "base: &b {x: 4}\n<<: *b\n"},
        {"resources": {"gpu": 4}},
    ),
    "metaflow.yaml_parser is known": (
        c(
            "@resources(gpu=cfg.x)",
            before="from metaflow import yaml_parser",
            body="cfg = Config('cfg', default='c.yaml', parser=yaml_parser)",
        )
        | {"c.yaml": "x: 1_0\n"},
        {"resources": {"gpu": 10}},
    ),
    "a TOML config is read": (
        c(
            "@resources(gpu=cfg.x.y)",
            before="import tomllib",
            body="cfg = Config('cfg', default='c.toml', parser=tomllib.loads)",
        )
        | {"c.toml": "[x]\ny = 3\n"},
        {"resources": {"gpu": 3}},
    ),
    "a parser that only calls a known one is known": (
        c(
            "@resources(gpu=cfg.x)",
            before="import yaml",
            body="cfg = Config('cfg', default='c.yaml', parser=lambda t: yaml.safe_load(t))",
        )
        | {"c.yaml": "x: 4\n"},
        {"resources": {"gpu": 4}},
    ),
    "a plain config is a dict": (
        c(
            "@resources(gpu=config_expr(\"cfg['x']\"))",
            body="cfg = Config('cfg', default='p.json', plain=True, parser='json.loads')",
        )
        | {"p.json": '{"x": 6}'},
        {"resources": {"gpu": 6}},
    ),
    "a plain config may be a list": (
        c(
            '@resources(gpu=config_expr("cfg[1]"))',
            body="cfg = Config('cfg', default='p.json', plain=True, parser='json.loads')",
        )
        | {"p.json": "[1, 6]"},
        {"resources": {"gpu": 6}},
    ),
    "a plain config without parser is the raw text": (
        c("@environment(vars={'a': config_expr(\"cfg\")})", body="cfg = Config('cfg', default='p.json', plain=True)")
        | {"p.json": "[1, 6]"},
        {"environment": {"vars": {"a": "[1, 6]"}}},
    ),
    "a plain config has no attributes": (
        c("@resources(gpu=cfg.x)", body="cfg = Config('cfg', default='p.json', plain=True, parser='json.loads')")
        | {"p.json": '{"x": 6}'},
        "needs the attribute x of a dict",
    ),
    "a default path beside the flow is read": (
        c(
            "@resources(gpu=cfg.gpu)",
            before="import os",
            body="cfg = Config('cfg', default=os.path.join(os.path.dirname(__file__), 'c.json'))",
        ),
        {"resources": {"gpu": 2}},
    ),
    "a default path by pathlib is read": (
        c(
            "@resources(gpu=cfg.gpu)",
            before="from pathlib import Path",
            body="cfg = Config('cfg', default=str(Path(__file__).parent / 'c.json'))",
        ),
        {"resources": {"gpu": 2}},
    ),
    "a missing default file fails": (
        c("@resources(gpu=cfg.gpu)", body="cfg = Config('cfg', default='nope.json')"),
        "default configuration file 'nope.json' could not be read (from cwd",
    ),
    "a config without any value has no keys": (
        c("@resources(gpu=cfg.gpu)", body="cfg = Config('cfg')"),
        "needs the attribute gpu of a NoneType",
    ),
    "a config without any value may go unused": (
        c("@resources(gpu=1)", body="cfg = Config('cfg')"),
        {"resources": {"gpu": 1}},
    ),
    "a key with a dot is two keys": (c("@resources(gpu=cfg['a.b'])"), {"resources": {"gpu": 3}}),
    "config_expr converts text": (c("@resources(gpu=config_expr('int(cfg.str) * 2'))"), {"resources": {"gpu": 8}}),
    "items inside config_expr work": (
        c("@environment(vars=config_expr('{k: str(v) for k, v in cfg.sel.items()}'))"),
        {"environment": {"vars": {"pool": "x"}}},
    ),
    "dict inside config_expr works": (
        c("@environment(vars=config_expr('dict(cfg.sel)'))"),
        {"environment": {"vars": {"pool": "x"}}},
    ),
    "membership inside config_expr works": (
        c("@resources(gpu=config_expr(\"4 if 'gpu' in cfg else 1\"))"),
        {"resources": {"gpu": 4}},
    ),
    "len inside config_expr works": (c('@resources(gpu=config_expr("len(cfg.a.l)"))'), {"resources": {"gpu": 3}}),
    "flow decorators may use config_expr": (
        c("@resources(gpu=1)", cls="@project(name=config_expr('cfg.which'))\n@schedule(hourly=True)\n"),
        {"resources": {"gpu": 1}},
    ),
    "comparing a config in plain code is not known": (
        c("@resources(memory=1000 if cfg.gpu == 2 else 2000)"),
        "compares a config: Metaflow knows its value only inside config_expr",
    ),
    "a lambda inside config_expr is not known": (
        c("@resources(gpu=config_expr('(lambda x=cfg.gpu: x)()'))"),
        "is a lambda that may use local names",
    ),
    "two configs may read one file": (
        c("@resources(gpu=cfg.gpu, cpu=c2.a.b)", body=C + "\nc2 = Config('c2', default='c.json')"),
        {"resources": {"gpu": 2, "cpu": 3}},
    ),
    "changing a config fails": (
        c("@resources(gpu=config_expr('cfg.a.setdefault(\"b\", 4)'))"),
        "calls setdefault of a config, which Metaflow refuses or which gives",
    ),
    "JSON numbers keep their type": (
        c("@resources(cpu=cfg.f, memory=cfg.e)") | {"c.json": '{"f": 1.50, "e": 1e4}'},
        {"resources": {"cpu": 1.5, "memory": 10000.0}},
    ),
    "JSON booleans are known": (
        c("@environment(vars={'a': cfg.t})") | {"c.json": '{"t": true}'},
        {"environment": {"vars": {"a": True}}},
    ),
    "a config that is a list fails": (
        c("@resources(gpu=1)") | {"c.json": "[1]"},
        "Metaflow fails: the config is no mapping at its top level",
    ),
    "a JSON config with a byte order mark fails": (
        c("@resources(gpu=1)") | {"c.json": b'\xef\xbb\xbf{"a":1}'},
        "Metaflow fails: the text starts with a byte order mark",
    ),
    "a duplicate key in a config is not known": (
        c("@resources(gpu=cfg.a)") | {"c.json": '{"a":1, "a": 2}'},
        "the config 'cfg' could not be read: duplicate key 'a' (c.json:1:9)",
    ),
    "config_expr uses the globals of the module that wrote it": (
        c("@big", before="from lib import big")
        | {
            "lib.py": "from metaflow import resources, config_expr\nK = 3\nbig = resources(gpu=config_expr('cfg.gpu * K'))\n"
        },
        {"resources": {"gpu": 6}},
    ),
    "a Parameter may default to a config value": (
        {
            "f.py": flow(
                "",
                C + "\nn = Parameter('n', default=cfg.gpu)",
                nxt="self.xs=[1]; self.next(self.mid, num_parallel=2)",
                extra="    @resources(gpu=1)\n    @step\n    def mid(self):\n        self.next(self.j)\n    @step\n    def j(self, inputs):\n        self.next(self.end)\n",
            ),
            "c.json": J,
        },
        {},
    ),
    "a partial may hold a config expression": (
        c("@big", before="import functools\nbig = functools.partial(resources, gpu=config_expr('cfg.gpu'))"),
        {"resources": {"gpu": 2}},
    ),
    "comparing a config with None is not known": (
        c("@kubernetes(cpu=4 if cfg.gpu is None else 8)"),
        "compares a config: Metaflow knows its value only inside config_expr",
    ),
    "a list of dicts from config_expr is known": (
        c("@kubernetes(tolerations=config_expr('[dict(key=k) for k in cfg.a.l]'))"),
        {"kubernetes": {"tolerations": [{"key": 1}, {"key": 2}, {"key": 3}]}},
    ),
    "a list from config_expr is known": (
        c("@environment(vars={'a': config_expr('cfg.a.l')})"),
        {"environment": {"vars": {"a": [1, 2, 3]}}},
    ),
    "text of a config is not evaluated": (
        c("@environment(vars={'a': config_expr('str(cfg.sel)')})"),
        "makes text of a dict",
    ),
    "len of a config is known": (
        c("@environment(vars={'a': config_expr('len(cfg)')})"),
        {"environment": {"vars": {"a": 12}}},
    ),
    "a config compared inside config_expr is known": (
        c("@resources(gpu=config_expr(\"3 if cfg.sel == {'pool': 'x'} else 1\"))"),
        {"resources": {"gpu": 3}},
    ),
    "a config as a condition inside config_expr is known": (
        c("@resources(gpu=config_expr('3 if cfg.sel else 1'))"),
        {"resources": {"gpu": 3}},
    ),
    "keys inside config_expr are known": (
        c("@resources(gpu=config_expr('len(list(cfg.sel.keys()))'))"),
        {"resources": {"gpu": 1}},
    ),
    "values inside config_expr are known": (
        c("@environment(vars={'a': config_expr('list(cfg.sel.values())[0]')})"),
        {"environment": {"vars": {"a": "x"}}},
    ),
    "to_dict inside config_expr is known": (
        c("@environment(vars=config_expr('cfg.sel.to_dict()'))"),
        {"environment": {"vars": {"pool": "x"}}},
    ),
    "copy inside config_expr is known": (
        c("@environment(vars=config_expr('cfg.sel.copy()'))"),
        {"environment": {"vars": {"pool": "x"}}},
    ),
    "merging a config inside config_expr is not evaluated": (
        c("@environment(vars=config_expr(\"cfg.sel | {'q': '1'}\"))"),
        "uses an operator on a config: Metaflow knows its value only inside",
    ),
    "getattr is not evaluated": (
        c("@resources(gpu=config_expr(\"getattr(cfg, 'gpu')\"))"),
        "calls getattr, which is not evaluated",
    ),
    "an unpacked config inside config_expr is known": (
        c("@environment(vars=config_expr(\"{**cfg.sel, 'k': 'v'}\"))"),
        {"environment": {"vars": {"pool": "x", "k": "v"}}},
    ),
    "dict of an unpacked config inside config_expr is known": (
        c("@environment(vars=config_expr(\"dict(**cfg.sel, k='v')\"))"),
        {"environment": {"vars": {"pool": "x", "k": "v"}}},
    ),
    "config_expr may span lines": (
        c("@resources(gpu=config_expr('''(\n  cfg.gpu +\n 1)'''))"),
        {"resources": {"gpu": 3}},
    ),
    "config_expr may start with spaces": (c("@resources(gpu=config_expr('  cfg.gpu'))"), {"resources": {"gpu": 2}}),
    "an f-string inside config_expr is known": (
        c("@environment(vars={'a': config_expr(\"f'x-{cfg.gpu}'\")})"),
        {"environment": {"vars": {"a": "x-2"}}},
    ),
    "config_expr looks up a dict of the module": (
        c("@resources(gpu=config_expr('SIZES[cfg.which]'))", before="SIZES = {'big': 4}"),
        {"resources": {"gpu": 4}},
    ),
    "config_expr sees names that are set further down": (
        c("@resources(gpu=config_expr('SIZES[cfg.which]'))", extra="", before="", cls="")
        | {"f.py": flow("@resources(gpu=config_expr('SIZES[cfg.which]'))", C) + "\nSIZES = {'big': 4}\n"},
        {"resources": {"gpu": 4}},
    ),
    "config_expr sees imported modules": (
        c("@resources(gpu=config_expr('lib.N + cfg.gpu'))", before="import lib") | {"lib.py": "N = 5\n"},
        {"resources": {"gpu": 7}},
    ),
    "a helper function takes a config inside config_expr": (
        c("@resources(gpu=config_expr('lookup(cfg)'))", before="def lookup(c): return c.sizes[c.which]"),
        {"resources": {"gpu": 16}},
    ),
    "brackets behind config_expr are keys": (
        c("@resources(gpu=config_expr('cfg')['gpu'])", before="gpu = 9"),
        {"resources": {"gpu": 2}},
    ),
    "a config hides a global of its name": (
        c("@resources(gpu=config_expr('cfg.gpu'))", before="cfg = 5"),
        {"resources": {"gpu": 2}},
    ),
    "brackets may be nested": (
        c("@resources(gpu=cfg['sizes']['big'], memory=cfg['mem'])"),
        {"resources": {"gpu": 16, "memory": 9000}},
    ),
    "get below a config gives its key": (c("@resources(gpu=cfg.a.get('b'))"), {"resources": {"gpu": 3}}),
    "membership in a config in plain code is not known": (
        c("@resources(gpu=3 if 'zzz' in cfg else 1)"),
        "compares a config: Metaflow knows its value only inside config_expr",
    ),
    "config expressions inside tuples are resolved": (
        c("@kubernetes(tolerations=[{'key': cfg.a.l}, (cfg.gpu, [cfg.cpu])])"),
        {"kubernetes": {"tolerations": [{"key": [1, 2, 3]}, (2, [4])]}},
    ),
    "a config unpacked into a dict is not resolved": (
        c("@environment(vars={**cfg.sel})"),
        "unpacks a config expression, which Metaflow resolves only as (part",
    ),
    "dict of a config in plain code is not resolved": (
        c("@environment(vars=dict(cfg.sel))"),
        "loops over a config expression, which Metaflow resolves only as (part",
    ),
    "copy of a config is a method": (c("@resources(gpu=cfg.copy)"), "is copy, a method, not plain data"),
    "a key with an underscore is known": (
        c("@resources(gpu=cfg._x)") | {"c.json": '{"_x": 4}'},
        {"resources": {"gpu": 4}},
    ),
    "the key _data is hidden": (
        c("@resources(gpu=cfg._data)") | {"c.json": '{"_data": 4}'},
        "_data is an attribute of Metaflow's ConfigValue, not a key of the",
    ),
    "the key _data is hidden below the top level": (
        c("@resources(gpu=cfg.a._data)") | {"c.json": '{"a": {"_data": 4}}'},
        "_data is an attribute of Metaflow's ConfigValue, not a key of the",
    ),
    "the key _access is hidden below the top level": (
        c("@resources(gpu=cfg.a._access)") | {"c.json": '{"a": {"_access": 4}}'},
        "_access is an attribute of Metaflow's Config, not a key of the",
    ),
    "the key kwargs below the top level is a key": (
        c("@resources(gpu=cfg.a.kwargs)") | {"c.json": '{"a": {"kwargs": 4}}'},
        {"resources": {"gpu": 4}},
    ),
    "the key kwargs is hidden": (
        c("@resources(gpu=cfg.kwargs)") | {"c.json": '{"kwargs": 4}'},
        "kwargs is an attribute of Metaflow's Config, not a key of the config;",
    ),
    "one config may select a key of another": (
        {
            "f.py": flow("@resources(gpu=cfg[c2.which])", C + "\nc2 = Config('c2', default='c.json')"),
            "c.json": '{"gpu": 3, "which": "gpu"}',
        },
        {"resources": {"gpu": 3}},
    ),
    "a key with a dot reads two levels": (
        c("@resources(gpu=cfg['a']['b.c'])") | {"c.json": '{"a": {"b": {"c": 7}, "b.c": 8}}'},
        {"resources": {"gpu": 7}},
    ),
    "a key that is a number fails": (
        c("@resources(gpu=cfg['1'])") | {"c.json": '{"1": 8}'},
        "Metaflow fails: 'cfg.1' is no expression",
    ),
    "a key that is a keyword fails": (
        c("@resources(gpu=cfg['class'])") | {"c.json": '{"class": 8}'},
        "Metaflow fails: 'cfg.class' is no expression",
    ),
    "a dashed key may subtract a module, which fails": (
        c("@resources(gpu=cfg['a-json'])") | {"c.json": '{"a": 8}'},
        "json is looked up in Metaflow's own namespace, which has no such name",
    ),
    "a dashed key may subtract another config, which fails": (
        {
            "f.py": flow(
                "@resources(gpu=cfg['a-n'])",
                C + "\nn = Config('n', default_value='{\"x\": 1}', plain=True, parser='json.loads')",
            ),
            "c.json": '{"a": 8}',
        },
        "Python fails here: TypeError: unsupported operand type(s) for -:",
    ),
    "a dashed key may subtract a plain config": (
        {
            "f.py": flow(
                "@resources(gpu=cfg['a-n'])",
                C + "\nn = Config('n', default_value='3', plain=True, parser='json.loads')",
            ),
            "c.json": '{"a": 8}',
        },
        {"resources": {"gpu": 5}},
    ),
    "YAML 1.1 types are read": (
        {
            "f.py": flow(
                "@resources(gpu=cfg.g, cpu=cfg.c)\n@environment(vars={'a': cfg.t, 'b': cfg.n, 'c': cfg.f, 'd': cfg.o})",
                "cfg = Config('cfg', default='c.yaml', parser='yaml.safe_load')",
            ),
            "c.yaml": "g: 0x10\nc: 1e1\nt: yes\nn: ~\nf: 1.0e+3\no: 1:30\n",
        },
        {"resources": {"gpu": 16, "cpu": "1e1"}, "environment": {"vars": {"a": True, "b": None, "c": 1000.0, "d": 90}}},
    ),
    "a YAML config that is a list fails": (
        {
            "f.py": flow("@resources(gpu=1)", "cfg = Config('cfg', default='c.yaml', parser='yaml.safe_load')"),
            "c.yaml": "- 1\n",
        },
        "Metaflow fails: the config is no mapping at its top level",
    ),
    "an empty YAML config fails": (
        {
            "f.py": flow("@resources(gpu=1)", "cfg = Config('cfg', default='c.yaml', parser='yaml.safe_load')"),
            "c.yaml": "\n",
        },
        "Metaflow fails: the config is no mapping at its top level",
    ),
    "a duplicate key in YAML is not known": (
        {
            "f.py": flow("@resources(gpu=cfg.a)", "cfg = Config('cfg', default='c.yaml', parser='yaml.safe_load')"),
            "c.yaml": "a: 1\na: 2\n",
        },
        "the config 'cfg' could not be read: duplicate key 'a' (c.yaml:2:1)",
    ),
    "a JSON config that is null is None": (c("@resources(gpu=1)") | {"c.json": "null"}, {"resources": {"gpu": 1}}),
    "an empty JSON config fails": (
        c("@resources(gpu=1)") | {"c.json": ""},
        "the config 'cfg' could not be read: the file is empty (c.json:1:1)",
    ),
    "a TOML config with a byte order mark fails": (
        {
            "f.py": flow("@resources(gpu=cfg.a)", "cfg = Config('cfg', default='c.toml', parser='tomllib.loads')"),
            "c.toml": b"\xef\xbb\xbfa = 1\n",
        },
        "Metaflow fails: the text starts with a byte order mark",
    ),
    "default and default_value together fail": (
        c("@resources(gpu=1)", body="cfg = Config('cfg', default='c.json', default_value='{}')"),
        "Metaflow fails: the Config 'cfg' has both default and default_value",
    ),
    "a required config without a value fails": (
        c("@resources(gpu=1)", body="cfg = Config('cfg', required=True)"),
        "Metaflow fails: missing configuration for 'cfg'",
    ),
    "a default that is computed from nothing is known": (
        c("@resources(gpu=cfg.gpu)", body="cfg = Config('cfg', default=lambda ctx: 'c.json')"),
        {"resources": {"gpu": 2}},
    ),
    "a default_value that is computed from nothing is known": (
        c("@resources(gpu=cfg.gpu)", body="cfg = Config('cfg', default_value=lambda ctx: {'gpu': 3})"),
        {"resources": {"gpu": 3}},
    ),
    "a default_value that needs the deployment is not known": (
        c(
            "@environment(vars={'a': cfg.u})",
            body="cfg = Config('cfg', default_value=lambda ctx: {'u': ctx.user_name})",
        ),
        "is known at deploy time only",
    ),
    "an empty default_value fails": (
        c("@resources(gpu=1)", body="cfg = Config('cfg', default_value='')"),
        "the config 'cfg' could not be read: the file is empty (f.py:1:1)",
    ),
    "a list as default_value fails": (
        c("@resources(gpu=1)", body="cfg = Config('cfg', default_value=[1])"),
        "Metaflow fails: default_value is neither text nor a dict",
    ),
    "a tuple in default_value becomes a list": (
        c("@environment(vars={'a': cfg.x})", body="cfg = Config('cfg', default_value={'x': (1, 2)})"),
        {"environment": {"vars": {"a": [1, 2]}}},
    ),
    "a set in default_value fails": (
        c("@resources(gpu=1)", body="cfg = Config('cfg', default_value={'x': {1}})"),
        "Metaflow fails: the value cannot be written as JSON",
    ),
    "two configs of one name fail": (
        c("@resources(gpu=1)", body="a = Config('cfg', default='c.json')\nb = Config('cfg', default='c.json')"),
        "Metaflow fails: two Configs are named 'cfg'",
    ),
    "an inherited config is known inside config_expr": (
        {
            "f.py": HEAD
            + "class B(FlowSpec):\n    cfg = Config('cfg', default='c.json')\nclass F(B):\n    @resources(gpu=config_expr('cfg.gpu'))\n    @step\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self): pass\n",
            "c.json": J,
        },
        {"resources": {"gpu": 2}},
    ),
    "an inherited config is no name in the class body": (
        {
            "f.py": HEAD
            + "class B(FlowSpec):\n    cfg = Config('cfg', default='c.json')\nclass F(B):\n    @resources(gpu=cfg.gpu)\n    @step\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self): pass\n",
            "c.json": J,
        },
        "cfg is not defined in f.py",
    ),
    "a config of a base class by its name is known": (
        {
            "f.py": HEAD
            + "class B(FlowSpec):\n    cfg = Config('cfg', default='c.json')\nclass F(B):\n    @resources(gpu=B.cfg.gpu)\n    @step\n    def start(self):\n        self.next(self.end)\n    @step\n    def end(self): pass\n",
            "c.json": J,
        },
        {"resources": {"gpu": 2}},
    ),
    "a plain YAML config may be a list": (
        {
            "f.py": flow(
                "@resources(gpu=config_expr('cfg[0]'))",
                "cfg = Config('cfg', default='c.yaml', parser='yaml.safe_load', plain=True)",
            ),
            "c.yaml": "- 4\n",
        },
        {"resources": {"gpu": 4}},
    ),
    "Windows line ends are fine": (
        c("@resources(gpu=cfg.gpu)") | {"c.json": b'{\r\n"gpu": 4\r\n}'},
        {"resources": {"gpu": 4}},
    ),
    "abspath starts at the working directory": (
        c("@resources(gpu=cfg.gpu)", before="import os", body="cfg = Config('cfg', default=os.path.abspath('c.json'))"),
        {"resources": {"gpu": 2}},
    ),
    "path functions may be imported": (
        c(
            "@resources(gpu=cfg.gpu)",
            before="from os.path import join, dirname",
            body="cfg = Config('cfg', default=join(dirname(__file__), 'c.json'))",
        ),
        {"resources": {"gpu": 2}},
    ),
    "a chain of pathlib calls is known": (
        c(
            "@resources(gpu=cfg.gpu)",
            before="import pathlib\nHERE = pathlib.Path(__file__).resolve().parent",
            body="cfg = Config('cfg', default=str(HERE.joinpath('c.json')))",
        ),
        {"resources": {"gpu": 2}},
    ),
    "a path in an f-string is known": (
        c(
            "@resources(gpu=cfg.gpu)",
            before="import os\nHERE = os.path.dirname(os.path.abspath(__file__))",
            body="cfg = Config('cfg', default=f'{HERE}/c.json')",
        ),
        {"resources": {"gpu": 2}},
    ),
}
