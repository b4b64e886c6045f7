#!/bin/sh
# Prints a Python that fastinet supports (3.10 or newer); PYTHON in the environment overrides.
for name in ${PYTHON:-python3 python3.13 python3.12 python3.11 python3.10 python3.14 python}; do
  if "$name" -c 'import sys; sys.exit(sys.version_info < (3, 10))' 2>/dev/null; then
    command -v "$name"
    exit 0
  fi
done
echo "fastinet needs Python 3.10 or newer: apt install python3 / dnf install python3.12 / brew install python; PYTHON=... names one" >&2
exit 1
