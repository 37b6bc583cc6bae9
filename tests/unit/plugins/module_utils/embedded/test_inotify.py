# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Room among the inotify instances."""

from __future__ import annotations

import ctypes
import os

import pytest
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded import inotify
from ansible_collections.servicemesh.platform.plugins.module_utils.embedded.errors import EmbeddedError


def test_an_instance_counts_while_it_is_open() -> None:
    before = inotify._used()
    descriptor = ctypes.CDLL(None).inotify_init()
    assert inotify._used_by(inotify.Path("/proc/self")) >= 1
    os.close(descriptor)
    assert inotify._used() <= before + 1


def test_more_nodes_than_there_is_room_for_name_the_setting() -> None:
    with pytest.raises(EmbeddedError, match=r"100000 nodes need 1000000; .* sysctl -w fs.inotify.max_user_instances="):
        inotify.check_room(100_000)
    inotify.check_room(0)
