# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The syntax of RE2, which meshes match paths and headers with. Python's ``re`` takes other things.

Source: https://github.com/google/re2/wiki/Syntax and Go's ``regexp/syntax``.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Optional, Set, Tuple

MAX_REPEAT = 1000

_REPEAT = re.compile(r"\{(\d+)(,(\d*))?\}")
_GROUP_NAME = re.compile(r"P?<(\w+)>")
_FLAGS = re.compile(r"[imsU]*(?:-[imsU]+)?[:)]")
_CLASS_NAME = re.compile(r"\[:\^?(\w+):\]")
_PROPERTY = re.compile(r"[pP](?:\{\^?(\w+)\}|([A-Z]))")
_HEX = re.compile(r"x(?:([0-9a-fA-F]{2})|\{([0-9a-fA-F]{1,6})\})")
_OCTAL = re.compile(r"0[0-7]{0,2}|[1-7][0-7]{1,2}")
_POSIX = {
    *("alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph"),
    *("lower", "print", "punct", "space", "upper", "word", "xdigit"),
}
_CONTROL = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_SETS = "dDsSwW"
_PLACES = "AbBzC"
_CATEGORIES = {
    *("C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No"),
    *("P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs"),
}
"""Of Unicode. Names of scripts are longer, and grow with Unicode: they are not judged."""
_LAST_CODE = 0x10FFFF
_LACKS = {"=": "lookahead", "!": "lookahead", "<=": "lookbehind", "<!": "lookbehind", ">": "atomic groups"}


class _Invalid(ValueError):
    pass


@lru_cache(maxsize=8192)
def problem(pattern: str) -> str:
    """Why RE2 does not take a pattern; empty when it does."""
    try:
        _Scanner(pattern).scan()
    except _Invalid as error:
        return str(error)
    return ""


class _Scanner:
    """Goes once over a pattern."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._at = 0
        self._open = 0
        self._names: Set[str] = set()
        self._repeatable = False

    def scan(self) -> None:
        while self._at < len(self._pattern):
            char = self._pattern[self._at]
            if char == "\\":
                self._repeatable = not self._pattern.startswith("\\Q\\E", self._at) or self._repeatable
                self._escape()
            elif char == "[":
                self._class()
                self._repeatable = True
            elif char == "(":
                self._group()
            elif char == ")":
                self._close()
            elif char == "|":
                self._at += 1
                self._repeatable = False
            elif char in "*+?" or (char == "{" and _REPEAT.match(self._pattern, self._at)):
                self._repetition()
            else:
                self._at += 1
                self._repeatable = True
        if self._open:
            raise _Invalid("a ( is not closed; close it, or write \\( for the character")

    def _group(self) -> None:
        self._at += 1
        self._open += 1
        before, self._repeatable = self._repeatable, False
        if not self._pattern.startswith("?", self._at):
            return
        self._at += 1
        name = _GROUP_NAME.match(self._pattern, self._at)
        flags = _FLAGS.match(self._pattern, self._at)
        if name:
            if name.group(1) in self._names:
                raise _Invalid(f"two groups are called {name.group(1)}; rename one")
            self._names.add(name.group(1))
            self._at = name.end()
        elif flags:
            self._at = flags.end()
            if flags.group().endswith(")"):
                self._open -= 1
                self._repeatable = before
        else:
            raise _Invalid(self._lack())

    def _lack(self) -> str:
        rest = self._pattern[self._at : self._at + 2]
        what = _LACKS.get(rest) or _LACKS.get(rest[:1])
        if what:
            return f"RE2 has no {what} ((?{rest if rest in _LACKS else rest[:1]}); write it without"
        return f"RE2 has no group that begins with (?{rest}; write (?:...), (?P<name>...) or flags of i, m, s, U"

    def _close(self) -> None:
        if not self._open:
            raise _Invalid("a ) closes nothing; write \\) for the character")
        self._open -= 1
        self._at += 1
        self._repeatable = True

    def _repetition(self) -> None:
        start = self._at
        if not self._repeatable:
            raise _Invalid(f"{self._pattern[start]} has nothing before it to repeat; write \\{self._pattern[start]}")
        found = _REPEAT.match(self._pattern, start)
        if found:
            least, most = int(found.group(1)[:9]), int((found.group(3) or found.group(1))[:9])
            if most < least or most > MAX_REPEAT:
                raise _Invalid(f"{found.group()} is no repetition; write 0 to {MAX_REPEAT}, the smaller number first")
        self._at = found.end() if found else start + 1
        if self._pattern.startswith("?", self._at):
            self._at += 1
        following = self._pattern[self._at : self._at + 1]
        if following and (following in "*+?" or (following == "{" and _REPEAT.match(self._pattern, self._at))):
            both = self._pattern[start : self._at + 1]
            raise _Invalid(f"RE2 has no possessive or doubled repetition ({both}); repeat once, or use (?:...)")

    def _escape(self, in_class: bool = False) -> Optional[int]:
        """The character that an escape stands for, None for a set of characters or a place."""
        self._at += 1
        char = self._pattern[self._at : self._at + 1]
        if not char:
            raise _Invalid("a \\ stands at the end; write \\\\ for the character")
        if char == "Q" and not in_class:
            end = self._pattern.find("\\E", self._at)
            self._at = len(self._pattern) if end < 0 else end + 2
            return None
        number = self._number()
        if number is not None or self._property():
            return number
        if char.isdigit():
            raise _Invalid(f"RE2 has no backreferences (\\{char}); write out what shall come again")
        self._at += 1
        if char in _CONTROL:
            return _CONTROL[char]
        if char in _SETS or (char in _PLACES and not in_class):
            return None
        if char.isalnum() or ord(char) > 127:
            instead = "\\z" if char == "Z" else char
            raise _Invalid(f"RE2 has no \\{char}; write {instead}")
        return ord(char)

    def _number(self) -> Optional[int]:
        """The character that is given by its number, None where none is."""
        for expression, base in ((_HEX, 16), (_OCTAL, 8)):
            number = expression.match(self._pattern, self._at)
            if number:
                self._at = number.end()
                code = int(number.group().strip("x{}"), base)
                if code > _LAST_CODE:
                    raise _Invalid(f"\\{number.group()} is no character; the last one is \\x{{10FFFF}}")
                return code
        return None

    def _property(self) -> bool:
        """Whether a set of Unicode stands here."""
        found = _PROPERTY.match(self._pattern, self._at)
        if not found:
            return False
        name = found.group(1) or found.group(2)
        if len(name) < 3 and name not in _CATEGORIES:
            raise _Invalid(f"\\{found.group()} is no category of Unicode; write one like \\pL or \\p{{Lu}}")
        self._at = found.end()
        return True

    def _class(self) -> None:
        self._at += 1
        if self._pattern.startswith("^", self._at):
            self._at += 1
        first = True
        while first or not self._pattern.startswith("]", self._at):
            if self._at >= len(self._pattern):
                raise _Invalid("a [ is not closed; close it, or write \\[ for the character")
            first = False
            self._range()
        self._at += 1

    def _range(self) -> None:
        start = self._at
        low, is_set = self._class_item()
        following = self._pattern[self._at : self._at + 2]
        is_range = following.startswith("-") and following not in ("-", "-]")
        if is_set or not is_range:
            return
        self._at += 1
        high, is_set = self._class_item()
        if is_set or (low is not None and high is not None and high < low):
            raise _Invalid(f"{self._pattern[start : self._at]} is no range; write the smaller character first")

    def _class_item(self) -> Tuple[Optional[int], bool]:
        """A character, and whether it is a set instead."""
        if self._pattern.startswith("\\", self._at):
            code = self._escape(in_class=True)
            return code, code is None
        named = _CLASS_NAME.match(self._pattern, self._at)
        if named:
            if named.group(1) not in _POSIX:
                raise _Invalid(f"{named.group()} is no class of characters; write one like [:alpha:]")
            self._at = named.end()
            return None, True
        self._at += 1
        return ord(self._pattern[self._at - 1]), False
