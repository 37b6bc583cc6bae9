# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Installing real Go programs, from a module proxy in a folder and from folders that pin them."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Optional

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.buildinfo import read
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.environment import Cache, go_environment
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.modules import folder_sum
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.tool_catalogue import from_catalogue
from ansible_collections.servicemesh.platform.plugins.modules.go_tool import INTERFACE
from ansible_collections.servicemesh.platform.plugins.plugin_utils.in_process import call

from .test_playbook import Plays

TOOL, DEP = "example.test/tool", "example.test/dep"
MAIN = """package main

import (
    "os"
    "runtime/debug"

    "example.test/dep"
)

var stamp = "none"

func main() {
    if len(os.Args) > 1 && os.Args[1] == "broken" {
        println("cannot say it")
        os.Exit(3)
    }
    info, _ := debug.ReadBuildInfo()
    println("tool", info.Main.Version, "with", dep.Name, "stamp", stamp)
}
"""
TAGGED = '//go:build special\n\npackage main\n\nfunc init() { stamp = "special" }\n'


class Proxy:
    """A Go module proxy in a folder, and the checksums of what it serves."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = folder.as_uri()
        self.sums: dict[str, str] = {}

    def serve(self, module: str, version: str, files: dict[str, str]) -> str:
        """Serve a version of a module, in place of what it was before. Gives its checksum."""
        content = {"go.mod": f"module {module}\n\ngo 1.26.0\n", **files}
        versions = self.folder / module / "@v"
        versions.mkdir(parents=True, exist_ok=True)
        about = {"Version": version, "Time": "2026-01-01T00:00:00Z"}
        (versions / f"{version}.info").write_text(json.dumps(about), encoding="utf-8")
        (versions / f"{version}.mod").write_text(content["go.mod"], encoding="utf-8")
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as stream:
            for name, text in content.items():
                stream.writestr(f"{module}@{version}/{name}", text)
        (versions / f"{version}.zip").write_bytes(archive.getvalue())
        known = sorted({path.stem for path in versions.glob("*.zip")})
        (versions / "list").write_text("\n".join(known) + "\n", encoding="utf-8")
        self.sums[f"{module}@{version}"] = self._sum(module, version, content)
        return self.sums[f"{module}@{version}"]

    def serve_tool(self, version: str, module: str = TOOL, go_mod: str = "", main: str = MAIN) -> str:
        """Serve a version of the tool, with a go.sum that has the other module."""
        text = f"module {module}\n\ngo 1.26.0\n\nrequire {DEP} v1.0.0\n{go_mod}"
        go_sum = f"{DEP} v1.0.0 {self.sums[DEP + '@v1.0.0']}\n"
        files = {"go.mod": text, "go.sum": go_sum, "cmd/tool/main.go": main, "cmd/tool/tagged.go": TAGGED}
        return self.serve(module, version, {**files, "lib.go": "package lib\n"})

    def _sum(self, module: str, version: str, content: dict[str, str]) -> str:
        folder = self.folder / "unpacked"
        for name, text in content.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        checksum = folder_sum(str(folder), module, version)
        shutil.rmtree(folder)
        return checksum


class Bench:
    """Calls the module with what all tests have in common."""

    def __init__(self, folder: Path, proxy: Proxy, go: str, cache: Cache) -> None:
        self.folder, self.proxy, self.go, self.cache = folder, proxy, go, cache
        self.bin = folder / "bin"
        self.program = self.bin / "tool"

    def entry(self, version: str = "v1.0.0", **options: Any) -> dict[str, Any]:
        entry = {
            "name": "tool",
            "module": TOOL,
            "package": "./cmd/tool",
            "version": version,
            "sum": self.proxy.sums.get(f"{TOOL}@{version}"),
            "version_arguments": ["version"],
            "version_expected": f"tool {version} with",
        }
        return {**entry, **options}

    def call(self, *tools: dict[str, Any], check: bool = False, **options: Any) -> dict[str, Any]:
        given = {"bin_dir": str(self.bin), "go": self.go, "cache_dir": self.cache.root, "goproxy": self.proxy.url}
        return call(INTERFACE, {**given, "gosumdb": "off", "tools": list(tools), **options}, check, diff=True)

    def has(self, *tools: dict[str, Any], **options: Any) -> dict[str, Any]:
        result = self.call(*tools, **options)
        assert not result.get("failed"), result["msg"]
        return result

    def fails(self, *tools: dict[str, Any], **options: Any) -> str:
        result = self.call(*tools, **options)
        assert result.get("failed"), result
        return str(result["msg"])

    def says(self, *arguments: str) -> str:
        done = subprocess.run([self.program, *arguments], capture_output=True, text=True, check=True)
        return done.stderr.strip()

    def pin(self, **options: Any) -> dict[str, Any]:
        """A folder that pins the tool, and the options of the tool from there."""
        source = self.folder / "pin"
        source.mkdir()
        text = f"module example.test/pin\n\ngo 1.26.0\n\ntool {TOOL}/cmd/tool\n\nrequire {TOOL} v1.0.0\n"
        (source / "go.mod").write_text(text, encoding="utf-8")
        scratch = Cache(str(self.folder / "scratch"))
        environment = {**go_environment(scratch), "GOPROXY": self.proxy.url, "GOSUMDB": "off"}
        subprocess.run([self.go, "mod", "tidy"], cwd=source, env=environment, check=True, capture_output=True)
        pinned = {"version": None, "module": None, "sum": None, "package": f"{TOOL}/cmd/tool", "source": str(source)}
        return self.entry(**pinned, version_expected="tool v1.0.0 with d", **options)


@pytest.fixture
def bench(tmp_path: Path, go: str, cache: Cache) -> Bench:
    """A proxy with two versions of a tool, and a cache that shares nothing but compiled packages."""
    proxy = Proxy(tmp_path / "proxy")
    proxy.serve(DEP, "v1.0.0", {"dep.go": 'package dep\n\nconst Name = "d"\n'})
    for version in ("v1.0.0", "v1.1.0"):
        proxy.serve_tool(version)
    return Bench(tmp_path, proxy, go, beside(cache, tmp_path / "cache"))


def beside(cache: Cache, folder: Path) -> Cache:
    """A cache of its own that shares the compiled packages of another one."""
    own = Cache(str(folder))
    os.makedirs(cache.packages, exist_ok=True)
    os.makedirs(os.path.dirname(own.packages))
    os.symlink(cache.packages, own.packages)
    return own


def changed(result: dict[str, Any]) -> Optional[bool]:
    (tool,) = result["tools"]
    assert tool["changed"] == result["changed"]
    return bool(tool["changed"])


def test_a_tool_is_installed_once(bench: Bench) -> None:
    first = bench.has(bench.entry())
    assert changed(first)
    assert first["tools"][0]["answer"] == "tool v1.0.0 with d stamp none"
    assert bench.says() == "tool v1.0.0 with d stamp none"
    again = bench.has(bench.entry(), go="/no/go", goproxy="file:///no/proxy")
    assert not changed(again)
    assert (again["tools"][0]["before"], again["diff"]) == ("v1.0.0", {"before": "", "after": ""})
    assert os.listdir(Path(bench.cache.root, "bin", ".unfinished")) == []
    assert os.listdir(bench.bin) == ["tool"]


def test_up_and_down(bench: Bench) -> None:
    bench.has(bench.entry())
    up = bench.has(bench.entry("v1.1.0"))
    assert changed(up)
    assert up["tools"][0]["differs"] == ["sum", "version"]
    lines = [f"{bench.program}: program", "  version: {}", "  sum: {}", ""]
    for side, version in (("before", "v1.0.0"), ("after", "v1.1.0")):
        told = "\n".join(lines).replace("version: {}", f"version: {version}")
        assert up["diff"][side] == told.replace("{}", bench.proxy.sums[f"{TOOL}@{version}"])
    assert bench.says() == "tool v1.1.0 with d stamp none"
    down = bench.has(bench.entry())
    assert (down["tools"][0]["before"], down["tools"][0]["version"]) == ("v1.1.0", "v1.0.0")
    assert bench.says() == "tool v1.0.0 with d stamp none"


def test_another_major_version_is_the_same_tool(bench: Bench) -> None:
    bench.proxy.serve_tool("v2.0.0", f"{TOOL}/v2")
    bench.has(bench.entry())
    second = {"module": f"{TOOL}/v2", "sum": bench.proxy.sums[f"{TOOL}/v2@v2.0.0"]}
    assert bench.has(bench.entry("v2.0.0", **second))["tools"][0]["before"] == "v1.0.0"
    assert bench.says().startswith("tool v2.0.0 ")
    assert changed(bench.has(bench.entry(), state="absent"))


def test_check_mode_changes_nothing(bench: Bench) -> None:
    planned = bench.has(bench.entry(), check=True, go="/no/go")
    assert changed(planned)
    assert not bench.bin.exists()
    assert planned["diff"] == {
        "before": f"{bench.program}: absent\n",
        "after": f"{bench.program}: program\n  version: v1.0.0\n",
    }
    bench.has(bench.entry())
    for state in ("present", "absent"):
        assert changed(bench.has(bench.entry("v1.1.0"), check=True, state=state))
    assert bench.says().startswith("tool v1.0.0 ")


def test_settings_count_too(bench: Bench) -> None:
    wanted: dict[str, Any] = {}
    bench.has(bench.entry())
    for setting, value, said in (
        ("ldflags", "-s -w -X 'main.stamp=a b'", "stamp a b"),
        ("tags", ["special"], "stamp special"),
        ("cgo", True, "stamp special"),
    ):
        wanted[setting] = value
        result = bench.has(bench.entry(**wanted))
        assert (result["tools"][0]["differs"], bench.says().rpartition(" with d ")[2]) == ([setting], said)
        assert not changed(bench.has(bench.entry(**wanted)))
    assert bench.has(bench.entry())["tools"][0]["differs"] == ["cgo", "ldflags", "tags"]


def test_the_settings_of_the_user_do_not_reach_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    foreign = {
        "GOFLAGS": "-mod=vendor -tags=special -ldflags=-X=main.stamp=no",
        "GO111MODULE": "off",
        "GOBIN": str(bench.folder / "elsewhere"),
        "GOOS": "windows",
        "GOROOT": "/no",
        "GOPATH": "/no",
        "GOWORK": "/no",
        "CGO_ENABLED": "1",
    }
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    bench.has(bench.entry())
    assert bench.says() == "tool v1.0.0 with d stamp none"
    assert not (bench.folder / "elsewhere").exists()
    assert not changed(bench.has(bench.entry()))


def test_a_program_that_somebody_else_installed_is_good_when_it_is_the_same(bench: Bench) -> None:
    def go_install(version: str, *flags: str, cgo: str = "0") -> None:
        environment = {**go_environment(bench.cache), "GOPROXY": bench.proxy.url, "GOSUMDB": "off"}
        environment.update(GOBIN=str(bench.bin), CGO_ENABLED=cgo)
        command = [bench.go, "install", *flags, f"{TOOL}/cmd/tool@{version}"]
        subprocess.run(command, env=environment, cwd=bench.folder, check=True, capture_output=True)

    go_install("v1.0.0")
    assert not changed(bench.has(bench.entry()))
    go_install("v1.0.0", "-ldflags=-s -w")
    assert not changed(bench.has(bench.entry(ldflags="-s -w")))
    assert bench.has(bench.entry())["tools"][0]["differs"] == ["ldflags"]
    go_install("v1.0.0", cgo="1")
    assert bench.has(bench.entry())["tools"][0]["differs"] == ["cgo"]
    go_install("v1.1.0")
    assert bench.has(bench.entry())["tools"][0]["before"] == "v1.1.0"
    assert bench.says().startswith("tool v1.0.0 ")


def test_a_link_to_the_program_is_good_and_a_link_to_another_is_replaced(bench: Bench) -> None:
    bench.has(bench.entry())
    kept = bench.folder / "kept"
    bench.program.rename(kept)
    bench.program.symlink_to(kept)
    assert not changed(bench.has(bench.entry()))
    assert changed(bench.has(bench.entry("v1.1.0")))
    assert not bench.program.is_symlink()
    assert read(str(kept)) is not None
    bench.program.unlink()
    bench.program.symlink_to(kept)
    assert changed(bench.has(bench.entry(), state="absent"))
    assert kept.exists()
    bench.program.symlink_to(Path(bench.cache.root, "bin", "cleared", "tool"))
    assert changed(bench.has(bench.entry()))


def test_a_program_that_cannot_be_run_is_replaced(bench: Bench) -> None:
    bench.has(bench.entry())
    bench.program.chmod(0o644)
    assert bench.has(bench.entry())["tools"][0]["differs"] == ["executable"]
    assert bench.says().startswith("tool v1.0.0 ")


def test_what_is_not_the_tool_is_not_touched(bench: Bench, hello: Any) -> None:
    bench.bin.mkdir()
    bench.program.write_text("#!/bin/sh\necho mine\n", encoding="utf-8")
    for check in (False, True):
        message = bench.fails(bench.entry(), check=check)
        assert f"{bench.program} is no Go program: it is not replaced by {TOOL}/cmd/tool." in message
        assert "set force" in message
    kept = bench.has(bench.entry(), state="absent")
    assert not changed(kept)
    assert kept["warnings"] == [f"{bench.program} stays: it is no Go program, not {TOOL}/cmd/tool."]
    assert bench.program.read_text(encoding="utf-8").endswith("mine\n")
    bench.program.unlink()
    bench.program.symlink_to("/no/such/tool")
    assert "a link to /no/such/tool, which is not there" in bench.fails(bench.entry())
    bench.program.unlink()
    shutil.copy(bench.go, bench.program)
    assert "is the Go program cmd/go: it is not replaced" in bench.fails(bench.entry())
    forced = bench.has(bench.entry(), force=True)
    assert forced["diff"]["before"] == f"{bench.program}: the Go program cmd/go\n"
    assert bench.says().startswith("tool v1.0.0 ")


def test_force_does_not_remove_a_folder(bench: Bench) -> None:
    bench.program.mkdir(parents=True)
    assert "is no file: it is not replaced" in bench.fails(bench.entry(), force=True)
    assert not changed(bench.has(bench.entry(), force=True, state="absent"))
    assert bench.program.is_dir()


def test_a_pipe_is_not_read(bench: Bench) -> None:
    bench.bin.mkdir()
    os.mkfifo(bench.program)
    assert "is no file" in bench.fails(bench.entry())


def test_absent(bench: Bench) -> None:
    bench.has(bench.entry())
    removed = bench.has(bench.entry("v1.1.0"), state="absent", go="/no/go")
    assert changed(removed)
    assert removed["diff"]["after"] == f"{bench.program}: absent\n  version: \n".replace("  version: \n", "")
    assert not bench.program.exists()
    assert not changed(bench.has(bench.entry(), state="absent"))
    bench.program.write_text("mine", encoding="utf-8")
    assert changed(bench.has(bench.entry(), state="absent", force=True))
    assert not bench.program.exists()


def test_a_version_that_does_not_answer_does_not_take_the_place_of_one_that_does(bench: Bench) -> None:
    bench.has(bench.entry())
    message = bench.fails(bench.entry("v1.1.0", version_arguments=["broken"]))
    assert "`tool broken` ended with code 3:\ncannot say it" in message
    message = bench.fails(bench.entry("v1.1.0", version_expected="v9"))
    assert "`tool version` does not say 'v9':\ntool v1.1.0 with d stamp none" in message
    assert bench.says().startswith("tool v1.0.0 ")


def test_another_sum_is_refused(bench: Bench) -> None:
    wrong = "h1:" + "A" * 43 + "="
    message = bench.fails(bench.entry(sum=wrong))
    assert f"{TOOL}@v1.0.0 is not what was asked for: its checksum is {bench.proxy.sums[TOOL + '@v1.0.0']}" in message
    assert f"and sum says {wrong}" in message
    assert f"GOMODCACHE={bench.cache.modules} go clean -modcache" in message
    assert not bench.program.exists()


def test_a_module_that_the_tools_own_go_sum_does_not_know_is_refused(bench: Bench) -> None:
    bench.proxy.serve(DEP, "v1.0.0", {"dep.go": 'package dep\n\nconst Name = "evil"\n'})
    message = bench.fails(bench.entry())
    assert f"{DEP}@v1.0.0 is not what the go.sum of {TOOL} pins" in message
    assert not bench.program.exists()
    bench.proxy.serve("example.test/none", "v1.0.0", {"main.go": 'package main\n\nimport _ "example.test/dep"\n\n'})
    none = bench.proxy.serve(
        "example.test/none",
        "v1.0.0",
        {
            "go.mod": f"module example.test/none\n\ngo 1.26.0\n\nrequire {DEP} v1.0.0\n",
            "main.go": 'package main\n\nimport _ "example.test/dep"\n\nfunc main() {}\n',
        },
    )
    message = bench.fails(bench.entry(module="example.test/none", package=".", sum=none))
    assert f"Nothing vouches for {DEP}@v1.0.0: it is not in the go.sum of example.test/none" in message


@pytest.mark.parametrize("settings", [{}, {"gosumdb": None, "gonosumdb": "*.test"}, {"download": False}])
def test_without_a_database_a_sum_is_needed(
    bench: Bench, settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GOSUMDB", raising=False)
    message = bench.fails(bench.entry(sum=None), **settings)
    assert f"Nothing vouches for {TOOL}/cmd/tool@v1.0.0" in message
    assert "`h1:...`" in message


def test_a_database_that_does_not_know_the_module_is_named(bench: Bench) -> None:
    message = bench.fails(bench.entry(sum=None), gosumdb="sum.golang.org http://127.0.0.1:9")
    assert f"The checksum database does not vouch for {TOOL}@v1.0.0, or cannot be reached." in message
    assert "goprivate" in message


def test_what_the_checksum_database_knows_otherwise_is_refused(
    bench: Bench, go: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real database, reached as the user reaches it, and a proxy that serves something else under a known name."""
    monkeypatch.delenv("GOSUMDB", raising=False)
    user = subprocess.run([go, "env", "GOPROXY", "GOSUMDB"], capture_output=True, text=True, check=True).stdout.split()
    if "off" in user:
        pytest.skip("this machine asks no checksum database")
    bench.proxy.serve("rsc.io/quote", "v1.5.2", {"main.go": "package main\n\nfunc main() {}\n"})
    entry = {"name": "quote", "module": "rsc.io/quote", "version": "v1.5.2"}
    message = bench.fails(entry, gosumdb=None, goproxy=f"{bench.proxy.url},{user[0]}")
    assert "rsc.io/quote@v1.5.2 is not what the checksum database has: its checksum differs." in message
    assert f"GOMODCACHE={bench.cache.modules} go clean -modcache" in message


def test_offline(bench: Bench, cache: Cache) -> None:
    message = bench.fails(bench.entry(), download=False)
    assert f"{TOOL}@v1.0.0 is not in the module cache, and nothing is downloaded (offline)." in message
    downloads = os.path.join(bench.cache.modules, "cache", "download")
    assert downloads in message
    bench.has(bench.entry())
    bench.program.unlink()
    assert changed(bench.has(bench.entry(), download=False, goproxy="http://127.0.0.1:9"))
    bench.program.unlink()
    assert changed(bench.has(bench.entry(), goproxy="off"))
    message = bench.fails(bench.entry("v1.1.0"), goproxy="off")
    assert f"{TOOL}@v1.1.0 is not in the module cache" in message
    # What the message says: the folder from a machine that has it, as a proxy.
    elsewhere = beside(cache, bench.folder / "elsewhere")
    bench.program.unlink()
    assert changed(bench.has(bench.entry(), cache_dir=elsewhere.root, goproxy=f"file://{downloads}"))


def test_offline_without_a_module_that_the_tool_requires(bench: Bench) -> None:
    bench.has(bench.entry())
    shutil.rmtree(Path(bench.cache.modules, "cache", "download", DEP))
    shutil.rmtree(Path(bench.cache.modules, f"{DEP}@v1.0.0"))
    bench.program.unlink()
    assert f"{DEP}@v1.0.0 is not in the module cache" in bench.fails(bench.entry(), download=False)


def test_a_broken_download_is_named(bench: Bench) -> None:
    (bench.proxy.folder / TOOL / "@v" / "v1.0.0.zip").write_bytes(b"<html>sign in</html>")
    message = bench.fails(bench.entry())
    assert f"{TOOL}@v1.0.0 came down broken." in message
    assert "go clean -modcache" in message


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"version": "v9.9.9", "sum": "h1:" + "A" * 43 + "="}, f"{TOOL}/cmd/tool@v9.9.9"),
        ({"package": "./lib"}, "cannot be built"),
        ({"package": "."}, f"{TOOL}@v1.0.0 is no program."),
        ({"module": "example.test", "package": f"{TOOL}/cmd/tool"}, f"is in the module {TOOL}, not in example.test"),
        ({"ldflags": "-nonsense"}, "flag provided but not defined: -nonsense"),
    ],
)
def test_what_cannot_be_had_says_why(bench: Bench, options: dict[str, Any], expected: str) -> None:
    message = bench.fails(bench.entry(**options))
    assert expected in message
    assert len(message.splitlines()) < 15


def test_replace_directives_want_a_folder(bench: Bench) -> None:
    bench.proxy.serve_tool("v1.2.0", go_mod=f"\nreplace {DEP} => {DEP} v1.0.0\n")
    message = bench.fails(bench.entry("v1.2.0"))
    assert "has replace or exclude directives" in message
    assert "name that folder in source" in message


def test_an_error_of_one_tool_does_not_keep_the_others_away(bench: Bench) -> None:
    result = bench.call(bench.entry("v9.9.9", name="none"), bench.entry())
    assert result["failed"]
    assert [tool["changed"] for tool in result["tools"]] == [False, True]
    assert bench.says().startswith("tool v1.0.0 ")


def test_of_two_that_install_the_same_one_waits(bench: Bench) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _number: bench.has(bench.entry()), range(2)))
    assert [result["tools"][0]["answer"] for result in results] == ["tool v1.0.0 with d stamp none"] * 2
    assert sorted(result["changed"] for result in results) == [False, True]
    assert os.listdir(bench.bin) == ["tool"]


def test_a_module_that_is_not_public_comes_from_its_repository(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The proxy does not have it and is not asked; the host is a folder, by git's own configuration."""
    repository = bench.folder / "git" / "team" / "private.git"
    (repository / "cmd" / "private").mkdir(parents=True)
    (repository / "go.mod").write_text("module code.test/team/private.git\n\ngo 1.26.0\n", encoding="utf-8")
    main = 'package main\n\nfunc main() { println("private v0.1.0") }\n'
    (repository / "cmd" / "private" / "main.go").write_text(main, encoding="utf-8")
    settings = {
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": f"url.{(bench.folder / 'git').as_uri()}/.insteadOf",
        "GIT_CONFIG_VALUE_0": "https://code.test/",
        "GIT_AUTHOR_NAME": "me",
        "GIT_AUTHOR_EMAIL": "me@code.test",
        "GIT_COMMITTER_NAME": "me",
        "GIT_COMMITTER_EMAIL": "me@code.test",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"], ["tag", "v0.1.0"]):
        subprocess.run(["git", *arguments], cwd=repository, check=True, capture_output=True)
    entry = {"name": "private", "module": "code.test/team/private.git", "package": "./cmd/private", "version": "v0.1.0"}
    entry.update(version_arguments=["version"], version_expected="v0.1.0")
    private = {"goprivate": "code.test", "gosumdb": None}
    assert "Nothing vouches for code.test/team/private.git" in bench.fails(entry, **private)
    scratch = Cache(str(bench.folder / "scratch"))
    environment = {**go_environment(scratch), "GOPRIVATE": "code.test"}
    command = [bench.go, "mod", "download", "-json", "code.test/team/private.git@v0.1.0"]
    told = subprocess.run(command, env=environment, cwd=bench.folder, capture_output=True, text=True, check=True)
    entry["sum"] = json.loads(told.stdout)["Sum"]
    assert bench.has(entry, **private)["tools"][0]["answer"] == "private v0.1.0"
    assert not changed(bench.has(entry, **private))


def test_a_folder_of_programs_that_cannot_be_written_is_named(bench: Bench) -> None:
    bench.bin.write_text("", encoding="utf-8")
    assert f"{bench.program} cannot be written: " in bench.fails(bench.entry())


def test_a_folder_pins_a_tool(bench: Bench) -> None:
    entry = bench.pin(ldflags="-X main.stamp=x")
    assert bench.has(entry)["tools"][0]["version"] == "v1.0.0"
    assert bench.says() == "tool v1.0.0 with d stamp x"
    assert not changed(bench.has(entry, go="/no/go"))
    go_mod = Path(entry["source"], "go.mod")
    go_mod.write_text(go_mod.read_text(encoding="utf-8") + "// other\n", encoding="utf-8")
    assert bench.has(entry)["tools"][0]["differs"] == ["sources"]
    # The same version by itself may be built with other versions of the modules that it requires.
    assert bench.has(bench.entry())["tools"][0]["differs"] == ["ldflags", "sources"]
    assert bench.says() == "tool v1.0.0 with d stamp none"
    assert changed(bench.has(entry, state="absent"))


def test_a_folder_with_a_program_of_its_own(bench: Bench) -> None:
    source = bench.folder / "own"
    (source / "cmd" / "tool").mkdir(parents=True)
    (source / "go.mod").write_text("module example.test/own\n\ngo 1.26.0\n", encoding="utf-8")
    main = source / "cmd" / "tool" / "main.go"
    main.write_text('package main\n\nfunc main() { println("one") }\n', encoding="utf-8")
    entry = {"name": "tool", "source": "own", "package": "./cmd/tool", "version_arguments": ["version"]}
    assert bench.has(entry, source_dir=str(bench.folder))["tools"][0]["answer"] == "one"
    assert not changed(bench.has(entry, source_dir=str(bench.folder)))
    main.write_text('package main\n\nfunc main() { println("two") }\n', encoding="utf-8")
    assert bench.has(entry, source_dir=str(bench.folder))["tools"][0]["before"] == "(devel)"
    assert bench.says() == "two"


def test_a_folder_whose_go_sum_pins_something_else(bench: Bench) -> None:
    entry = bench.pin()
    bench.proxy.serve_tool("v1.0.0", main=MAIN.replace("tool", "evil"))
    message = bench.fails(entry)
    assert f"{TOOL}@v1.0.0 is not what {entry['source']}/go.sum pins" in message
    assert f"GOMODCACHE={bench.cache.modules} go clean -modcache" in message


def test_a_folder_offline(bench: Bench) -> None:
    entry = bench.pin()
    assert "@v1.0.0 is not in the module cache" in bench.fails(entry, download=False)
    bench.has(entry)
    shutil.rmtree(Path(bench.cache.root, "bin"))
    bench.program.unlink()
    assert changed(bench.has(entry, download=False))


def test_a_vendor_folder(bench: Bench) -> None:
    entry = bench.pin(vendor=True)
    assert "has no vendor folder" in bench.fails(entry)
    environment = {**go_environment(bench.cache), "GOPROXY": bench.proxy.url, "GOSUMDB": "off"}
    subprocess.run([bench.go, "mod", "vendor"], cwd=entry["source"], env=environment, check=True, capture_output=True)
    shutil.rmtree(bench.cache.modules)
    assert changed(bench.has(entry, download=False, goproxy="http://127.0.0.1:9"))
    assert bench.says().startswith("tool v1.0.0 with d")
    assert not Path(bench.cache.modules).exists()


def test_a_verification_changes_nothing_and_tells_all(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def found(*tools: dict[str, Any]) -> list[tuple[str, str, str]]:
        result = bench.has(*tools, state="verified", go="/no/go")
        assert not result["changed"]
        assert {finding["component"] for finding in result["findings"]} == {"toolchain"}
        return [(finding["id"], finding["severity"], finding["message"]) for finding in result["findings"]]

    monkeypatch.setenv("PATH", f"{bench.bin}:/usr/bin:/bin")
    asked = f"{TOOL}/cmd/tool v1.0.0"
    assert found(bench.entry()) == [("toolchain-tool", "error", f"{bench.program} is not there; {asked} was asked for")]
    bench.has(bench.entry())
    answer = "tool v1.0.0 with d stamp none"
    assert found(bench.entry()) == [("toolchain-tool", "ok", f"{bench.program} is {asked} and answers: {answer}")]
    ((_id, severity, message),) = found(bench.entry("v1.1.0"))
    assert (severity, "version is v1.0.0, not v1.1.0" in message) == ("error", True)
    assert found(bench.entry(version_arguments=["broken"]))[0][:2] == ("toolchain-answer", "error")
    shadow = bench.folder / "first"
    shadow.mkdir()
    shutil.copy(bench.program, shadow)
    monkeypatch.setenv("PATH", f"{shadow}:{bench.bin}")
    assert found(bench.entry())[1][:2] == ("toolchain-path", "warning")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("SHELL", "/bin/bash")
    (hint,) = bench.has(bench.entry(), state="verified")["findings"][1:]
    assert (hint["severity"], hint["mend"]) == (
        "info",
        f"Add to the profile of your shell: export PATH={bench.bin}:$PATH",
    )
    bench.program.write_text("mine", encoding="utf-8")
    assert "is no Go program, not" in found(bench.entry())[0][2]


def test_credentials_of_a_proxy_are_not_shown(bench: Bench) -> None:
    result = bench.call(bench.entry(), goproxy="https://me:geheim@127.0.0.1:9")
    assert "cannot be reached" in result["msg"]
    assert "geheim" not in json.dumps(result)


def test_a_tool_of_the_catalogue_from_the_proxy_of_the_user(tmp_path: Path, go: str) -> None:
    """In the cache of the user, where its modules are compiled for the nodes of the embedded cluster already."""
    crane = from_catalogue({"name": "crane"})
    options = {"tools": [crane], "bin_dir": str(tmp_path / "bin"), "go": go}
    first = call(INTERFACE, options, check_mode=False, diff=False)
    assert not first.get("failed"), first["msg"]
    assert first["tools"][0]["answer"] == crane["version"]
    assert not call(INTERFACE, options, check_mode=False, diff=False)["changed"]


def test_build_info_is_what_go_reads(bench: Bench, go: str) -> None:
    bench.has(bench.entry(ldflags="-X 'main.stamp=a\"b'", tags=["special", "other"]))
    for program in (str(bench.program), go):
        answer = subprocess.run([go, "version", "-m", "-json", program], capture_output=True, text=True, check=True)
        told, info = json.loads(answer.stdout), read(program)
        assert info is not None
        assert (info.path, info.go) == (told["Path"], told["GoVersion"])
        assert info.settings == {setting["Key"]: setting["Value"] for setting in told["Settings"]}
        modules = [(dep["Path"], dep["Version"], dep["Sum"]) for dep in told.get("Deps", [])]
        assert [tuple(module) for module in info.modules] == modules


ROLE = """
- hosts: demo
  gather_facts: false
  tasks:
    - ansible.builtin.include_role:
        name: servicemesh.platform.toolchain
        tasks_from: "{{ item }}"
        rolespec_validate: false
      loop: [validate, main, verify, absent]
    - ansible.builtin.command: tool version
      environment:
        PATH: "{{ __toolchain_path }}"
      changed_when: false
      register: ran
    - ansible.builtin.debug:
        msg: ["{{ ran.stderr }}", "{{ __toolchain_verification.findings }}"]
"""


def test_the_role_with_all_variables_as_a_survey_sends_them(bench: Bench, tmp_path: Path) -> None:
    plays = Plays(tmp_path)
    variables = {
        "toolchain_cache_dir": bench.cache.root,
        "toolchain_go_minimum": "",
        "toolchain_tools": json.dumps([bench.entry(cgo="false", tags="special,other")]),
        "toolchain_bin_dir": "",
        "toolchain_force": "false",
        "toolchain_goproxy": bench.proxy.url,
        "toolchain_gosumdb": "off",
        "toolchain_goprivate": "",
        "toolchain_gonosumdb": "",
        "toolchain_offline": "false",
    }
    arguments = [part for key, value in variables.items() for part in ("-e", json.dumps({key: value}))]
    said, findings = plays.results(ROLE, *arguments)["demo"]["msg"]
    assert said == "tool v1.0.0 with d stamp special"
    assert [finding["severity"] for finding in findings] == ["ok", "info"]
    assert Path(bench.cache.root, "tools", "tool").exists()
    again = plays.run(ROLE, *arguments, "-e", "toolchain_offline=true")
    assert "changed=0" in again.stdout
    assert again.returncode == 0
    ran = plays.run(ROLE, *arguments, "-e", "toolchain_tools=helmm,kubectl@1.2")
    assert "did you mean helm?" in ran.stdout
    assert "'1.2' is no version that stands for ever" in ran.stdout
