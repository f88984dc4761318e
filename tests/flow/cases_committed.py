"""Flows beside a committed `.metaflow/config.json`, and what their `start` step asks for, or why Metaflow fails."""

from __future__ import annotations

import json
from typing import Any

from tests.flow.table import Files, flow

CONFIG = ".metaflow/config.json"
K, B = "METAFLOW_KUBERNETES_", "METAFLOW_BATCH_"


def beside(settings: object, decorators: str, path: str = CONFIG) -> dict[str, str | bytes]:
    """A flow beside this file."""
    return {"f.py": flow(decorators), path: json.dumps(settings)}


def below(files: Files, *others: str) -> dict[str, str | bytes]:
    """The flow moved into a folder, with these files."""
    return {("sub/f.py" if path == "f.py" else path): text for path, text in files.items()} | dict.fromkeys(
        others, "{}"
    )


SIZES = {f"{K}CPU": "6", f"{K}MEMORY": "9999", f"{K}DISK": "777"}
KUBERNETES = "@kubernetes"
READING = f"@kubernetes(memory=int(os.environ.get('{K}CPU', '64')))"

# files, folder that the flow is deployed from, attributes of the place to run or part of the reason
CASES: dict[str, tuple[Files, str, dict[str, Any] | str]] = {
    "sizes replace Metaflow's defaults": (beside(SIZES, KUBERNETES), ".", {"cpu": 6, "memory": 9999, "disk": 777}),
    "numbers are sizes too": (beside({f"{K}CPU": 6, f"{K}MEMORY": 1.5}, KUBERNETES), ".", {"cpu": 6, "memory": 1.5}),
    "zero is no size": (beside({f"{K}CPU": 0}, KUBERNETES), ".", {"cpu": 1}),
    "empty text is no size": (beside({f"{K}CPU": ""}, KUBERNETES), ".", {"cpu": 1}),
    "a size of the flow wins": (beside(SIZES, "@kubernetes(cpu=1)"), ".", {"cpu": 1, "memory": 9999}),
    "the larger of size and @resources wins": (
        beside(SIZES, "@resources(cpu=8, memory=100)\n@kubernetes"),
        ".",
        {"cpu": 8, "memory": 9999},
    ),
    "names without METAFLOW_ say nothing": (beside({"KUBERNETES_CPU": "6"}, KUBERNETES), ".", {"cpu": 1}),
    "shared memory is a number": (beside({f"{K}SHARED_MEMORY": 64}, KUBERNETES), ".", {"shared_memory": 64}),
    "node selector and vendor are known": (
        beside({f"{K}NODE_SELECTOR": "a=b", f"{K}GPU_VENDOR": "amd"}, KUBERNETES),
        ".",
        {"node_selector": {"a": "b"}, "gpu_vendor": "amd"},
    ),
    "the queue of Batch is known": (beside({f"{B}JOB_QUEUE": "big"}, "@batch"), ".", {"queue": "big", "cpu": 1}),
    "sizes of Kubernetes are none of Batch": (beside(SIZES, "@batch"), ".", {"cpu": 1, "memory": 4096}),
    "default decospecs are attached": (
        beside({"METAFLOW_DEFAULT_DECOSPECS": "kubernetes:cpu=3,memory=64 retry"}, ""),
        ".",
        {"cpu": 3, "memory": 64},
    ),
    "code does not see the settings": (
        {"f.py": flow(READING, before="import os\n"), CONFIG: json.dumps({f"{K}CPU": "6"})},
        ".",
        {"cpu": 6, "memory": 64},
    ),
    "a file above the folder counts": (below(beside(SIZES, KUBERNETES)), "sub", {"cpu": 6}),
    "a file below the folder does not": (beside(SIZES, KUBERNETES, f"sub/{CONFIG}"), ".", {"cpu": 1}),
    "the nearest file counts": (below(beside(SIZES, KUBERNETES), f"sub/{CONFIG}"), "sub", {"cpu": 1}),
    "a nearer folder without the file hides it": (
        below(beside(SIZES, KUBERNETES), "sub/.metaflow/self.json"),
        "sub",
        {"cpu": 1},
    ),
    "another file says nothing": (beside(SIZES, KUBERNETES, ".metaflow/config_prod.json"), ".", {"cpu": 1}),
    "broken JSON fails": ({"f.py": flow(KUBERNETES), CONFIG: "{'a': 1}"}, ".", "not valid JSON"),
    "an empty file fails": ({"f.py": flow(KUBERNETES), CONFIG: ""}, ".", "the file is empty"),
    "a byte order mark fails": ({"f.py": flow(KUBERNETES), CONFIG: b"\xef\xbb\xbf{}"}, ".", "a byte order mark"),
    "other than UTF-8 fails": ({"f.py": flow(KUBERNETES), CONFIG: b'{"a": "\xff"}'}, ".", "UTF-8"),
    "a list fails": (beside([1], KUBERNETES), ".", "no mapping at its top level"),
    "a size that is a list fails": (beside({f"{K}CPU": [1]}, KUBERNETES), ".", "neither a text nor a number"),
}  # fmt: skip
