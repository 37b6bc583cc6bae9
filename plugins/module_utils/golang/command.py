# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running one command, line by line."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections import deque
from typing import IO, Callable, Mapping, Optional, Sequence, cast

_KEPT_LINES = 2000
_CREDENTIALS = re.compile(r"(//)[^/@\s]+@")


class CommandFailed(Exception):
    """A command ended with another code than 0. `output`: what it wrote to standard error, but for lines dealt with."""

    def __init__(self, command: Sequence[str], code: int, output: str, stdout: str) -> None:
        super().__init__(f"{' '.join(command[:3])} ended with {code}")
        self.code = code
        self.output = redacted(output)
        self.stdout = redacted(stdout)


def run(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Optional[str] = None,
    on_line: Optional[Callable[[str], bool]] = None,
    keep_open: Sequence[int] = (),
) -> str:
    """Run a command to its end and return its standard output.

    `on_line` gets each line of standard error as it comes, and says whether it has dealt with it; the other lines
    are the output of `CommandFailed`. `keep_open`: file descriptors that the command inherits.
    """
    rest: deque[str] = deque(maxlen=_KEPT_LINES)
    with tempfile.TemporaryFile() as stdout:
        process = subprocess.Popen(
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            pass_fds=tuple(keep_open),
        )
        stderr = cast(IO[bytes], process.stderr)
        try:
            for raw in stderr:
                line = raw.decode("utf-8", "replace").rstrip()
                if on_line is None or not on_line(line):
                    rest.append(line)
            code = process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
            stderr.close()
        stdout.seek(0)
        output = stdout.read().decode("utf-8", "replace")
    if code != 0:
        raise CommandFailed(command, code, "\n".join(rest), output)
    return output


def redacted(text: str) -> str:
    """The text without the user name and password of addresses."""
    return _CREDENTIALS.sub(r"\1***@", text)
