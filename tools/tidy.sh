#!/bin/sh
# Runs clang-tidy over the C++ that differs from the main branch, or over all: tools/tidy.sh [all]
# It reads build/release/compile_commands.json; as many run at once as there are CPUs.
cd "$(dirname "$0")/.." || exit 1
if [ "${1:-}" = all ]; then
  files=$(find csrc -name '*.cc')
else
  base=$(git merge-base HEAD origin/main 2>/dev/null || git merge-base HEAD main 2>/dev/null || echo HEAD)
  files=$({ git diff --name-only --diff-filter=d "$base" -- csrc
            git ls-files --others --exclude-standard csrc; } | grep -E '\.(cc|h)$')
fi
test -z "$files" && exit 0
cpus=$(getconf _NPROCESSORS_ONLN)
echo "$files" | xargs -n 1 -P "$cpus" .venv/bin/clang-tidy -p build/release --quiet
