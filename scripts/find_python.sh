#!/bin/sh
# Prints an interpreter of a version, such as 3.12, that runs and can make environments; nothing where there is none.
# That one is on the PATH is not enough: pyenv's shims are there and fail until a version is chosen.
for python in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1"*/bin/python python3 python; do
  found="$(command -v "$python")" || continue
  # A build without the global lock has a t in its flags; no wheels are made for it.
  if "$found" -c "
import ensurepip, sys, venv
sys.exit('%d.%d' % sys.version_info[:2] != '$1' or 't' in sys.abiflags)" 2> /dev/null; then
    echo "$found"
    exit
  fi
done
