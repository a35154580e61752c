#!/usr/bin/env bash
# try.sh [hello|orders|transform]: installs a C compiler if there is none, builds, and serves an example
# on http://localhost:8290. End it with Ctrl-C.
set -eu
cd "$(dirname "$0")/.."
if ! command -v cc >/dev/null; then
    run() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }
    run apt-get update -qq && run apt-get install -y -qq --no-install-recommends build-essential >/dev/null
fi
cargo build --release --bin ganglion
exec target/release/ganglion run "tests/examples/${1:-hello}"
