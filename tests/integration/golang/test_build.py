# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Building real programs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import Plan, Program, build, plan
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.errors import BuildError
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress

Hello = Callable[..., Plan]


class Told(Progress):
    """Keeps what was said."""

    def __init__(self) -> None:
        super().__init__(None)
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def output(program: Plan) -> str:
    return subprocess.run([program.path], capture_output=True, text=True, check=True).stderr.strip()


def leftovers(cache: Cache) -> list[str]:
    return os.listdir(os.path.join(cache.root, "bin", ".unfinished"))


def test_a_program_is_built_once_and_found_again(hello: Hello) -> None:
    program = hello()
    told = Told()
    assert not program.built
    assert build(program, told)
    assert output(program) == "hello"
    assert told.lines[-1].startswith("building hello: ")
    assert told.lines[-1].endswith(" packages, linking")
    assert os.path.basename(os.path.dirname(program.path)) == f"hello-{program.digest[:16]}"

    began, told = time.monotonic(), Told()
    again = hello()
    assert again.path == program.path
    assert not build(again, told)
    assert told.lines == []
    assert time.monotonic() - began < 1
    assert leftovers(program.cache) == []


def test_several_programs_are_built_by_one_command(hello: Hello, tmp_path: Path) -> None:
    first = hello()
    source = Path(first.program.source)
    for name in ("one", "two"):
        (source / name).mkdir()
        (source / name / "main.go").write_text(f'package main\n\nfunc main() {{ println("{name}") }}\n')
    several = hello(packages=("./one", "./two"))
    assert build(several, Progress(None))
    assert sorted(os.listdir(several.path)) == ["one", "two"]
    assert several.built
    os.unlink(os.path.join(several.path, "two"))
    assert not several.built
    assert build(several, Progress(None))
    said = subprocess.run([os.path.join(several.path, "two")], capture_output=True, text=True, check=True).stderr
    assert said == "two\n"


def test_c_is_compiled_only_when_asked_for(hello: Hello) -> None:
    source = 'package main\n\n/*\n#include <stdlib.h>\n*/\nimport "C"\n\nfunc main() { println(C.abs(-7)) }\n'
    with pytest.raises(BuildError):
        build(hello(source), Progress(None))
    program = hello(source, cgo=True)
    assert build(program, Progress(None))
    assert output(program) == "7"


def test_tags_choose_the_sources(hello: Hello) -> None:
    plain = hello()
    chosen = 'package main\n\nfunc init() { greeting = "chosen" }\n'
    Path(plain.program.source, "chosen.go").write_text("//go:build chosen\n\n" + chosen, encoding="utf-8")
    program = hello(tags=("chosen",))
    assert build(program, Progress(None))
    assert output(program) == "chosen"


def test_other_sources_and_options_give_another_program(hello: Hello) -> None:
    first = hello()
    build(first, Progress(None))
    other = hello('package main\n\nvar greeting = "hi"\n\nfunc main() { println(greeting) }\n')
    assert build(other, Progress(None))
    linked = hello(ldflags="-s -w -X 'main.greeting=good day'", output="greet")
    assert build(linked, Progress(None))
    assert [output(program) for program in (first, other, linked)] == ["hello", "hi", "good day"]
    assert os.path.basename(linked.path) == "greet"
    assert hello().built


def test_the_users_settings_do_not_reach_the_program(hello: Hello, monkeypatch: pytest.MonkeyPatch) -> None:
    program = hello()
    for name, value in (("GOFLAGS", "-tags=x -ldflags=-X=main.greeting=no"), ("GOOS", "windows"), ("GOROOT", "/no")):
        monkeypatch.setenv(name, value)
    same = hello()
    assert same.digest == program.digest
    build(same, Progress(None))
    assert output(same) == "hello"


def test_a_compile_error_shows_its_first_lines(hello: Hello) -> None:
    wrong = "\n".join(f"func f{number}() {{ missing{number}() }}" for number in range(20))
    with pytest.raises(BuildError) as error:
        build(hello(f"package main\n\nfunc main() {{}}\n{wrong}\n"), Progress(None))
    message = str(error.value)
    assert message.startswith("hello cannot be built. In ")
    assert "./main.go:5:13: undefined: missing0" in message
    assert "... and " in message or "too many errors" in message
    assert len(message.splitlines()) < 15


def test_what_is_no_program_is_refused(hello: Hello) -> None:
    with pytest.raises(BuildError, match="is no program"):
        build(hello("package hello\n"), Progress(None))


def test_a_module_that_go_sum_does_not_pin_is_refused(hello: Hello, go: str) -> None:
    program = hello('package main\n\nimport _ "example.test/data"\n\nfunc main() {}\n')
    go_mod = Path(program.program.source, "go.mod")
    go_mod.write_text(go_mod.read_text(encoding="utf-8") + "require example.test/data v1.0.0\n", encoding="utf-8")
    with pytest.raises(BuildError) as error:
        build(plan(program.program, go, program.cache), Progress(None))
    assert "go.sum has no checksum for example.test/data" in str(error.value)
    assert "go mod tidy" in str(error.value)


def test_sources_for_a_newer_go_say_so(hello: Hello, go: str) -> None:
    program = hello()
    Path(program.program.source, "go.mod").write_text("module x\n\ngo 1.99.0\n", encoding="utf-8")
    with pytest.raises(BuildError, match=r"is too old: Go 1\.99\.0 or newer is needed"):
        build(plan(program.program, go, program.cache), Progress(None))


def test_a_go_that_does_not_run_is_named(hello: Hello, cache: Cache) -> None:
    source = hello().program.source
    with pytest.raises(BuildError, match="go: /no/go: No such file"):
        plan(Program("hello", source), "/no/go", cache)


def test_of_two_builds_of_the_same_one_waits(hello: Hello) -> None:
    program = hello()
    told = [Told(), Told()]
    with ThreadPoolExecutor(2) as pool:
        built = list(pool.map(lambda progress: build(program, progress), told))
    assert sorted(built) == [False, True]
    waiting = told[built.index(False)].lines
    assert waiting == [f"waiting for hello: process {os.getpid()} is already building it"]
    assert output(program) == "hello"


KILLED = """
import sys
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.build import Program, build, plan
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache
from ansible_collections.servicemesh.platform.plugins.module_utils.progress import Progress
source, go, cache, line = sys.argv[1:]
build(plan(Program("hello", source), go, Cache(cache)), Progress(line))
"""


@pytest.mark.slow
def test_a_killed_build_leaves_no_half_program(hello: Hello, tmp_path: Path) -> None:
    """SIGKILL for the module only: its go goes on, and the next build waits for that go before it starts over."""
    cold = Cache(str(tmp_path / "cold"))
    program = hello('package main\n\nimport "net/http"\n\nfunc main() { println(http.MethodGet) }\n', where=cold)
    line = tmp_path / "line"
    command = [sys.executable, "-c", KILLED, program.program.source, program.go, cold.root, str(line)]
    with subprocess.Popen(command) as process:
        deadline = time.monotonic() + 60
        while not (line.exists() and line.read_text(encoding="utf-8").startswith("building")):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert not program.built
    told = Told()
    assert build(program, told)
    assert told.lines[0] == f"waiting for hello: process {process.pid} is already building it"
    assert output(program) == "GET"
    assert leftovers(cold) == []
