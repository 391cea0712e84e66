import re
from itertools import pairwise

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from panel.addresses import normalise_address, normalise_domain

MAX_TARGETS = 1_000  # Postfix: virtual_alias_expansion_limit
MAX_BYTES = 65_000  # the goto column holds 65,535
MAX_TEXT = 200_000  # characters, with names beside the addresses
MAX_PIECE = 320
MAX_ERRORS = 20
# A quoted name, an address in brackets, a word, white space, a separator; nothing goes over a line's end.
_TOKEN = re.compile(
    r"""(?P<name>"[^"\r\n]*")|<(?P<address>[^<>\r\n]*)>|(?P<word>[^\s,;<>"]+)"""
    r"""|(?P<end>[,;\r\n])|(?P<blank>\s)|(?P<stray>[<>"])"""
)
# Beside an address: a comment, as in "ann@example.org (Ann Lee)"; what web pages put between letters, which nobody sees.
_COMMENT = re.compile(r"(?<=[^\s(])[^\S\r\n]+\([^()@<>\r\n]*\)")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff]")
# "Lee, Ann <ann@example.org>; Doe, Bob <bob@example.org>": where a semicolon stands between people, a comma is in a name.
_PEOPLE = re.compile(r"(?m)^[^\r\n]*>[^\S\r\n]*;[^\r\n]*")
_NAME_WITH_COMMA = re.compile(r"(?:^|(?<=;))[^<>@,;\"]+,[^<>@,;\"]+(?=<[^<>]*>\s*(?:;|$))")


def parse_targets(text, *, catch_all=False, keep=()):
    """The targets in ``text``, without duplicates.

    Line ends, commas, semicolons and white space separate them; of ``"Lee, Ann" <ann@example.org>``, as
    mail programs copy it, the address counts. A catch-all may lead to ``@otherdomain``. Anything that
    Postfix would read as a command, a file or a list is refused, except what is in ``keep``, the targets
    stored so far (PostfixAdmin allows ``root``). Raises ValidationError with one message for each wrong piece.
    """
    targets, errors = [], []
    text = text if isinstance(text, str) else "\n".join(text)
    for _typed, target, error in each_target(text[:MAX_TEXT], catch_all=catch_all, keep=keep):
        if error is None:
            targets.append(target)
        else:
            errors.append(error)
        if len(errors) == MAX_ERRORS:
            break
    targets = list(dict.fromkeys(targets))
    if not targets and not errors:
        errors.append(
            ValidationError(_("Name at least one address that mail goes to."), "required")
        )
    if (
        len(text) > MAX_TEXT
        or len(targets) > MAX_TARGETS
        or len(",".join(targets).encode()) > MAX_BYTES
    ):
        errors.append(
            ValidationError(
                ngettext(
                    "At most %(n)d recipient: use a mailing list for more.",
                    "At most %(n)d recipients: use a mailing list for more.",
                    MAX_TARGETS,
                ),
                "too_many",
                {"n": MAX_TARGETS},
            )
        )
    if errors:
        raise ValidationError(errors[:MAX_ERRORS])
    return targets


def each_target(text, *, catch_all=False, keep=()):
    """Yield (what was typed, the target, None) of each piece of ``text``, or (what was typed, "", the error)."""
    keep = {target.lower() for target in keep}
    text = _PEOPLE.sub(lambda line: _NAME_WITH_COMMA.sub("", line[0]), text)
    for item in _pieces(text, keep):
        try:
            target, wrong = _parse(item, catch_all, keep), None
        except ValidationError as error:
            target, wrong = "", error
        yield item, target, wrong


def _pieces(text, keep):
    tokens, start = [], 0
    for token in _TOKEN.finditer(text + "\n"):
        if token.lastgroup != "end":
            tokens.append(token)
            continue
        whole = text[start : token.start()].strip()
        if whole.lower() in keep:
            yield whole
        elif whole:
            seen = _INVISIBLE.sub("", _COMMENT.sub("", whole))
            yield from _addresses(tokens if seen == whole else [*_TOKEN.finditer(seen)], seen)
        tokens, start = [], token.end()


def _addresses(tokens, whole):
    found = [token for token in tokens if token.lastgroup != "blank"]
    pairs = pairwise(tokens)
    quoted = any(
        {a.lastgroup, b.lastgroup} == {"name", "word"} for a, b in pairs
    )  # "a b"@example.org
    if quoted or any(token.lastgroup == "stray" for token in found):
        yield whole
        return
    names = []
    for token in found:
        if token.lastgroup != "address":
            names.append(token)
            continue
        address = token["address"].strip()
        # Mail programs write an address that has no name as its own name.
        yield from _without_names(names, address)
        names = []
        yield address
    yield from (_bare(token[0]) for token in names)


def _without_names(tokens, address):
    for number, token in enumerate(tokens, start=1):
        text = _bare(token[0].strip('"'))
        if "@" not in text or text.lower() == address.lower() or token.lastgroup == "name":
            continue
        # Directly before the bracket it may be a name or a target: refused, because nobody knows which.
        yield f"{text} <{address}>" if number == len(tokens) else text


def _bare(word):
    in_quotes = len(word) > 2 and word[0] == word[-1]
    if in_quotes and (
        word[0] == "'" or (word[0] == '"' and "@" in word and len(word.split()) == 1)
    ):
        word = word[1:-1]
    word = word.removeprefix("mailto:")
    return word.removesuffix(".") if "@" in word else word  # a sentence's


def _parse(item, catch_all, keep):
    if len(item) > MAX_PIECE:
        item = item[:MAX_PIECE] + "…"  # not an address any more, so the error shows its beginning
    if item.lower() in keep:
        return item.lower()
    if item.startswith("@") and catch_all:
        return "@" + normalise_domain(item[1:])
    if item.startswith(("*@", "@")):
        raise ValidationError(
            _("“%(target)s”: only a catch-all may lead to a whole domain."),
            "whole_domain",
            {"target": item[:80]},
        )
    return normalise_address(item)
