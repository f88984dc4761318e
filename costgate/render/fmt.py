"""Numbers and foreign strings for people. The only place of the gate where money is rounded, and the only one where
text that comes from a pull request is made safe for Markdown, terminals and logs.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import ROUND_HALF_UP, Decimal

from costgate.units import decimal, money_text

LONGEST = 200  # characters of one foreign string; longer ones end in an ellipsis
JOINER = "\u2060"  # invisible, keeps GitHub from reading @name, #12 and https:// as links
BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")  # letters and marks that show nothing
CENT = Decimal("0.01")
DIGITS = 18  # amounts with more digits before the point print as 1.2E+20; hostile input makes them, nobody pays them


def money(amount: Decimal, currency: str) -> str:
    """`$2,772`, `$24.48`, `-$12.30`; less than a cent is `<$0.01`, since only nothing is $0."""
    if not amount:
        return money_text(Decimal(0), currency).removesuffix(".00")
    if abs(amount) < CENT / 2:
        return ("-" if amount < 0 else "") + "<" + money_text(CENT, currency)
    if amount.adjusted() >= DIGITS:
        return f"{'-' if amount < 0 else ''}{_sign(currency)}{abs(amount):.1E}"
    return money_text(amount, currency)


def signed(amount: Decimal, currency: str) -> str:
    """Like money, with a plus before an increase."""
    return ("+" if amount > 0 else "") + money(amount, currency)


def rate(amount: Decimal, currency: str, decimals: int = 4) -> str:
    """A unit price with four decimals, `$0.6930`; one that would read as nothing keeps two significant digits."""
    smallest = Decimal(5).scaleb(-decimals - 1)
    digits = 1 - amount.adjusted() if amount and abs(amount) < smallest else decimals
    return f"{'-' if amount < 0 else ''}{_sign(currency)}{_rounded(abs(amount), digits)}"


def percent(base: Decimal, head: Decimal) -> str:
    """`+100 %`, `-2.5 %`; empty where base is nothing, since no percentage is right then."""
    if base <= 0:
        return ""
    change = (head - base) / base * 100
    text = _rounded(abs(change), 1 if abs(change) < 10 else 0).removesuffix(".0")
    return f"{'+' if change > 0 else '-'}{text} %" if text != "0" else "±0 %"


def span(low: Decimal, high: Decimal, currency: str) -> str:
    """The bounds of a difference, `+$693 to +$11,088`."""
    return f"{signed(low, currency)} to {signed(high, currency)}"


def quantity(value: float | Decimal) -> str:
    """A count or an amount of something: thousands separators, at most four significant decimals."""
    number = decimal(value)
    if not number.is_finite() or number == number.to_integral_value():
        return _rounded(number, 0)
    digits = 2 if abs(number) >= 1 else 3 - number.adjusted()
    return _rounded(number, digits).rstrip("0").rstrip(".")


def _rounded(number: Decimal, digits: int) -> str:
    if not number.is_finite() or number.adjusted() >= DIGITS:
        return f"{number:.1E}"
    return f"{number.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP):,f}"


def _sign(currency: str) -> str:
    """`$`, or `CHF ` where a currency has no sign."""
    return money_text(Decimal(0), currency).removesuffix("0.00")


def count(value: float | Decimal, noun: str) -> str:
    """`1 run`, `500 runs`, `0.5 runs`."""
    return f"{quantity(value)} {noun}{'' if value == 1 else 's'}"


def duration(seconds: float) -> str:
    """`90s`, `5m`, `1h30m`, `2d`; whole seconds from ten seconds on."""
    exact = decimal(seconds)
    if not exact.is_finite() or exact.adjusted() >= DIGITS or exact < 10:
        return f"{quantity(exact)}s"
    whole = round(seconds)
    if whole < 120:
        return f"{whole}s"
    parts = []
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m"), (1, "s")):
        # A day is a word of two days or more: 30h reads better than 1d6h.
        if whole >= (2 * size if unit == "d" else size):
            parts.append(f"{whole // size}{unit}")
            whole %= size
    return "".join(parts)


def short_revision(name: str) -> str:
    """A full object id as its first seven digits; any other name as it is."""
    return name[:7] if re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", name) else name


def clean(text: str, limit: int = LONGEST) -> str:
    """One line without anything that a reader cannot see: control, bidi and zero-width characters, lone surrogates."""
    shown = text[: 4 * limit].encode("utf-8", "backslashreplace").decode("utf-8")
    line = " ".join("".join(map(_visible, shown)).split())
    return line if len(line) <= limit and len(text) <= 4 * limit else line[: limit - 1] + "…"


def _visible(character: str) -> str:
    if character.isspace():
        return " "
    hidden = character in BLANK or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co")
    return "" if hidden else character


def plain(text: str, limit: int = LONGEST) -> str:
    """For terminals and logs. `::` and `##[` are taken apart: GitHub's runner obeys commands in what a job prints."""
    return re.sub(r":(?=:)", ": ", clean(text, limit)).replace("##[", "## [")


# What Markdown or GitHub would act on. A `_` between letters is only a letter; `:100:` would become an emoji.
ACTIVE = re.compile(
    r"""(?P<joined> @ | \bGH-(?=\d) | \bwww(?=\.) | :(?=//) | :(?=[\w+-]+:) | ^\d{1,9}(?=[.)](?:\s|$)) )
    | (?P<number> \#(?=\d) )
    | (?P<dollar> \$(?!\d) )
    | (?P<mark> [\\`*~\[\]|\#<>&] | (?<![0-9A-Za-z])_ | _(?![0-9A-Za-z]) | ^[-+=:](?=[-+=\s]|$) )
    """,
    re.VERBOSE | re.IGNORECASE | re.ASCII,
)
HTML = {"<": "&lt;", ">": "&gt;", "&": "&amp;"}


def md(text: str, limit: int = LONGEST) -> str:
    """Foreign text as inert inline Markdown: it shows as it is and becomes no link, image, mention, HTML or heading.

    For paragraphs, lists and table cells; inside an HTML block only `code` is safe.
    """
    return ACTIVE.sub(_inert, clean(text, limit))


def _inert(match: re.Match[str]) -> str:
    found = match.group()
    if match.lastgroup == "joined":
        return found + JOINER
    if match.lastgroup == "number":
        return "\\#" + JOINER
    if match.lastgroup == "dollar":
        return "<span>$</span>"  # GitHub's documented way to keep a dollar from starting a formula
    return HTML.get(found) or "\\" + found


def code(text: str, limit: int = LONGEST) -> str:
    """Foreign text in `<code>`, safe in Markdown, in table cells and inside HTML blocks alike."""
    return f"<code>{ACTIVE.sub(_entity, clean(text, limit))}</code>"


def _entity(match: re.Match[str]) -> str:
    found = match.group()
    if match.lastgroup == "joined":
        return found + JOINER
    return HTML.get(found) or f"&#{ord(found)};" + (JOINER if match.lastgroup == "number" else "")
