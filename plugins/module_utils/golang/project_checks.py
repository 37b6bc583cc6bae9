# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with the Go environment and the modules of a project, as findings. Pure."""

from __future__ import annotations

import os
import re
from typing import Dict, Iterator, List, Mapping, Sequence, Set

from ansible_collections.servicemesh.platform.plugins.module_utils.findings import Finding, Severity, passed
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.buildinfo import is_below
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.messages import explain, first_lines
from ansible_collections.servicemesh.platform.plugins.module_utils.golang.project import (
    SDK,
    SDK_VERSION,
    Project,
    Required,
)

# Copies of the SMI SDK under other names: the first home of the project, before it went to the CNCF.
_SDK_COPIES = ("github.com/deislabs/smi-sdk-go",)
# Modules of one release of Kubernetes, whose minor versions belong together.
_KUBERNETES = ("api", "apiextensions-apiserver", "apimachinery", "apiserver", "cli-runtime", "client-go", "kubectl")
_PSEUDO = re.compile(r"\d{14}-[0-9a-f]{12}(\+incompatible)?$")
_API = re.compile(r"/pkg/apis/(access|metrics|specs|split)/(v\d\w*)$")

_WHY_MODE = "In GOPATH mode the version of a package is whatever lies in GOPATH/src: no go.mod and no go.sum count."
_WHY_SUM = "Without a checksum nothing tells whether a module is what everybody else gets."
_WHY_PIN = "A build must give the same program tomorrow and on another machine."
_WHY_SDK = "A client of a version that the cluster does not serve gets 404, and a controller does not start."
_MIGRATION = (
    "In the folder of the project: `go mod init MODULE`, `go mod tidy`, `go build ./...`; commit go.mod and go.sum; "
    "`go env -u GO111MODULE`"
)


def findings(project: Project, served: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    """Findings about a project. `served`: the versions of the SMI APIs that are served, by group; empty: not known."""
    yield from _mode(project)
    yield from _settings(project)
    yield from _proxy(project)
    if project.go_mod is None:
        return
    yield from _steps(project)
    yield from _replacements(project)
    yield from _kubernetes(project)
    yield from _sdk(project)
    yield from _apis(project, served)


def _mode(project: Project) -> Iterator[Finding]:
    setting = project.environment.get("GO111MODULE", "")
    if setting == "off":
        yield _error("go-module-mode", project, "GO111MODULE is off: Go ignores go.mod", _WHY_MODE, _MIGRATION)
    elif project.go_mod is None:
        yield _error("go-module-mode", project, "there is no go.mod, in the folder or above it", _WHY_MODE, _MIGRATION)
    else:
        yield passed("go-module-mode", project.source, "module mode, by go.mod")
    paths = project.environment.get("GOPATH", "").split(os.pathsep)
    if setting == "auto" and any(path and is_below(project.source, os.path.join(path, "src")) for path in paths):
        yield Finding(
            "go-in-gopath",
            Severity.INFO,
            project.source,
            "the project is in GOPATH/src, and GO111MODULE is auto",
            "Before Go 1.13 that meant GOPATH mode; tools of that time still go by it.",
            "`go env -u GO111MODULE`; the project may stay or move",
        )


def _settings(project: Project) -> Iterator[Finding]:
    environment = project.environment
    if environment.get("GOSUMDB") == "off":
        yield _warning(
            "go-sumdb",
            project,
            "GOSUMDB is off: new modules come into go.sum unchecked",
            _WHY_SUM,
            "`go env -u GOSUMDB`, and name modules that are not public in GOPRIVATE",
        )
    if "-mod=mod" in environment.get("GOFLAGS", "").split():
        yield _warning(
            "go-flags",
            project,
            "GOFLAGS has -mod=mod: builds change go.mod and go.sum",
            _WHY_PIN,
            "`go env -u GOFLAGS`, and change versions with `go get`",
        )


def _proxy(project: Project) -> Iterator[Finding]:
    proxy = re.sub(r"(//)[^/@\s]+@", r"\1***@", project.environment.get("GOPROXY", ""))
    if proxy == "off":
        yield Finding("go-proxy", Severity.INFO, "GOPROXY", "off: nothing is downloaded")
    elif "proxy" in project.done:
        yield passed("go-proxy", "GOPROXY", f"{proxy} answers")
    elif "proxy" in project.failures:
        output = project.failures["proxy"]
        known = explain(output, project.source, {"GOPROXY": proxy})
        yield Finding(
            "go-proxy",
            Severity.ERROR,
            "GOPROXY",
            known.problem.rstrip(".") if known else f"{proxy} does not give {SDK}: {first_lines(output, 3)}",
            "Modules that are not in the cache cannot be had.",
            known.mend if known else "Set GOPROXY to a module proxy that this machine reaches",
        )


_STEPS: Dict[str, str] = {
    "go.mod": "go.mod cannot be read",
    "modules": "the modules cannot be listed",
    "packages": "the packages cannot be listed",
    "tidy": "go.mod or go.sum is not what `go mod tidy` makes of it",
    "verify": "modules in the cache are not what go.sum says",
    "vendor": "the vendor folder is not what go.mod says",
}
_MENDS: Dict[str, str] = {
    "tidy": "Run `go mod tidy`, look at what it changes, and commit it",
    "verify": "`go clean -modcache`, and build again",
    "vendor": "Run `go mod vendor`, and commit the folder",
}


def _steps(project: Project) -> Iterator[Finding]:
    for step, problem in _STEPS.items():
        identifier = "go-" + step.replace(".", "-")
        if step in project.done:
            if step in _MENDS:
                yield passed(identifier, project.source, f"`go mod {step}` has nothing to say")
        elif step in project.failures:
            output = project.failures[step]
            differs = step == "tidy" and "diff " in output
            known = None if differs else explain(output, project.source, project.environment)
            severity = Severity.WARNING if differs else Severity.ERROR
            told = known.problem.rstrip(".") if known else f"{problem}:\n{first_lines(output)}"
            mend = known.mend if known else _MENDS.get(step, "Run the command by hand in that folder: `go list -m all`")
            yield Finding(identifier, severity, project.source, told, _WHY_PIN, mend)


def _replacements(project: Project) -> Iterator[Finding]:
    for module in project.modules:
        if not module.replaced_by or module.replaced_by == module.path:
            continue
        if module.replaced_by.startswith((".", "/")):
            yield _warning(
                "go-replace",
                project,
                f"{module.path} is replaced by the folder {module.replaced_by}",
                "Good for debugging; who builds elsewhere, or requires this module, does not have the folder.",
                "Take the replace out before a release, or use a go.work that is not committed",
            )
        else:
            yield _warning(
                "go-fork",
                project,
                f"{module.path} is replaced by {module.replaced_by} {module.replaced_version}",
                "A fork gets no releases of the original, and nobody checks what it changes.",
                f"Require a release of {module.path}, and remove the replace",
            )


def _kubernetes(project: Project) -> Iterator[Finding]:
    paths = {f"k8s.io/{name}" for name in _KUBERNETES}
    versions = {each.path: each.replaced_version or each.version for each in project.modules if each.path in paths}
    if len({version.rpartition(".")[0] for version in versions.values()}) > 1:
        told = ", ".join(f"{path} {version}" for path, version in versions.items())
        yield _warning(
            "go-kubernetes-versions",
            project,
            f"modules of several releases of Kubernetes in one build: {told}",
            "They are released together and use each other's internals; mixtures do not compile, or fail at run time.",
            "`go get` all of them in the same v0.MINOR.PATCH",
        )


def _sdk(project: Project) -> Iterator[Finding]:
    copies = [module for module in project.modules if module.path in (SDK, *_SDK_COPIES)]
    if len(copies) > 1:
        yield _error(
            "smi-sdk-copies",
            project,
            "the SMI SDK is there several times: " + ", ".join(f"{copy.path} {copy.version}" for copy in copies),
            "Their types have the same names and are not the same, and both register the same kinds.",
            f"Import {SDK} everywhere; `go mod why -m {copies[-1].path}` tells who asks for the other",
        )
    for copy in copies:
        yield _sdk_version(project, copy)


def _sdk_version(project: Project, sdk: Required) -> Finding:
    version = sdk.replaced_version or sdk.version
    if sdk.path == SDK and version == SDK_VERSION:
        return passed("smi-sdk-version", SDK, f"{version}, the last release")
    what = "no release" if _PSEUDO.search(version) else "not the last release"
    return _warning(
        "smi-sdk-version",
        project,
        f"{sdk.path} {version} is {what}",
        f"{SDK} {SDK_VERSION} has every version of the SMI APIs; the project is archived, and nothing comes after it.",
        f"`go get {SDK}@{SDK_VERSION}`",
    )


def used_apis(imports: Set[str]) -> Dict[str, List[str]]:
    """The versions of the SMI APIs that a project works with, by group: those whose types its packages import."""
    used: Dict[str, Set[str]] = {}
    for path in imports:
        found = _API.search(path)
        if found and any(is_below(path, sdk) for sdk in (SDK, *_SDK_COPIES)):
            used.setdefault(found.group(1), set()).add(found.group(2))
    return {group: sorted(versions) for group, versions in sorted(used.items())}


def _apis(project: Project, served: Mapping[str, Sequence[str]]) -> Iterator[Finding]:
    if not served:
        return
    for group, versions in used_apis(set(project.imports)).items():
        has = served.get(group, ())
        missing = [version for version in versions if version not in has]
        told = f"{group}.smi-spec.io in {', '.join(versions)}"
        if not missing:
            yield passed("smi-sdk-api", project.source, f"works with {told}, which is served")
            continue
        serves = f"served is {', '.join(has)}" if has else "the group is not served"
        yield _error(
            "smi-sdk-api",
            project,
            f"works with {told}, and {serves}",
            _WHY_SDK,
            f"Import {SDK}/pkg/apis/{group}/VERSION of one that is served, or serve {', '.join(missing)} too "
            "(crds_smi_versions)",
        )


def _error(identifier: str, project: Project, message: str, why: str, mend: str) -> Finding:
    return Finding(identifier, Severity.ERROR, project.source, message, why, mend)


def _warning(identifier: str, project: Project, message: str, why: str, mend: str) -> Finding:
    return Finding(identifier, Severity.WARNING, project.source, message, why, mend)
