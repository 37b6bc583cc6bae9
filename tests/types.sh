#!/usr/bin/env bash
# types.sh BIN: mypy --strict on module_utils and the benchmarks, by the names that the collection has when it is installed.
set -euo pipefail
cd "$(dirname "$0")/.."
tests/tree.sh .build/types --link
MYPYPATH=.build/types "$1/mypy" --package ansible_collections.servicemesh.platform.plugins.module_utils \
	--package ansible_collections.servicemesh.platform.tests.benchmarks
