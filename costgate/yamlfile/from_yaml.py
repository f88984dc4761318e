"""YAML 1.1 as PyYAML's safe loader reads it, built from its events, so that depth and aliases are bounded on the way.

Differences to `yaml.safe_load`: dates stay text, duplicate keys and every tag beyond the plain ones are refused.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import yaml

from costgate.yamlfile.document import (
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_NODES,
    Document,
    Key,
    Spot,
    at,
    decode,
    document,
    refusal,
    shown,
)

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where libyaml is there
# What YAML 1.1, chapter 5.1, does not let stand in a file.
CONTROL = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
TAG = "tag:yaml.org,2002:"
TEXT_TAGS = {TAG + "str", TAG + "timestamp", TAG + "value", TAG + "merge"}


class Built(NamedTuple):
    """A finished value: data, place, number of values in it, and how deep it is."""

    data: Any
    spot: Spot
    size: int
    height: int


def load_yaml(data: bytes, path: str, *, text_keys: bool = False) -> Document:
    """One YAML document; `data` is None for an empty file. Raises InputError.

    With `text_keys` every key is text as written; without, keys are typed as `yaml.safe_load` types them, so that `off`
    is False and `1` a number.
    """
    text = decode(data, path)
    if odd := CONTROL.search(text):
        what = f"a control character (U+{ord(odd[0]):04X})"
        raise refusal(at(path, text, odd.start()), what, "delete it, or write it as an escape in double quotes")
    try:
        built = _Builder(path, text, text_keys).document()
    except yaml.MarkedYAMLError as error:
        raise _syntax_error(path, text, error) from None
    return document(path, text, built.data, lambda: built.spot)


def _syntax_error(path: str, text: str, error: Any) -> Exception:
    offset = (error.problem_mark or error.context_mark).index
    line = text[text.rfind("\n", 0, offset) + 1 : offset + 1]
    if "\t" in line[: len(line) - len(line.lstrip())] or line.endswith("\t"):
        return refusal(at(path, text, offset), "a tab where YAML wants spaces", "indent with spaces")
    what = f"{error.problem} {error.context or ''}".strip()[:200]
    starred = "alias" in what and "*" in line
    way_out = "quote a text that starts with *" if starred else "check indentation, quotes and brackets above"
    return refusal(at(path, text, offset), f"not valid YAML: {what}", way_out)


class _Builder:
    """Builds data and positions from the events of one stream; recursion is at most MAX_DEPTH deep."""

    def __init__(self, path: str, text: str, text_keys: bool) -> None:
        self.path, self.text, self.text_keys = path, text, text_keys
        self.loader = LOADER(text)
        self.anchors: dict[str, Built | None] = {}  # None while it is being built
        self.count = 0

    def document(self) -> Built:
        self.loader.get_event()  # start of the stream
        if isinstance(self.loader.get_event(), yaml.StreamEndEvent):
            return Built(None, Spot(0, 0, {}), 0, 0)
        built = self.node(self.loader.get_event(), 0)
        self.loader.get_event()  # end of the document
        after = self.loader.get_event()
        if not isinstance(after, yaml.StreamEndEvent):
            raise self.refuse(after, "a second YAML document", "keep one document in a file")
        return built

    def node(self, event: Any, depth: int) -> Built:
        if isinstance(event, yaml.AliasEvent):
            return self.alias(event, depth)
        self.grow(event, 1, depth)
        anchor, start = event.anchor, event.start_mark.index
        if anchor is not None:
            self.anchors[anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            built = Built(self.scalar(event), Spot(start, start, {}), 1, 0)
        elif isinstance(event, yaml.MappingStartEvent):
            built = self.mapping(event, depth)
        else:
            built = self.sequence(event, depth)
        if anchor is not None:
            self.anchors[anchor] = built
        return built

    def grow(self, event: Any, size: int, depth: int) -> None:
        self.count += size
        if self.count > MAX_NODES:
            raise self.refuse(
                event, f"more than {MAX_NODES:,} values, aliases expanded", "write it without such aliases"
            )
        if depth > MAX_DEPTH:
            raise self.refuse(event, f"nested more than {MAX_DEPTH} levels deep", "flatten the file")

    def alias(self, event: Any, depth: int) -> Built:
        if event.anchor not in self.anchors:
            raise self.refuse(
                event,
                f"unknown alias {shown('*' + event.anchor)}",
                "quote it if it is text; an alias names a value marked with & before it",
            )
        built = self.anchors[event.anchor]
        if built is None:
            raise self.refuse(event, f"the alias {shown('*' + event.anchor)} contains itself", "write the value out")
        self.grow(event, built.size, depth + built.height)
        start = event.start_mark.index
        return built._replace(spot=Spot(start, start, built.spot.children))

    def sequence(self, start: Any, depth: int) -> Built:
        self.plain_tag(start, "seq")
        items: list[Any] = []
        spots: dict[Key, Spot] = {}
        size, height = 1, 0
        while not isinstance(event := self.loader.get_event(), yaml.SequenceEndEvent):
            item = self.node(event, depth + 1)
            spots[len(items)] = item.spot
            items.append(item.data)
            size, height = size + item.size, max(height, item.height + 1)
        return Built(items, Spot(start.start_mark.index, start.start_mark.index, spots), size, height)

    def mapping(self, start: Any, depth: int) -> Built:
        self.plain_tag(start, "map")
        data: dict[Any, Any] = {}
        spots: dict[Key, Spot] = {}
        merged: list[Built] = []
        size, height = 1, 0
        while not isinstance(event := self.loader.get_event(), yaml.MappingEndEvent):
            key = self.key(event, depth)
            value = self.node(self.loader.get_event(), depth + 1)
            size, height = size + value.size + 1, max(height, value.height + 1)
            if self.is_merge(event):
                merged += self.merge(event, value, merged)
                continue
            if key in data:
                raise self.refuse(event, f"duplicate key {shown(key)}", "keep one of them")
            data[key], spots[key] = value.data, value.spot._replace(key_at=event.start_mark.index)
        everything: dict[Any, Any] = {}
        places: dict[Key, Spot] = {}
        for other in reversed(merged):  # what comes later in this loop wins
            everything |= other.data
            places |= other.spot.children
        spot = Spot(start.start_mark.index, start.start_mark.index, places | spots)
        return Built(everything | data, spot, size, height)

    def key(self, event: Any, depth: int) -> Any:
        key = self.node(event, depth + 1).data
        if isinstance(key, (dict, list)):
            raise self.refuse(event, "a key must be a single value, not a list or a mapping", "quote it")
        return event.value if self.text_keys and isinstance(event, yaml.ScalarEvent) else key

    def is_merge(self, event: Any) -> bool:
        return isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]

    def merge(self, event: Any, value: Built, before: list[Built]) -> list[Built]:
        """The mappings of `<<: *a` or `<<: [*a, *b]`, an earlier one beats later ones."""
        if before:
            raise self.refuse(event, "duplicate key '<<'", "merge several mappings with a list: <<: [*a, *b]")
        children = list(value.spot.children.values()) if isinstance(value.data, list) else [value.spot]
        parts = value.data if isinstance(value.data, list) else [value.data]
        if not all(isinstance(part, dict) for part in parts):
            raise self.refuse(event, "only mappings can be merged with '<<'", "point the alias at a mapping")
        return [Built(part, spot, 0, 0) for part, spot in zip(parts, children)]

    def scalar(self, event: Any) -> Any:
        tag = event.tag
        if tag is None or tag == "!":
            tag = self.loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag in TEXT_TAGS:
            return event.value
        if tag == TAG + "null":
            return None
        if tag not in (TAG + "bool", TAG + "int", TAG + "float"):
            raise self.refuse_tag(event, tag)
        if len(event.value) > MAX_DIGITS:
            raise self.refuse(event, f"a number of more than {MAX_DIGITS} digits", "quote it if it is text")
        construct = getattr(self.loader, "construct_yaml_" + tag[len(TAG) :])
        try:
            return construct(yaml.ScalarNode(tag, event.value))
        except (ValueError, KeyError, IndexError, OverflowError):
            raise self.refuse(
                event, f"{shown(event.value)} is no {tag[len(TAG) :]}", "quote it if it is text"
            ) from None

    def plain_tag(self, event: Any, kind: str) -> None:
        if event.tag not in (None, "!", TAG + kind):
            raise self.refuse_tag(event, event.tag)

    def refuse_tag(self, event: Any, tag: str) -> Exception:
        short = "!!" + tag[len(TAG) :] if tag.startswith(TAG) else tag
        return self.refuse(event, f"the YAML tag {short[:60]} is not accepted", "write plain values only")

    def refuse(self, event: Any, message: str, help: str) -> Exception:
        return refusal(at(self.path, self.text, event.start_mark.index), message, help)
