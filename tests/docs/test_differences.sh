#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# docs/differences.md says what docs/differences.tsv says.
echo 1..1
if docs/differences.sh | cmp -s - docs/differences.md; then
    echo "ok 1 - differences.md is rendered from differences.tsv"
else
    echo "not ok 1 - differences.md is rendered from differences.tsv"
    echo "# run: docs/differences.sh > docs/differences.md"
    exit 1
fi
