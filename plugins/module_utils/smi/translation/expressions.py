# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions of SMI in other words: for engines that match the whole text, and as the patterns of Istio.

Source: smi-spec apis/traffic-specs: a ``pathRegex`` "is anchored (^) to the beginning of the URI", and only there. The
regular expressions of headers are written in the spec for the whole value (``.*Android.*``) and are taken as such.
"""

from __future__ import annotations

import re
from typing import List, Optional

ANY_PATH = ("", "/", "/.*", ".*", "^/", "^.*", "^/.*", ".*$", "/.*$", "^/.*$", "^.*$")
"""Ways to write every path."""

_TOKEN = re.compile(
    r"(?P<segment>\[\^/\][+])|(?P<any>\.\*)|(?P<escaped>\\[^A-Za-z0-9\s])|(?P<start>\^)|(?P<end>\$)"
    r"|(?P<plain>[^\\.^$*+?()\[\]{}|\s])"
)
_LITERAL, _ANY, _SEGMENT, _END = "literal", "any", "segment", "end"


def is_any_path(expression: str) -> bool:
    """Whether a ``pathRegex`` is one of the usual ways to write every path."""
    return expression in ANY_PATH


def whole_path(expression: str) -> str:
    """A ``pathRegex`` for an engine that matches whole paths: what may follow is written out."""
    if "|" in expression:
        # An alternative may begin a longer path even when the last one ends in $: `/a|/b$`.
        return f"(?:{expression}).*"
    open_end = not _ends_in(expression, "$") and not _ends_in(expression, ".*")
    return f"{expression}.*" if open_end else expression


def _ends_in(expression: str, end: str) -> bool:
    """Whether the text ends so, and not in an escaped form of it."""
    if not expression.endswith(end):
        return False
    before = expression[: -len(end)]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 0


def istio_paths(expression: str) -> Optional[List[str]]:
    """The ``paths`` of an Istio AuthorizationPolicy that allow just what a ``pathRegex`` does, never more.

    None when Istio cannot say it: it has exact paths, prefixes, suffixes and templates, no regular expressions.
    """
    if is_any_path(expression):
        return ["*"]
    found = [_istio_path(alternative) for alternative in _alternatives(expression)]
    paths = [path for path in found if path is not None]
    return paths if len(paths) == len(found) else None


def istio_value(expression: str) -> Optional[str]:
    """The value of an Istio condition that a header's regular expression means; None when there is none."""
    tokens = _tokens(expression, whole=True)
    if tokens is None or any(kind == _SEGMENT for kind, _text in tokens):
        return None
    return _glob(tokens)


def _alternatives(expression: str) -> List[str]:
    # Inside a group or a class a bar is no alternative of the whole: such parts are no tokens and are refused anyway.
    return re.split(r"(?<!\\)\|", expression)


def _istio_path(expression: str) -> Optional[str]:
    tokens = _tokens(expression, whole=False)
    if not tokens:
        return None
    if any(kind == _SEGMENT for kind, _text in tokens):
        return _template(tokens)
    return _glob(tokens)


def _tokens(expression: str, whole: bool) -> Optional[List[List[str]]]:
    """Kinds and texts of the parts; None for what is no plain expression. What is open ends in an ``any``."""
    tokens: List[List[str]] = []
    place = 0
    ended = whole
    while place < len(expression):
        found = _TOKEN.match(expression, place)
        if found is None or (ended and not whole):
            return None
        kind, text = str(found.lastgroup), found[0]
        place = found.end()
        if kind == "end":
            if place < len(expression):
                return None
            ended = True
        elif kind == "start":
            if tokens or found.start():
                return None
        elif kind in (_ANY, _SEGMENT):
            tokens.append([kind, text])
        else:
            _append(tokens, text[-1])
    if not ended and (not tokens or tokens[-1][0] != _ANY):
        tokens.append([_ANY, ".*"])
    # A quantifier is no token of its own, so that none can follow what was read.
    return tokens


def _append(tokens: List[List[str]], text: str) -> None:
    if tokens and tokens[-1][0] == _LITERAL:
        tokens[-1][1] += text
    else:
        tokens.append([_LITERAL, text])


def _glob(tokens: List[List[str]]) -> Optional[str]:
    """A text, a text that begins or ends something, or anything: with one star at one end."""
    kinds = [kind for kind, _text in tokens]
    text = "".join(text for kind, text in tokens if kind == _LITERAL)
    if any(character in text for character in "*{}"):
        return None
    if kinds == [_ANY]:
        return "*"
    shapes = {(_LITERAL,): text, (_LITERAL, _ANY): f"{text}*", (_ANY, _LITERAL): f"*{text}"}
    return shapes.get(tuple(kinds))


def _template(tokens: List[List[str]]) -> Optional[str]:
    """A path with ``{*}`` for a segment and ``{**}`` at the end for all below; each stands between slashes."""
    parts: List[str] = []
    for index, (kind, text) in enumerate(tokens):
        last = index == len(tokens) - 1
        if kind == _LITERAL:
            if any(character in text for character in "*{}"):
                return None
            parts.append(text)
            continue
        follows = last or tokens[index + 1][1].startswith("/")
        if not parts or not parts[-1].endswith("/") or not follows or (kind == _ANY and not last):
            return None
        parts.append("{*}" if kind == _SEGMENT else "{**}")
    return "".join(parts) if parts and parts[0].startswith("/") else None
