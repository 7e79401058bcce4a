#!/usr/bin/env bash
# Rebuilds the sample services from Debian's source packages: libsodium 1.0.18 (C) and the qrcode crate (Rust).
# Needs the packages that the head of each script in build/scripts/ names, and about five minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
export ROOT=$here/build
for step in 00-sources 10-libsodium 20-qrcode; do
  case $step in 00-sources) set -- libsodium ;; *) set -- ;; esac
  bash "$ROOT/scripts/$step.sh" "$@"
done
for service in encrypt decrypt random invert bin2base64 qr_str qr_img; do
  install -m 644 "$ROOT/out/paper/$service.command.wasm" "$here/$service.wasm"
  install -m 644 "$ROOT/out/paper/$service.reactor.wasm" "$here/$service.reactor.wasm"
done
