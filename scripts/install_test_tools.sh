#!/usr/bin/env bash
# Installs what the firmware tests need: compilers for this host and for Cortex-M, and QEMU. Quick when all is there.
# Without root, apt-get or a network it says so and ends well: those tests are then skipped, with the reason.
set -uo pipefail

missing=()
for program in g++ clang arm-none-eabi-g++ qemu-system-arm; do
  command -v "$program" > /dev/null || missing+=("$program")
done
if [ "${#missing[@]}" -eq 0 ]; then
  exit 0
fi

packages="g++ gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib qemu-system-arm"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
  echo "Not installed: ${missing[*]}. Firmware tests are skipped without them: sudo apt-get install $packages"
  exit 0
fi
echo "Installing ${missing[*]} for the firmware tests (about two minutes)"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends $packages > /dev/null; }; then
  echo "apt-get failed: firmware tests are skipped without ${missing[*]}"
fi
# libFuzzer for tests/hostile; a Debian with another clang has its runtime under that one's number.
if ! { apt-get install -qq -y --no-install-recommends clang libclang-rt-14-dev > /dev/null; }; then
  echo "No libFuzzer: the fuzzers are skipped without it"
fi
exit 0
