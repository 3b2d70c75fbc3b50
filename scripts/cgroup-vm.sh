#!/bin/bash
# Runs the tests of control groups in a small virtual machine, for machines whose own
# cgroup v2 has no memory controller. It needs qemu-system-x86_64 and a Linux kernel:
# the file KERNEL, or the one that apt-get downloads. Emulated; about a minute.
set -euo pipefail
cd "$(dirname "$0")/.."
qemu=${QEMU:-qemu-system-x86_64}
if ! command -v "$qemu" >/dev/null; then
  echo "skipped: there is no $qemu (Debian: apt-get install qemu-system-x86)"
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
kernel=${KERNEL:-}
if [ -z "$kernel" ]; then
  package=$(apt-cache depends linux-image-cloud-amd64 2>/dev/null | awk '/Depends:/ {print $2; exit}')
  if [ -z "$package" ] || ! (cd "$work" && timeout 120 apt-get download -q "$package" >/dev/null 2>&1); then
    echo "skipped: no kernel to download; name one with KERNEL=/boot/vmlinuz"
    exit 0
  fi
  dpkg-deb -x "$work"/linux-image-*.deb "$work/kernel"
  kernel=$(ls "$work"/kernel/boot/vmlinuz-*)
fi
export CGO_ENABLED=0 GOARCH=amd64
"${GO:-go}" test -c -o "$work/test" ./internal/supervisor
"${GO:-go}" build -o "$work/cgroupvm" ./test/cgroupvm
"$work/cgroupvm" "$work/test" "$work/initramfs"
timeout "${VM_TIMEOUT:-170}" "$qemu" -accel tcg -m 1024 -smp 1 -nographic -no-reboot -nodefaults -serial stdio \
  -kernel "$kernel" -initrd "$work/initramfs" \
  -append "console=ttyS0 quiet panic=-1 cgroup_no_v1=all" </dev/null | tr -d '\r' | tee "$work/console"
grep -q '^cgroup-vm: passed$' "$work/console"
