# Copyright (c) 2026 The servicemesh.platform authors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choose the components of a run."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any, Callable

from ansible.errors import AnsibleFilterError

DOCUMENTATION = r"""
name: site_components
short_description: The components of a run, checked and in the order in which they build on one another
version_added: 0.1.0
author: The servicemesh.platform authors (@servicemesh)
description:
  - Takes the components that were asked for, as a list or as text with commas, and returns those in the order of
    all components.
  - Nothing asked for (an undefined list, or the empty text of a survey) means all.
positional: known
options:
  _input:
    description: The components asked for.
    type: raw
    required: true
  known:
    description: All components in the order in which they build on one another.
    type: list
    elements: str
    required: true
"""

EXAMPLES = r"""
# -> ['cluster', 'crds']
components: "{{ 'crds,cluster' | servicemesh.platform.site_components(['cluster', 'crds', 'tenancy']) }}"
"""

RETURN = r"""
_value:
  description: Names of components.
  type: list
  elements: str
"""


def site_components(asked: Any, known: list[str]) -> list[str]:
    """See DOCUMENTATION."""
    names = asked.replace(",", " ").split() if isinstance(asked, str) else list(asked or [])
    for name in names:
        if name not in known:
            near = get_close_matches(str(name), known, n=1)
            hint = f"did you mean {near[0]}?" if near else "take some of these."
            raise AnsibleFilterError(
                f"site_components: there is no component {name!r}; {hint} Known: {', '.join(known)}"
            )
    return [name for name in known if name in names or not names]


class FilterModule:
    """The filters of this file."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Filters by name."""
        return {"site_components": site_components}
