#!/usr/bin/env bash
# Installs what the firmware tests need: compilers for this host and for Cortex-M, and QEMU; and what the tests of the
# report's page need: Chromium, and axe-core by npm into build/test-tools. Quick when all is there.
# Without root, apt-get or a network it says so and ends well: those tests are then skipped, with the reason.
set -uo pipefail
cd "$(dirname "$0")/.."

tools=build/test-tools
install_axe() {
  if [ ! -f "$tools/node_modules/axe-core/axe.min.js" ] && command -v npm > /dev/null; then
    npm install --silent --no-audit --no-fund --prefix "$tools" axe-core@4.14.1 > /dev/null ||
      echo "npm failed: the check of the page's accessibility is skipped without axe-core"
  fi
}

missing=()
for program in g++ clang arm-none-eabi-g++ qemu-system-arm chromium npm pg_ctlcluster; do
  command -v "$program" > /dev/null || missing+=("$program")
done
if [ "${#missing[@]}" -eq 0 ]; then
  install_axe
  exit 0
fi

packages="g++ gcc-arm-none-eabi libnewlib-arm-none-eabi libstdc++-arm-none-eabi-newlib qemu-system-arm chromium npm postgresql"
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get > /dev/null; then
  echo "Not installed: ${missing[*]}. Tests that need them are skipped without them: sudo apt-get install $packages"
  install_axe
  exit 0
fi
echo "Installing ${missing[*]} for the tests (about two minutes)"
export DEBIAN_FRONTEND=noninteractive
# shellcheck disable=SC2086
if ! { apt-get update -qq && apt-get install -qq -y --no-install-recommends $packages > /dev/null; }; then
  echo "apt-get failed: tests that need ${missing[*]} are skipped"
fi
# libFuzzer for tests/hostile; a Debian with another clang has its runtime under that one's number.
if ! { apt-get install -qq -y --no-install-recommends clang libclang-rt-14-dev > /dev/null; }; then
  echo "No libFuzzer: the fuzzers are skipped without it"
fi
install_axe
exit 0
