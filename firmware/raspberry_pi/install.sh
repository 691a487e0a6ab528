#!/bin/sh
# Makes .venv beside this script with the pinned packages, and runs the self-test.
#   ./install.sh            ./install.sh --server: the HTTP endpoint's packages too
# PYTHON=/usr/bin/python3.11 names another interpreter. Wheels in ./wheels are used in place of the network.
# An onnxruntime of this system that has a GPU, as a Jetson's, is used and not hidden by a wheel without one;
# EDGEFORGE_OWN=yes installs the wheel all the same.
set -u
cd "$(dirname "$0")" || exit 1
python=${PYTHON:-python3}
# -I, and scripts in place of -m: no file that lies here is taken for a module of Python's.

fail() { echo "error: $1" >&2; exit 1; }
free_mb() { df -Pk . | awk 'NR == 2 {print int($4 / 1024)}'; }
# Ends as `fail` does, with the disk's name where that is the cause: what was being written may be gone again, and with
# no room for a log it says nothing.
fail_writing() {
  ! grep -qs "No space left" install.log && [ "$(free_mb)" -gt 0 ] || fail "no space left on device: here, or in ${TMPDIR:-/tmp}"
  fail "$1"
}

requirements=
[ "${1:-}" = "--server" ] && requirements="$requirements -r requirements-server.txt"

# One at a time: an installation that a cut connection has left behind would write into the same folder.
command -v flock > /dev/null && exec 9< . && flock 9

command -v "$python" > /dev/null || fail "no $python here: sudo apt install python3 python3-venv"
ask_version='import sys; print("%d.%d" % sys.version_info[:2])'
version=$("$python" -I -c "$ask_version")
case $version in
  3.9 | 3.10 | 3.11 | 3.12 | 3.13 | 3.14) ;;
  *) fail "$python is Python $version: the packages are pinned for 3.9 to 3.14; name one with PYTHON=..." ;;
esac
# A 64-bit kernel often runs a 32-bit Raspberry Pi OS: ask Python, not uname.
bits=$("$python" -I -c 'import struct; print(struct.calcsize("P") * 8)')
machine=$(uname -m)
case $machine-$bits in
  aarch64-64 | x86_64-64) ;;
  *) fail "$machine with a $bits-bit Python: onnxruntime and LiteRT have wheels for 64-bit systems only; install the 64-bit Raspberry Pi OS" ;;
esac
# The features of sound are C code, the desk's own, and compiled here.
[ ! -f requirements-sound.txt ] || command -v cc > /dev/null || command -v gcc > /dev/null || command -v clang > /dev/null ||
  fail "features of sound are compiled here, and there is no C compiler: sudo apt install gcc"
# In .venv as long as it is whole: one that was cut off while it was made, or while pip was at work, is made anew.
whole=.venv/.edgeforge-whole
if [ ! -f "$whole" ] || [ "$(.venv/bin/python -I -c "$ask_version" 2> /dev/null)" != "$version" ]; then
  # Only what this script has made is removed: a .venv with the marker in it, and no link. The marker goes last.
  rmdir .venv 2> /dev/null  # cut off before it was marked
  if [ -e .venv ] || [ -L .venv ]; then
    [ -f .venv/.edgeforge-made ] && [ ! -L .venv ] || fail "the .venv here was not made by this script: move it away"
    find .venv -mindepth 1 ! -path .venv/.edgeforge-made -delete && rm -rf .venv
  fi
  free=$(free_mb)
  [ "$free" -ge "${EDGEFORGE_NEEDED_MB:-400}" ] || fail "no space left: $free MB are free here, ${EDGEFORGE_NEEDED_MB:-400} MB are needed"
  # --system-site-packages: picamera2 comes with apt, not with pip.
  mkdir .venv && : > .venv/.edgeforge-made || fail_writing "$(pwd) cannot be written"
  "$python" -I -m venv --system-site-packages .venv > install.log 2>&1 || {
    said=$(fail_writing "$python cannot make a virtual environment: sudo apt install python3-venv ($(tail -n 1 install.log))" 2>&1)
    rm -rf .venv
    fail "${said#error: }"
  }
fi
# What the system itself has, and what was installed there for this user: asked in a folder without modules of ours.
ask_gpu='
import sys
try:
    import onnxruntime, numpy
    names = [name for name in ("Tensorrt", "CUDA") if name + "ExecutionProvider" in onnxruntime.get_available_providers()]
    print("onnxruntime", onnxruntime.__version__, "with", " and ".join(names)) if names else None
except Exception:
    pass
'
gpu=
[ -f requirements-onnxruntime.txt ] && [ "${EDGEFORGE_OWN:-no}" != yes ] && gpu=$(cd / && "$python" -c "$ask_gpu" 2> /dev/null | tail -n 1)
if [ -n "$gpu" ]; then
  echo "this system has $gpu: it is used as it is, and its numpy"
  # An onnxruntime of an earlier install would hide it.
  for hiding in .venv/lib/python*/site-packages/onnxruntime .venv/lib/python*/site-packages/onnxruntime-*.dist-info; do
    [ -e "$hiding" ] && rm -r "$hiding"
  done
else
  requirements="$requirements -r requirements.txt"
  [ -f requirements-onnxruntime.txt ] && requirements="$requirements -r requirements-onnxruntime.txt"
fi
requirements="$requirements -r requirements-images.txt"
[ -f requirements-litert.txt ] && requirements="$requirements -r requirements-litert.txt"
[ -f requirements-sound.txt ] && requirements="$requirements -r requirements-sound.txt"
from=
[ -d wheels ] && from="--no-index --find-links wheels"
# shellcheck disable=SC2086
rm -f "$whole"
.venv/bin/python .venv/bin/pip install --only-binary=:all: --disable-pip-version-check $from $requirements > install.log 2>&1
code=$?
: > "$whole"  # pip has ended by itself
[ $code -eq 0 ] ||
  fail_writing "pip cannot install the packages: $(grep -i error install.log | tail -n 1) (see install.log)"
exec .venv/bin/python selftest.py 9<&-
