"""YAML, JSON and TOML files → plain data with positions; hostile input is refused, wrong input is explained.

`load` reads any bytes in bounded time and memory, `check` judges the result against a schema that ships with costgate.
Dates stay text as written, so that the three formats agree. Nothing here opens a file.
"""

from __future__ import annotations

import posixpath

from costgate.yamlfile.checked import check
from costgate.yamlfile.document import Document
from costgate.yamlfile.from_json import load_json
from costgate.yamlfile.from_toml import load_toml
from costgate.yamlfile.from_yaml import load_yaml

__all__ = ["Document", "check", "load", "load_json", "load_toml", "load_yaml"]

READERS = {".json": load_json, ".toml": load_toml}


def load(data: bytes, path: str) -> Document:
    """A file of costgate's own by its suffix: `.json`, `.toml`, else YAML, with keys as text.

    For a file that a flow reads, take the reader of the flow's own parser. Raises InputError.
    """
    reader = READERS.get(posixpath.splitext(path)[1].lower())
    return reader(data, path) if reader else load_yaml(data, path, text_keys=True)
