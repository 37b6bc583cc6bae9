# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Very many objects in one file."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.kube.errors import ApplyFailed

from ..integration.kube.faults.test_bad_object import write_manifest


def test_ten_thousand_objects_in_one_file(run: Any, make: Any, live: Any, applyset: Any, tmp_path: Path) -> None:
    number = 10_000
    path = tmp_path / "objects.yaml"
    text = "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: o{0:05}, namespace: {1}}}\ndata: {{a: '{0}'}}\n"
    path.write_text("".join(text.format(index, make.namespace) for index in range(number)))
    assert Counter(change.action for change in run(src=[str(path)], applyset=applyset).changes) == {"created": number}
    assert len(live.names("configmap", make.namespace)) == number
    assert Counter(change.action for change in run(src=[str(path)], applyset=applyset).changes) == {"unchanged": number}
    removed = run(definitions=None, applyset=applyset, absent=True)
    assert Counter(change.action for change in removed.changes) == {"deleted": number}


def test_one_bad_object_out_of_three_thousand(run: Any, make: Any, live: Any, applyset: Any, tmp_path: Path) -> None:
    number, bad = 3000, 2017
    path, line = write_manifest(tmp_path, make.namespace, number, bad)
    place = f"Service {make.namespace}/o{bad:05} ({path}:{line}): "
    for dry_run, expected in ((True, 0), (False, number - 1)):
        with pytest.raises(ApplyFailed) as caught:
            run(src=[str(path)], applyset=applyset, dry_run=dry_run)
        (failure,) = caught.value.failures
        assert failure.startswith(place)
        assert len(caught.value.done) == number - 1
        assert len(live.names("configmap,service", make.namespace)) == expected
