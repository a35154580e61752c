#!/usr/bin/env bash
# try.sh [hello|orders|transform]: installs what a bare Debian lacks, builds, and serves an example on
# http://localhost:8290. End it with Ctrl-C.
set -eu
cd "$(dirname "$0")/.."
has() { command -v "$1" >/dev/null; }
has cargo || { echo "a Rust toolchain is needed: https://rustup.rs"; exit 2; }
missing=()
has cc || missing+=(gcc libc6-dev)
# cargo holds the registry's certificate against the machine's.
! has apt-get || [ -e /etc/ssl/certs/ca-certificates.crt ] || missing+=(ca-certificates)
if [ ${#missing[@]} != 0 ]; then
    echo "installing ${missing[*]}"
    root=(); [ "$(id -u)" = 0 ] || root=(sudo)
    { "${root[@]}" apt-get update -qq && "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } ||
        { echo "please install a C compiler and certificates (Debian: ${missing[*]}), then try again"; exit 2; }
fi
cargo build --release --bin ganglion
exec target/release/ganglion run "tests/examples/${1:-hello}"
