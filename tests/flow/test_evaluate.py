# ruff: noqa: E501
"""Expressions at the end of a module: what they are, or why they are not known."""

from __future__ import annotations

import ast
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costgate.flow.frame import module_frame
from costgate.flow.values import MAX_ITEMS, External, OpenError, RefusedError, Tree, plain
from costgate.model import Known, Location, Unresolved
from tests.flow.table import evaluate, evaluator

# expression, code above it, its value
BODIES = """
def f(n, *more, big=False, **others):
    'doc'
    size: int = n * 2
    if big:
        size = size * 10
    elif more:
        size += len(more)
    else:
        pass
    if others:
        return dict(others, size=size)
    return size
def g(n):
    m = n + 1
    def h(k, by=m):
        return n + m + k + by
    return h
def nothing(n):
    if n:
        return 1
def early():
    return
"""
ZIPS = "from itertools import chain, product\nA, B = [1, 2], 'xy'"
KNOWN: dict[str, tuple[str, str, Any]] = {
    "a function assigns and chooses": ("f(1), f(1, big=True), f(1, 2, 3), f(2, a=3)", BODIES, (2, 20, 4, {"a": 3, "size": 4})),
    "an inner function sees the outer one's names": ("g(1)(10), g(1)(10, by=0)", BODIES, (15, 13)),
    "a function that ends without a return gives None": ("nothing(0), nothing(1), early()", BODIES, (None, 1, None)),
    "a lambda passes its arguments": ("(lambda *a, **k: len(a) + len(k))(1, 2, x=3)", "", 3),
    "iterators that are read at once are known": (
        "list(zip(A, B)), dict(enumerate(B, 1)), [i for i, x in enumerate(A)], tuple(reversed(A)), sum(chain(A, A))",
        ZIPS,
        ([(1, "x"), (2, "y")], {1: "x", 2: "y"}, [0, 1], (2, 1), 6),
    ),
    "a grid is known": ("list(product(A, B))[1:3]", ZIPS, [(1, "y"), (2, "x")]),
    "lists and tuples are searched": ("[A.index(2), (A + [2]).count(2), (1, 3).index(3), A.copy()]", ZIPS, [1, 2, 1, [1, 2]]),
    "more methods of texts are known": (
        "'a-b'.partition('-'), '7'.zfill(3), 'x'.isdigit(), 'ab'.find('b'), 'a'.title()",
        "",
        (("a", "-", "b"), "007", False, 1, "A"),
    ),
    "math is known": ("math.ceil(1.2), math.floor(1.8), math.sqrt(9), divmod(7, 2)", "import math", (2, 1, 3.0, (3, 1))),
    "JSON goes back and forth": ("json.loads(json.dumps({'a': [1, None]}))", "import json", {"a": [1, None]}),
    "an instance whose methods only read is known": (
        "S(2).n",
        "from dataclasses import dataclass\n@dataclass\nclass S:\n    n: int\n    def ok(self):\n        if not self.n:\n            raise ValueError(self)\n",
        2,
    ),
    "a list that an attribute gets is known": ("L", "L = [1]\ndef f(s):\n    s.x = L", [1]),
    "a list handed to a function that only reads is known": ("L", "L = [1]\ndef f(x):\n    y = x\n    return y\nf(L)", [1]),
    "numbers add up": ("1 + 2 * 3 - 4 / 2", "", 5.0),
    "unary operators work": ("(-N, +N, ~N, not N)", "N = 3", (-3, 3, -4, False)),
    "bits work": ("(6 & 3 | 8) ^ 1, 1 << 4, 32 >> 2, 2 ** 3", "", (11, 16, 8, 8)),
    "comparisons work": ("[1 == 1.0, 1 != 2, 1 < 2 <= 2, 3 > 4, 4 >= 4, 1 in [1], 1 not in (1,)]", "", [True, True, True, False, True, True, False]),
    "identity with None works": ("N is None, N is not None, True is not False", "N = None", (True, False, True)),
    "and gives the first false value": ("0 and nowhere", "", 0),
    "or gives the first true value": ("0 or '' or 'x' or nowhere", "", "x"),
    "a condition takes one side only": ("1 if [] else 2 if {} else 3", "", 3),
    "f-strings format": ("f'{1:>4}|{2.5:.2f}|{N!s}|{N!r}|{True}|{None}'", "N = 'x'", "   1|2.50|x|'x'|True|None"),
    "a nested format is known": ("f'{1:{W}}'", "W = 3", "  1"),
    "texts concatenate": ("'a' 'b' + 'c' * 2", "", "abcc"),
    "percent formats": ("'%s-%d' % ('a', 3)", "", "a-3"),
    "containers concatenate": ("[1] + [2] * 2, (1,) + (2,), {'a': 1} | {'b': 2}", "", ([1, 2, 2], (1, 2), {"a": 1, "b": 2})),
    "a number times a list works": ("2 * [1]", "", [1, 1]),
    "sets are known": ("{1, 2} | {3}, {x % 2 for x in range(5)}", "", ({1, 2, 3}, {0, 1})),
    "stars unpack": ("[*A, 3], {**D, 'b': 2}", "A = (1, 2)\nD = {'a': 1}", ([1, 2, 3], {"a": 1, "b": 2})),
    "slices work": ("'abcd'[1:3], [1, 2, 3][::-1], range(9)[2], (1, 2)[-1]", "", ("bc", [3, 2, 1], 2, 2)),
    "nested comprehensions work": ("[(a, b) for a in range(2) for b in 'xy' if a]", "", [(1, "x"), (1, "y")]),
    "a comprehension unpacks": ("{k: v for k, (v, _) in {'a': (1, 2)}.items()}", "", {"a": 1}),
    "a comprehension hides names": ("[N for N in [1]] + [N]", "N = 2", [1, 2]),
    "conversions work": ("int('12'), float('1.5'), str(2), bool([]), bool('x'), int(3.9), list('ab'), tuple([1]), set()", "", (12, 1.5, "2", False, True, 3, ["a", "b"], (1,), set())),
    "empty conversions work": ("list(), tuple(), dict()", "", ([], (), {})),
    "dicts are made in many ways": ("dict(a=1), dict({'b': 2}, c=3), dict([('d', 4)])", "", ({"a": 1}, {"b": 2, "c": 3}, {"d": 4})),
    "mathematics works": ("min(3, 1), max([2, 5]), sum([1, 2]), abs(-4), round(2.567, 1), len({'a': 1}), len('abc')", "", (1, 5, 3, 4, 2.6, 1, 3)),
    "min and max take a default": ("max([], default=3), min((), default=4)", "", (3, 4)),
    "sorted takes reverse": ("sorted({'b': 1, 'a': 2}, reverse=True)", "", ["b", "a"]),
    "any and all take generators": ("any(x > 1 for x in [1, 2]), all(x for x in [])", "", (True, True)),
    "text methods work": ("' A,b '.strip().lower().split(','), 'a-b'.replace('-', '_').upper(), '-'.join(['a', 'b'])", "", (["a", "b"], "A_B", "a-b")),
    "text questions work": ("'abc'.startswith('a'), 'abc'.endswith(('x', 'c')), 'a'.join({'x'})", "", (True, True, "x")),
    "format works": ("'{}-{n:03d}-{0}'.replace('0}', '}').format('a', 'b', n=7)", "", "a-007-b"),
    "dict methods work": ("D.get('a'), D.get('z'), D.get('z', 9), list(D.keys()), list(D.values()), list(D.items()), D.copy()", "D = {'a': 1}", (1, None, 9, ["a"], [1], [("a", 1)], {"a": 1})),
    "a list is copied": ("L.copy()", "L = [1]", [1]),
    "an element is known beside an open one": ("D['a']", "D = {'a': 1, 'b': nowhere}", 1),
    "a length is known beside an open element": ("len([1, nowhere])", "", 2),
    "a constant of a constant is known": ("B", "A = 4\nB = A * 2", 8),
    "a function with defaults is called": ("f(1, c=5)", "def f(a, /, b=2, *, c, d=4):\n    'doc'\n    return [a, b, c, d]", [1, 2, 5, 4]),
    "a function calls a function": ("f(2)", "def g(x): return x + 1\ndef f(x): return g(x) * 2", 6),
    "a lambda is called": ("(lambda x, y=2: x + y)(1)", "", 3),
    "a partial is called": ("p(2, c=4)", "from functools import partial\ndef f(a, b, c): return [a, b, c]\np = partial(f, 1, c=3)", [1, 2, 4]),
    "an Enum by name works": ("S['A'].value, S.A.name", "from enum import Enum\nclass S(Enum):\n    A = 1", (1, "A")),
    "a generic dataclass works": ("R(3).n", "from dataclasses import dataclass\nfrom typing import Generic\n@dataclass(frozen=True)\nclass R(Generic[T]):\n    n: int", 3),
    "a default factory works": ("R().d, R().l, R().z", "from dataclasses import dataclass, field\n@dataclass\nclass R:\n    d: dict = field(default_factory=dict)\n    l: list = field(default_factory=lambda: [4])\n    z: int = field(default=5, repr=False)", ({}, [4], 5)),
    "a class constant by instance works": ("R().N", "class R:\n    N = 4", 4),
    "paths join": ("os.path.join('a', 'b'), os.path.basename('a/b'), os.path.dirname('a/b')", "import os", ("a/b", "b", "a")),
    "pathlib paths become text": ("str(Path('a') / 'b' / Path('c')), f\"{Path('a').joinpath('b')}\", Path('a').parent.as_posix(), str(Path())", "from pathlib import Path", ("a/b/c", "a/b", "", ".")),
    "the script is main": ("__name__ == '__main__'", "", True),
    "a name under TYPE_CHECKING does no harm": ("N", "from typing import TYPE_CHECKING\nN = 1\nif TYPE_CHECKING:\n    from x import M", 1),
    "a class with a quiet metaclass is known": ("S.N", "from abc import ABCMeta\nclass S(metaclass=ABCMeta):\n    N = 1", 1),
    "a function of a class body sees the class in its defaults only": ("S.M", "K = 1\nN = 2\nclass S:\n    K = 10\n    N = 20\n    def f(k=K): return (k, N)\n    g = lambda k=K: (k, N)\n    M = f(), g()", ((10, 2), (10, 2))),
    "a path grows": ("os.path.basename(__file__ + 'x'), os.path.basename(str(__file__)), os.path.join(Path('a'), 'b')", "import os\nfrom pathlib import Path", ("f.pyx", "f.py", "a/b")),
    "a list handed to harmless calls is known": ("L", "from functools import partial\nL = [1]\nclass S:\n    x: int = 0\ndef f(a): return a\np = partial(f, L)\np(L), S(L), ','.join(L), print(L), f(len(L))", [1]),
    "a context without a name changes nothing": ("L", "L = [1]\nwith open('x'): pass", [1]),
    "a setattr of nothing changes nothing": ("L", "L = [1]\nlist(L)", [1]),
    "a file name is known": ("os.path.basename(__file__)", "import os", "f.py"),
}  # fmt: skip


@pytest.mark.parametrize(("expression", "before", "value"), KNOWN.values(), ids=KNOWN)
def test_is(expression: str, before: str, value: Any) -> None:
    result = evaluate(expression, before)
    assert isinstance(result, Known), result
    assert plain(result.value) == value


# expression, code above it, (part of) the reason
OPEN: dict[str, tuple[str, str, str]] = {
    "an undefined name": ("nowhere", "", "nowhere is not defined in f.py"),
    "bytes": ("b'x'", "", "is neither a number nor text"),
    "an ellipsis": ("...", "", "is neither a number nor text"),
    "a long number": ("1" + "0" * 400, "", "larger than 1024 bits"),
    "a long text": (repr("x" * 100_001), "", "longer than 100,000 characters"),
    "half a surrogate": (r"'\ud800'", "", "half a surrogate pair"),
    "a yield": ("(yield)", "", "is a `yield`, which is not evaluated"),
    "a bare generator": ("(x for x in [1])", "", "is a generator outside of a call, which is not evaluated"),
    "division by zero": ("1 / 0", "", "Python fails here: ZeroDivisionError"),
    "a type error": ("1 + 'a'", "", "Python fails here: TypeError"),
    "a missing key": ("{}['a']", "", "Python fails here: KeyError"),
    "a matrix product": ("1 @ 2", "", "no operation of plain data"),
    "a huge power": ("9 ** 9 ** 9", "", "is too large"),
    "a huge shift": ("1 << 9999", "", "is too large"),
    "a huge text": ("'a' * 10 ** 9", "", "is too large"),
    "a huge list": ("[0] * 10 ** 9", "", "is too large"),
    "a huge tuple the other way": ("10 ** 9 * (0,)", "", "is too large"),
    "a growing list": ("[0] * 9999 + [0] * 9999", "", "more than 10,000 elements"),
    "a huge percent field": ("'%9999d' % 1", "", "is too large"),
    "a huge f-string field": ("f'{1:9999}'", "", "very wide field"),
    "a huge format field": ("'{:9999}'.format(1)", "", "a format that is not evaluated"),
    "a format of attributes": ("'{0.x}'.format(1)", "", "a format that is not evaluated"),
    "a format of containers": ("'{}'.format([1])", "", "formats more than numbers and text"),
    "a long format": ("'{0}{0}{0}'.format(A)", "A = 'x' * 50000", "is too large"),
    "a container in an f-string": ("f'{[1]}'", "", "formats a list"),
    "a long range": ("list(range(10 ** 12))", "", "more than 10,000 elements"),
    "a range beyond reason": ("sum(range(10 ** 40))", "", "Python fails here: OverflowError"),
    "a long comprehension": ("[0 for a in range(999) for b in range(999)]", "", "more than 10,000 elements"),
    "a long set": ("{a for a in range(9999)}", "", "more than 2,000 elements"),
    "a long set by call": ("set(list(range(9999)))", "", "more than 2,000 elements"),
    "a set of lists": ("{x for x in [[1]]}", "", "Python fails here: TypeError"),
    "an order that no set has": ("[x for x in {1, 2}]", "", "depends on the order of a set"),
    "a text joined from a set": ("','.join({'a', 'b'})", "", "depends on the order of a set"),
    "a joined text beyond bounds": ("','.join([A] * 9000)", "A = 'x' * 99", "is too large"),
    "a replaced text beyond bounds": ("A.replace('x', A)", "A = 'x' * 999", "is too large"),
    "too many digits to round": ("round(1, -10 ** 9)", "", "rounds to too many digits"),
    "a round of nothing": ("round()", "", "Python fails here: TypeError"),
    "a loop over a number": ("[x for x in 3]", "", "loops over an int"),
    "a comprehension that stores elsewhere": ("[0 for a.b in [1]]", "a = 1", "assigns to more than names"),
    "a comprehension that unpacks unevenly": ("[a for a, b in [(1,)]]", "", "does not unpack evenly"),
    "an identity of numbers": ("1 is 1.0", "", "compares the identity"),
    "a comparison of objects": ("S.A == S.A", "from enum import Enum\nclass S(Enum):\n    A = 1", "compares objects"),
    "an unpacked number": ("{**3}", "", "unpacks an int"),
    "keys that are no names": ("dict(**{1: 2})", "", "has keys that are no names"),
    "an argument twice": ("dict(a=1, **{'a': 2})", "", "multiple values for a"),
    "an unknown unpacked argument": ("dict(**nowhere)", "", "has arguments that are not known"),
    "an unknown unpacked argument of a method": ("{}.get(**nowhere)", "", "has arguments that are not known"),
    "an unknown unpacked argument of a function": ("f(**nowhere)", "def f(): return 1", "arguments that are not evaluated"),
    "too many arguments": ("f(1)", "def f(): return 1", "the arguments do not fit"),
    "too few arguments": ("f()", "def f(a): return 1", "the arguments do not fit"),
    "a list that an attribute gets and changes": ("L", "L = [1]\ndef f(s):\n    s.x = L\n    s.x.append(2)", "L is changed in place"),
    "an attribute of a list's second name": ("X.n", "class X: n = 1\nY = X\nY.n = 2", "is changed in place"),
    "a function with a loop": ("f()", "def f():\n    for x in (1, 2): pass\n    return x", "does more than assign names"),
    "a function with an inner name": ("f()", "n = 1\ndef f():\n    m = n\n    n = 2\n    return m", "before it is assigned"),
    "a function that adds in place": ("f([1])", "def f(x):\n    x += [2]\n    return x", "changes a value in place"),
    "a function that keeps an inner one": (
        "f()",
        "def f():\n    def g(): return n\n    n = 2\n    return g()",
        "does more than assign names",
    ),
    "a function that unpacks": ("f()", "def f():\n    a, b = 1, 2\n    return a", "does more than assign names"),
    "a function with a yield inside": ("f()", "def f(): return 1 if 1 else (yield)", "does more than assign names"),
    "a call with a name too many": ("f(n=1, m=2)", "def f(n): return n", "do not fit the function"),
    "a call with too many arguments": ("f(1, 2)", "def f(n): return n", "do not fit the function"),
    "a named iterator": ("list(Z)", "Z = zip([1], [2])", "calls zip, which is not evaluated"),
    "an iterator with options": ("list(zip([1], strict=True))", "", "zip with options that are not evaluated"),
    "an enumeration from a text": ("list(enumerate([1], 'a'))", "", "enumerates in a way"),
    "an enumeration of nothing": ("list(enumerate())", "", "enumerates in a way"),
    "two things reversed": ("list(reversed([1], [2]))", "", "reverses more than one thing"),
    "a product too large": (
        "list(product(*[range(99)] * 3))",
        "from itertools import product",
        "has more than 10,000 elements",
    ),
    "a wide text": ("'1'.zfill(10 ** 9)", "", "is too large"),
    "JSON of no text": ("loads(4)", "from json import loads", "reads JSON out of something that is no text"),
    "broken JSON": ("loads('[')", "from json import loads", "Python fails here: JSONDecodeError"),
    "an item that a list lacks": ("[1].index(2)", "", "Python fails here: ValueError"),
    "an instance that a method changes": (
        "X.n",
        "from dataclasses import dataclass\n@dataclass\nclass S:\n    n: int = 1\n    def up(self):\n        self.n = 2\nX = S()\nX.up()",
        "whose method up may change it",
    ),
    "an instance that a method hands on": (
        "X.n",
        "from dataclasses import dataclass\n@dataclass\nclass S:\n    n: int = 1\n    def up(self):\n        raise_it(self)\nX = S()",
        "whose method up may change it",
    ),
    "a function without end": ("f(0)", "def f(n): return f(n + 1)", "is nested too deeply"),
    "a deep expression": ("+".join(["1"] * 70), "", "is nested too deeply"),
    "a called number": ("N()", "N = 4", "calls an int"),
    "an odd function": ("getattr(1, 'x')", "", "calls getattr, which is not evaluated"),
    "a sort by key": ("sorted([1], key=len)", "", "options that are not evaluated"),
    "a function of many arguments": ("len(1, 2)", "", "called with arguments that are not evaluated"),
    "a dict of many arguments": ("dict({}, {})", "", "called with arguments that are not evaluated"),
    "a dict of odd pairs": ("dict([(1, 2, 3)])", "", "is no mapping"),
    "text of a list": ("str([1])", "", "makes text of a list"),
    "get without a key": ("{}.get()", "", "called with arguments that are not evaluated"),
    "get with keywords": ("{}.get(key=1)", "", "calls get of a config"),
    "a partial of nothing": ("partial()", "from functools import partial", "is a partial of nothing"),
    "asdict of a dict": ("asdict({})", "from dataclasses import asdict", "more than a dataclass with plain fields"),
    "asdict of a nested dataclass": ("asdict(R())", "from dataclasses import asdict, dataclass\nclass R0: pass\n@dataclass\nclass R:\n    l: int = R0()", "more than a dataclass with plain fields"),
    "a set method": ("{1}.pop()", "", "needs the attribute pop of a set"),
    "a method that is not known": ("'a'.encode()", "", "needs the attribute encode of a str"),
    "an item of a number": ("N[0]", "N = 4", "takes an item of an int"),
    "a slice of a path": ("os.path.abspath('x')[1:]", "import os", "takes an item of a CheckoutPath"),
    "a path in a comparison": ("__file__ == 'f.py'", "", "depends on where the repository is checked out"),
    "a path behind text": ("'x' + __file__", "", "depends on where the repository is checked out"),
    "a path behind text in an f-string": ("f'x{__file__}'", "", "depends on where the repository is checked out"),
    "the name of the checkout": ("os.path.basename(os.path.dirname(__file__))", "import os", "depends on where the repository is checked out"),
    "a path of a number": ("os.path.join(1)", "import os", "is no path"),
    "a path of nothing": ("os.path.join()", "import os", "called with arguments that are not evaluated"),
    "two paths where one belongs": ("os.path.dirname('a', 'b')", "import os", "takes one path"),
    "a pathlib path divided by a number": ("Path('a') / 1", "from pathlib import Path", "is a PurePath, not plain data"),
    "an environment variable without default": ("os.environ.get('X')", "import os", "depends on the environment variable X, which has no default"),
    "an environment variable by index": ("os.environ['X']", "import os", "depends on the environment variable X, which has no default"),
    "an environment variable with an open default": ("os.getenv('X', nowhere)", "import os", "nowhere is not defined"),
    "no environment variable": ("os.getenv(1, 2)", "import os", "names no environment variable"),
    "getenv without arguments": ("os.getenv()", "import os", "called with arguments that are not evaluated"),
    "a name of another package": ("acme.N + 1", "import acme", "comes from acme.N, which is not in the repository"),
    "a private builtin": ("__build_class__", "", "__build_class__ is not defined"),
    "a name defined by itself": ("X", "X = X", "X is only assigned further down"),
    "a circle through functions": ("X", "def f(): return X\nX = f()", "is only assigned further down"),
    "a class without a name": ("S.nope", "class S: pass", "S has no attribute nope"),
    "a class of another base": ("S.nope", "import acme\nclass S(acme.B): pass", "S.nope may come from acme.B"),
    "a class of an unknown base": ("S.nope", "class S(nowhere): pass", "nowhere is not defined"),
    "a class attribute that is assigned": ("o.S.N", "class o:\n    class S:\n        N = 1\no.S.N = 2", "o is changed in place"),
    "a class attribute that a base changes": ("T.N", "class S:\n    N = 1\ndef f(): S.N = 2\nclass T(S): pass", "S is changed in place"),
    "an instance of another base": ("S()", "import acme\nclass S(acme.B): pass", "whose bases are not evaluated"),
    "an instance of an Enum": ("S(1)", "from enum import Enum\nclass S(Enum):\n    A = 1", "whose bases are not evaluated"),
    "a member that is none": ("S.B", "from enum import Enum\nclass S(Enum):\n    A = 1", "is no plain member of an Enum"),
    "an item of a class that is no Enum": ("S['A']", "class S:\n    A = 1", "is no plain member of an Enum"),
    "an instance with a constructor": ("S()", "class S:\n    def __init__(self): pass", "has its own __init__"),
    "a method of an instance": ("S().m()", "class S:\n    def m(self): return 1", "a method or property of S"),
    "a dataclass with options": ("S()", "from dataclasses import dataclass\n@dataclass(init=False)\nclass S:\n    a: int = 1", "with options that are not evaluated"),
    "a dataclass with class variables": ("S()", "from dataclasses import dataclass\n@dataclass\nclass S:\n    a: ClassVar[int] = 1", "fields that are not evaluated"),
    "a dataclass with field options": ("S()", "from dataclasses import dataclass, field\n@dataclass\nclass S:\n    a: int = field(init=False)", "options that are not evaluated"),
    "a dataclass field without a default": ("S()", "from dataclasses import dataclass, field\n@dataclass\nclass S:\n    a: int = field()", "the field a has no value"),
    "a dataclass without a value": ("S()", "from dataclasses import dataclass\n@dataclass\nclass S:\n    a: int", "the field a of S has no value"),
    "a dataclass with strange arguments": ("S(b=1)", "from dataclasses import dataclass\n@dataclass\nclass S:\n    a: int = 1", "do not fit the fields of S"),
    "a dataclass field from a call": ("S().a", "from dataclasses import dataclass\n@dataclass\nclass S:\n    a: int = f()", "f is not defined"),
    "a class whose decorator is not known": ("S.N", "@nowhere\nclass S:\n    N = 1", "nowhere is not defined"),
    "a class keyword that is not known": ("S.N", "class S(x=nowhere):\n    N = 1", "nowhere is not defined"),
    "a module that is not there": ("x", "from . import lost as x", "f.py"),
    "a name above the repository": ("x", "from .... import x", "imports from above the repository"),
    "a lambda in a function": ("f(1)", "def f(x): return (lambda: x)()", "a lambda that may use local names"),
    "a name that exec may change": ("N", "N = 1\nexec('N = 2')", "rewrites its own names"),
    "a name that sys.modules may change": ("N", "import sys\nN = 1\nsetattr(sys.modules[__name__], 'N', 2)", "rewrites its own names"),
    "a module that setattr may change": ("os.x", "import os\nsetattr(os, key, 2)", "assigned or changed elsewhere"),
    "a list changed by a keyword default": ("L", "L = []\ndef f(*, x=L): x.append(1)", "L is changed in place"),
    "a list handed to a recursive function": ("L", "L = []\ndef f(x): return f(x)\nf(L)", "L is handed to a call"),
    "a list handed to a long function": ("L", "L = []\ndef f(x):\n    for y in x: pass\n    return y\nf(L)", "L is handed to a call"),
    "a list handed to something open": ("L", "L = []\nnowhere(L)", "L is handed to a call"),
    "a config object": ("[Config('x')] == []", "from metaflow import Config", "a bare Config object"),
    "an attribute of a parameter": ("Parameter('x').n", "from metaflow import Parameter", "n is an attribute of a bare Parameter object"),
    "a config without a name": ("Config().x", "from metaflow import Config", "is a Config without a name"),
    "truth of a config by call": ("bool(Config('x').a)", "from metaflow import Config", "asks whether a config is true"),
    "a dunder of a config": ("Config('x').__class__", "from metaflow import Config", "__class__ is an attribute"),
    "a method of a config": ("Config('x').keys()", "from metaflow import Config", "keys of a config gives no value"),
    "config_expr without text": ("config_expr()", "from metaflow import config_expr", "config_expr takes a text"),
    "a number unpacked": ("A", "A, B = 4", "takes an item of an int"),
    "a dataclass field that is assigned again": ("S().a", "from dataclasses import dataclass\n@dataclass\nclass S:\n    a: int = 1\n    a = 2", "is assigned more than once"),
    "an asynchronous comprehension": ("[x async for x in y]", "", "is asynchronous"),
    "a dict changed by dict.update": ("D", "D = {}\ndict.update(D, a=1)", "D is changed in place"),
    "a dict changed through a match": ("D", "D = {}\nmatch D:\n    case {**rest}:\n        rest.clear()", "D is changed in place"),
    "a list changed through a star": ("D", "D = []\n*a.b, = D\na.b.sort()", "D is changed in place"),
    "a name changed through a kept sys.modules": ("N", "import sys\nN = 1\nme = sys.modules[__name__]\nme.N = 2", "rewrites its own names"),
    "a name that eval may change": ("N", "N = 1\neval('x')", "rewrites its own names"),
    "a dict handed to a constructor": ("D", "D = {}\nclass E:\n    def __init__(self, d): d['x'] = 1\nE(D)", "D is handed to a call"),
    "a dict handed to an unknown class": ("D", "import acme\nD = {}\nclass E(acme.B): pass\nE(D)", "D is handed to a call"),
    "a dict handed to a partial of a function that changes it": ("D", "from functools import partial\nD = {}\ndef f(d):\n    d['x'] = 1\npartial(f, D)()", "D is handed to a call"),
    "a list handed to a partial that changes it": ("L", "from functools import partial\nL = []\np = partial(nowhere)\np(L)", "L is handed to a call"),
    "a class with options": ("S.N", "class S(x=1):\n    N = 1", "S has a metaclass or class options"),
    "another call of Metaflow": ("metaflow.Flow('x')", "import metaflow", "calls metaflow.Flow, which is not evaluated"),
    "keys that config_expr gives": ("{**config_expr('x')}", "from metaflow import config_expr", "unpacks a config expression"),
    "too many steps": ("[1 for i in range(9999) for j in range(9999) if 0]", "", "takes too long to evaluate"),
    "too many parts": ("D * 2", "A = [1] * 9000\nB = [A] * 9000\nD = f'{B}'", "more than 10,000 elements"),
}  # fmt: skip


@pytest.mark.parametrize(("expression", "before", "reason"), OPEN.values(), ids=OPEN)
def test_is_open(expression: str, before: str, reason: str) -> None:
    result = evaluate(expression, before)
    assert isinstance(result, Unresolved), result
    assert reason in f"{result.reason} {result.location}"
    assert len(result.expression) <= 120


MODULES = {
    "a star with a list": ("from a import *", "N", {"a.py": "N = 1\n__all__ = ['N']"}, 1),
    "a star of the standard library after Metaflow's names": (
        "from metaflow import FlowSpec, kubernetes\nfrom collections import *",
        "kubernetes",
        {},
        External(name="metaflow.kubernetes"),
    ),
    "a submodule by attribute": ("import a.b", "a.b.N", {"a/__init__.py": "", "a/b.py": "N = 1"}, 1),
    "a submodule under an alias": ("import a.b as ab", "ab.N", {"a/__init__.py": "", "a/b.py": "N = 2"}, 2),
    "a name through a package": ("from a import N", "N", {"a/__init__.py": "from .b import N", "a/b.py": "N = 3"}, 3),
    "two dots": ("from a.c.d import N", "N", {"a/b.py": "N = 4", "a/c/d.py": "from ..b import N"}, 4),
    "a star of stars": ("from a import *", "N", {"a.py": "from b import *", "b.py": "N = 5\n_M = 1"}, 5),
    "a star that lists nothing else": ("from a import *\nfrom b import *", "N", {"a.py": "N = 6", "b.py": "M = 1"}, 6),
    "a star of Metaflow after a name": ("N = 7\nfrom metaflow import *", "N", {}, 7),
    "a file's own name": ("import a", "os.path.basename(a.__file__)", {"a.py": ""}, "a.py"),
    "the same import twice": ("import a\nimport a", "a.N", {"a.py": "N = 8"}, 8),
    "a name behind a star by attribute": ("import a", "a.N", {"a.py": "from b import *", "b.py": "N = 9"}, 9),
}


@pytest.mark.parametrize(("before", "expression", "files", "value"), MODULES.values(), ids=MODULES)
def test_imports(before: str, expression: str, files: dict[str, str | bytes], value: object) -> None:
    result = evaluate(expression, f"import os\n{before}", files)
    assert isinstance(result, Known), result
    assert result.value == value


LOST = {
    "a module that cannot be read": ("import a", "a.N", {"a.py": "N = = 1"}, "could not be read"),
    "a name that a module lacks": ("import a", "a.N", {"a.py": ""}, "a.py has no name N"),
    "a name that a package lacks": ("import a", "a.N", {"a/b.py": ""}, "a has no name N"),
    "a module that a package lacks": ("import a.x", "a.x.N", {"a/b.py": ""}, "has no name x"),
    "a module that a package lacks under an alias": ("import a.x as x", "x", {"a/b.py": ""}, "no module a.x"),
    "a module below a module": ("import a.x as x", "x", {"a.py": ""}, "no module a.x"),
    "a folder named like a standard module": ("import json.x as x", "x.N + 1", {"json/x.py": "N = 1"}, "comes from json.x.N, which is not in the repository"),
    "a star of another package": ("from acme import *", "N", {}, "N may come from `from acme import *`"),
    "a private name behind a star": ("from a import *", "_N", {"a.py": "_N = 1"}, "_N is not defined"),
    "a star with a list": ("from a import *", "N", {"a.py": "N = 1\n__all__ = f()"}, "exports what its __all__ lists"),
    "a star with a list without the name": ("from a import *", "N", {"a.py": "N = 1\n__all__ = ['M']"}, "N is not defined"),
    "a star of a namespace": ("from a import *", "N", {"a/b.py": ""}, "N is not defined"),
    "a star in a circle": ("from a import *", "N", {"a.py": "from b import *", "b.py": "from a import *"}, "by itself"),
    "a module with __getattr__": ("import a", "a.N", {"a.py": "from b import *\ndef __getattr__(n): pass"}, "no name N"),
    "another module's name": ("import a", "a.__name__", {"a.py": ""}, "__name__ is not defined"),
    "a name bound in a function of its module": ("from a import N", "N", {"a.py": "def f():\n    global N\n    N = 1"}, "N is assigned by a function"),
}  # fmt: skip


@pytest.mark.parametrize(("before", "expression", "files", "reason"), LOST.values(), ids=LOST)
def test_imports_that_stay_open(before: str, expression: str, files: dict[str, str | bytes], reason: str) -> None:
    result = evaluate(expression, before, files)
    assert isinstance(result, Unresolved), result
    assert reason in result.reason


def test_notes_and_places_of_all_parts_are_kept() -> None:
    result = evaluate("A + B", "import os\nA = int(os.getenv('X', '1'))\nB = 2\n")
    assert isinstance(result, Known)
    assert (result.value, [place.line for place in result.chain]) == (3, [5, 2, 3])
    assert result.notes == ("depends on the environment variable X; its default is used",)


def test_a_chain_of_places_is_bounded_and_keeps_its_end() -> None:
    result = evaluate("N0", "".join(f"N{i} = N{i + 1}\n" for i in reversed(range(7))).replace("N7\n", "7\n", 1))
    assert isinstance(result, Known)
    assert [place.line for place in result.chain] == [9, 7, 6, 5, 4, 3, 2, 1]
    names = "".join(f"A{i} = {i}\n" for i in range(15))
    wide = evaluate("+".join(f"A{i}" for i in range(15)), names)
    assert isinstance(wide, Known)
    assert (len(wide.chain), wide.chain[-1].line) == (10, 15)


def test_columns_count_characters() -> None:
    result = evaluate("['ä', nowhere][1]", "")
    assert isinstance(result, Unresolved)
    assert result.location == Location(path="f.py", line=2, column=16)


def test_long_and_wrapped_expressions_are_shortened() -> None:
    result = evaluate("nowhere(\n  1,\n  2,\n" + "3, " * 99 + ")")
    assert isinstance(result, Unresolved)
    assert result.expression == "nowhere"
    result = evaluate("f'{1:9999}' + (\n  'x' *\n  9)")
    assert isinstance(result, Unresolved)
    assert result.expression == "f'{1:9999}'"
    result = evaluate("[1,\n 2,\n 3]['a']")
    assert isinstance(result, Unresolved)
    assert result.expression == "[1, 2, 3]['a']"


def test_an_evaluator_stops_counting_after_its_steps() -> None:
    ev, module = evaluator({"f.py": "X = 1\n"})
    ev.steps = 10**9
    node = ast.parse("1", mode="eval").body
    result = ev.evaluate(node, module_frame(module))
    assert isinstance(result, Unresolved)
    assert result.reason == "takes too long to evaluate"


def test_recursion_in_python_itself_is_no_traceback() -> None:
    ev, module = evaluator({"f.py": "X = 1\n"})
    ev.depth = -(10**9)  # let it go deeper than Python does
    ev.steps = -(10**9)
    node = ast.parse("X", mode="eval").body
    for _ in range(2000):
        node = ast.copy_location(ast.UnaryOp(op=ast.USub(), operand=node), node)
    result = ev.evaluate(node, module_frame(module))
    assert isinstance(result, Unresolved)
    assert result.reason == "is nested too deeply"


def test_hostile_expressions_take_bounded_time() -> None:
    begin = time.perf_counter()
    evaluate("{i * (2 ** 61 - 1) for i in range(1999)}")
    evaluate("[i for i in range(9999) for j in range(9999) for k in range(9999)]")
    assert time.perf_counter() - begin < 3


def test_plain_data_is_bounded_and_complete() -> None:
    tree = Tree(data={"a": [1, {"b": (2,)}]}, where=lambda *keys: Location(path="c.json"))
    assert plain(tree) == {"a": [1, {"b": (2,)}]}
    with pytest.raises(RefusedError, match="more than 10,000 elements"):
        plain([Known(value=1)] * (MAX_ITEMS + 1))
    with pytest.raises(OpenError):
        plain([Unresolved(expression="x", reason="y", location=Location(path="f.py"))])


LEAVES = st.one_of(st.integers(-9, 9), st.booleans(), st.none(), st.text("ab%{}", max_size=4), st.floats(-9, 9)).map(
    repr
)
EXPRESSIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "<", "==", "and", "or", "in"]), inner).map(
            lambda p: f"({p[0]} {p[1]} {p[2]})"
        ),
        st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]"),
        st.tuples(st.sampled_from(["str", "int", "len", "sum", "sorted", "max", "bool", "abs", "list"]), inner).map(
            lambda p: f"{p[0]}({p[1]})"
        ),
        st.tuples(inner, inner).map(lambda p: f"{{{p[0]}: {p[1]}}}"),
        st.tuples(inner, inner).map(lambda p: f"{p[0]}[{p[1]}]"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
        inner.map(lambda e: f"[x for x in {e}]"),
        inner.map(lambda e: f"(not {e})"),
        inner.map(lambda e: e if set(e) & set("'{}\\") else f"f'{{{e}!r}}'"),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS)
@pytest.mark.filterwarnings("ignore::SyntaxWarning")
def test_what_is_known_is_what_python_computes(expression: str) -> None:
    result = evaluate(expression)
    try:
        value = eval(expression, {})
    except Exception:  # an element that nobody asks for may fail in Python and be open here
        return
    if isinstance(result, Known):
        assert repr(plain(result.value)) == repr(value)
