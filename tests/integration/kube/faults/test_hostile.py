# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile files through the whole call: told with place, in no time, and nothing sent, not even of the good ones."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import DefinitionError

from .proxy import Proxy

BOMB = "\n".join(
    ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    + [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 20)]
)
HEAD = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: bad, namespace: default}\n"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (HEAD + BOMB, "aliases blow the document up"),
        (HEAD + "data: &d {a: b, c: *d}\n", "refers to what it stands in"),
        (HEAD + "data: {a: b}\ndata: {c: d}\n", ':5: YAML error: the key "data" stands twice; first on line 4'),
        (HEAD + "data:\n  a: !!binary aGVsbG8=\n", ":5: YAML error"),
        (HEAD + "data: !!python/object/apply:os.system ['true']\n", ":4: YAML error"),
        (HEAD + "data: !Vault x\n", ":4: YAML error"),
        (HEAD + "data:\n\ta: b\n", ":5: YAML error"),
        (HEAD + "data: {a: '\x00'}\n", ":4: YAML error"),
        (HEAD + "data: " + "[" * 20_000 + "]" * 20_000, "YAML error"),
        (HEAD + "data: {a: b}\n---\n- not an object\n", ":6: expected a Kubernetes object"),
        (HEAD.encode() + b"data: {a: '\xff\xfe'}\n", "is not UTF-8 text"),
        (b"\x7fELF\x02\x01\x01" + bytes(range(256)) * 50, "is not UTF-8 text"),
        ('{"apiVersion": "v1", "kind": "ConfigMap", "kind": "Secret"}', 'the key "kind" stands twice'),
        (HEAD.replace("bad", "../../../secrets/x"), "may not be . or .. nor hold / or %"),
        (HEAD.replace("default", "kube-system/../default"), "is not a namespace name"),
    ],
)
def test_is_refused_before_anything_is_sent(
    run: Any, make: Any, proxy: Proxy, tmp_path: Path, content: Any, told: str
) -> None:
    path = tmp_path / "hostile.yaml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    begin, memory = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(DefinitionError) as caught:
        run(make.config_map("good"), src=[str(path)], connection=proxy.connection)
    assert str(path) in str(caught.value)
    assert told in str(caught.value)
    assert len(str(caught.value)) < 2000
    assert proxy.seen == []
    assert time.process_time() - begin < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 200_000  # kB
