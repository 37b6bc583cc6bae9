# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the charts of Istio come from: a folder that has all of them, or a place for each."""

from __future__ import annotations

import json
import os
from difflib import get_close_matches
from typing import Any, Dict, Iterator, List, Mapping, Sequence

from ansible_collections.servicemesh.platform.plugins.module_utils.charts import source
from ansible_collections.servicemesh.platform.plugins.module_utils.variables.model import Problem

FOLDERS: Mapping[str, str] = {
    "base": "base",
    "istiod": "istio-control/istio-discovery",
    "gateway": "gateway",
    "cni": "istio-cni",
}
"""Chart -> where it stands in ``manifests/charts`` of a release."""


def parsed(written: Any) -> Any:
    """A mapping that arrived as text, as surveys send it, as the mapping; all else as it is."""
    if not (isinstance(written, str) and written.lstrip().startswith("{")):
        return written
    try:
        return json.loads(written)
    except ValueError:
        return written


def problems(path: str, written: Any, wanted: Sequence[str]) -> Iterator[Problem]:
    """What is wrong with the places of the charts. wanted: those that are needed."""
    if isinstance(written, str):
        if written.lstrip().startswith("{"):
            yield Problem(path, written, "as text it must be the path of a folder, or a mapping in JSON")
        return
    if not isinstance(written, Mapping):
        yield Problem(path, written, "write a folder, or a mapping with a place for each chart")
        return
    for name, entry in written.items():
        if name not in FOLDERS:
            near = get_close_matches(str(name), FOLDERS, n=1)
            hint = f"did you mean {near[0]}?" if near else f"known are {', '.join(FOLDERS)}"
            yield Problem(f"{path}.{name}", "set", f"no such chart; {hint}")
        else:
            yield from source.problems(f"{path}.{name}", entry)
    for name in wanted:
        if written and name not in written:
            yield Problem(f"{path}.{name}", None, "name it too: charts of one release belong together")


def entries(written: Any, wanted: Sequence[str]) -> Dict[str, Dict[str, str]]:
    """The place of each chart that is needed; without any written ones folders in ``manifests/charts`` of a release."""
    if written and isinstance(written, Mapping):
        return {name: source.as_entry(source.source(written[name], name)) for name in wanted}
    root = os.path.abspath(os.path.expanduser(written)) if written else ""
    return {name: {source.FOLDER: os.path.join(root, FOLDERS[name])} for name in wanted}


def asks_registry(places: Mapping[str, Mapping[str, str]]) -> bool:
    """Whether any of the charts is in a registry."""
    return any(source.OCI in place for place in places.values())


def hosts(places: Mapping[str, Mapping[str, str]]) -> List[str]:
    """The hosts that are asked for charts."""
    return sorted({host for host in (source.source(place).host for place in places.values()) if host})
