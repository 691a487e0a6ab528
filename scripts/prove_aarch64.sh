#!/usr/bin/env bash
# Installs a Raspberry Pi bundle in an emulated aarch64 Debian, and runs its self-test and bench there.
#
#   sudo [BENCH=no] scripts/prove_aarch64.sh build/mnist/raspberry-pi/mnist.tar.gz [bookworm|bullseye|trixie] [WORK]
#
# Needs root, Debian's qemu-user-static and debootstrap, and pip. WORK (default /var/tmp/edgeforge-aarch64) keeps the
# arm64 root, so that a second proof takes a minute.
set -euo pipefail

bundle=$(realpath "${1:?usage: prove_aarch64.sh BUNDLE.tar.gz [RELEASE] [WORK]}")
release=${2:-bookworm}
work=${3:-/var/tmp/edgeforge-aarch64}
root=$work/$release
python=${PYTHON:-python3}
declare -A pythons=([bullseye]=3.9 [bookworm]=3.11 [trixie]=3.13)
version=${pythons[$release]:?unknown release $release}
binfmt=/proc/sys/fs/binfmt_misc

for program in debootstrap qemu-aarch64-static; do
  command -v "$program" > /dev/null || { echo "error: apt-get install qemu-user-static debootstrap" >&2; exit 3; }
done
[ "$(id -u)" = 0 ] || { echo "error: a chroot needs root" >&2; exit 3; }

# The kernel hands aarch64 programs to QEMU while this script runs, unless it does so already.
[ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt
if ! grep -qs '^magic 7f454c460201010000000000000000000200b700' $binfmt/*; then
  name=edgeforge-aarch64-$$
  magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
  mask='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
  echo ":$name:M::$magic:$mask:$(command -v qemu-aarch64-static):F" > $binfmt/register
fi
leave() {
  umount "$root/proc" "$root/sys" 2> /dev/null || true
  [ -z "${name:-}" ] || echo -1 > "$binfmt/$name"
}
trap leave EXIT

if [ ! -e "$root/.made" ]; then
  "$(dirname "$0")/remove_made.sh" "$root"
  mkdir -p "$root" && touch "$root/.edgeforge-made"
  debootstrap --arch=arm64 --variant=minbase --include=python3,python3-venv --foreign "$release" "$root" > "$work/debootstrap.log"
  chroot "$root" /debootstrap/debootstrap --second-stage >> "$work/debootstrap.log"
  touch "$root/.made"
fi

# onnxruntime reads the processors' number from /sys, and ends without it.
mountpoint -q "$root/proc" || mount -t proc proc "$root/proc"
mountpoint -q "$root/sys" || mount --bind -o ro /sys "$root/sys"

# aarch64 wheels of the pinned versions, from the registry; nothing is fetched inside the root.
home=$root/root
mkdir -p "$home/bundle"
find "$home/bundle" -mindepth 1 -maxdepth 1 ! -name .venv -exec rm -rf {} +
tar -xzf "$bundle" -C "$home/bundle" --strip-components=1
platforms=(--platform manylinux2014_aarch64 --platform manylinux_2_17_aarch64 --platform manylinux_2_27_aarch64
  --platform manylinux_2_28_aarch64)
"$python" "$(dirname "$0")/check_wheels.py" --pins "$version" > "$work/pins.txt"
"$python" -m pip download -q --only-binary=:all: "${platforms[@]}" --python-version "$version" --implementation cp \
  -r "$work/pins.txt" -d "$home/bundle/wheels" 2> "$work/pip.log" || { cat "$work/pip.log" >&2; exit 4; }

inside() { chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/bin:/bin:/usr/sbin:/sbin LC_ALL=C.UTF-8 sh -c "cd /root/bundle && $1"; }
echo "# $(basename "$bundle") on an emulated aarch64, Debian $release"
echo "\$ uname -m; python3 --version"
inside 'uname -m; python3 --version'
echo "\$ ls wheels"
inside 'ls wheels'
echo "\$ ./install.sh"
inside './install.sh 2>&1'
echo "\$ .venv/bin/python selftest.py --json"
inside '.venv/bin/python selftest.py --json'
echo "\$ .venv/bin/python run.py --json samples"
inside '.venv/bin/python run.py --json samples 2>&1'
[ "${BENCH:-yes}" = no ] && exit
echo "\$ .venv/bin/python bench.py --runs 20 --warmup 2 --choose   (emulated: these latencies say nothing of a device)"
inside '.venv/bin/python bench.py --runs 20 --warmup 2 --choose'
