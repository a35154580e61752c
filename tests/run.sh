#!/usr/bin/env bash
# Every test of the project, in order, on a machine that has only a Rust toolchain: formatting, lints,
# unit tests, documentation, dependency rules, behaviour, expressions, corpus, faults, a short measurement.
#   run.sh            everything
#   run.sh STEP...    only these: format lint unit docs deny manifests cases shared image faults bench
# What cannot be done here (a tool that is missing and cannot be installed, ../shared that only the
# project's own machines have) is said and counted as skipped. The last line is the sum.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
shared=${GANGLION_SHARED:-../shared}
passed=0 failed=0 skipped=0 broken=()
work=$(mktemp -d)
services=
ours=
cleanup() { [ -n "$ours" ] && tests/services.sh stop $ours; rm -rf "$work"; }
trap cleanup EXIT
jobs=$(nproc 2>/dev/null || echo 2)

say() { printf '\n== %s\n' "$*"; }
skip() { printf 'LEFT OUT: %s\n' "$*"; skipped=$((skipped + 1)); }
wanted() { [ ${#only[@]} = 0 ] || [[ " ${only[*]} " == *" $1 "* ]]; }

# step NAME COMMAND...: runs a command, shows it, and adds its counts to the sum. A runner tells its own
# counts; anything else counts as one.
step() {
    local name=$1 code p=0 f=0 s=0; shift
    say "$name"
    "$@" 2>&1 | tee "$work/log"
    code=${PIPESTATUS[0]}
    read -r p f s < <(awk '
        /^[0-9]+ passed, [0-9]+ failed, [0-9]+ skipped$/ { p += $1; f += $3; s += $5 }
        /^test result:/ { for (i = 2; i <= NF; i++) { if ($i ~ /^passed/) p += $(i-1); if ($i ~ /^failed/) f += $(i-1); if ($i ~ /^ignored/) s += $(i-1) } }
        END { print p + 0, f + 0, s + 0 }' "$work/log")
    [ $((p + f + s)) = 0 ] && [ "$code" = 0 ] && p=1
    [ "$code" != 0 ] && [ "$f" = 0 ] && f=1
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    [ "$f" = 0 ] || broken+=("$name")
}

have() { command -v "$1" >/dev/null 2>&1; }
root() { if [ "$(id -u)" = 0 ]; then "$@"; elif have sudo; then sudo -n "$@"; else return 1; fi; }
install() { # install PACKAGE...: one try
    have apt-get && root apt-get update -qq && root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}
apt() { # apt PACKAGE...: installs what is missing, three tries
    local i
    have apt-get || return 1
    for i in 1 2 3; do
        install "$@" && return 0
        sleep $((i * 5))
    done
    return 1
}

provision() {
    say "set-up"
    have cargo || { echo "a Rust toolchain is needed: https://rustup.rs"; exit 2; }
    # Without certificates cargo cannot tell the registry from somebody else.
    [ -e /etc/ssl/certs/ca-certificates.crt ] || apt ca-certificates || echo "no certificates: downloads may fail"
    have cc || apt gcc libc6-dev || { echo "a C compiler is needed: apt-get install gcc libc6-dev"; exit 2; }
    have rustup && rustup component add rustfmt clippy >/dev/null 2>&1
    cargo --version
    if wanted bench; then have nginx || apt nginx-light || true; fi
    wanted unit || wanted faults || return 0
    if tests/services.sh status >/dev/null 2>&1; then
        services="pg maria" # somebody's: they are used and left running
    elif tests/services.sh install && tests/services.sh start; then
        services="pg maria" ours="pg maria"
    else
        echo "databases are not there"
    fi
}

# A folder that is no clone, or a machine without git, has its files all the same.
rust_files() { git ls-files '*.rs' 2>/dev/null || find . -path ./target -prune -o -name '*.rs' -print; }
format() { rust_files | xargs -r rustfmt --edition 2024 --check; }
lint() { cargo clippy --quiet --workspace --all-targets -- -D warnings; }
unit() { [ -n "$services" ] && export $(tests/services.sh urls); cargo test --workspace --no-fail-fast; }
docs() { RUSTDOCFLAGS="-D warnings" cargo doc --quiet --workspace --no-deps; }
# Kubernetes' own schemas: the newest ones, and those of the oldest version that knows all keys we use.
validator=target/kubernetes-validate
have_validator() {
    [ -x $validator/bin/kubernetes-validate ] && return 0
    python3 -c 'import ensurepip' 2>/dev/null || apt python3-venv || return 1
    rm -rf $validator
    python3 -m venv $validator && $validator/bin/pip install --quiet kubernetes-validate || { rm -rf $validator; return 1; }
}
schemas() {
    local bad=0
    $validator/bin/kubernetes-validate --strict --no-warn docker/kubernetes/*.yaml || bad=1
    $validator/bin/kubernetes-validate --strict --quiet --kubernetes-version 1.30.0 docker/kubernetes/*.yaml || bad=1
    return $bad
}
conformance() { target/release/conformance "$@"; }

only=("$@")
provision
if wanted format; then if have rustfmt; then step format format; else skip "formatting: no rustfmt in this toolchain"; fi; fi
if wanted lint; then if cargo clippy --version >/dev/null 2>&1; then step lints lint; else skip "lints: no clippy in this toolchain"; fi; fi
if wanted unit; then
    step "unit tests" unit
    [ -n "$services" ] || skip "tests against PostgreSQL and MariaDB: not installed"
fi
wanted docs && step documentation docs
if wanted deny; then if have cargo-deny && [ -e deny.toml ]; then step "dependency rules" cargo deny check; else skip "dependency rules: no cargo-deny"; fi; fi
if wanted manifests; then
    if have_validator; then step "Kubernetes schemas" schemas
    elif have kubeconform; then step "Kubernetes schemas" kubeconform -strict -summary docker/kubernetes/*.yaml
    else skip "Kubernetes schemas: neither kubernetes-validate (PyPI) nor kubeconform can be had"; fi
fi

if wanted cases || wanted shared || wanted bench; then
    step "release build" cargo build --quiet --release --package ganglion --package ganglion-tests --package ganglion-benches
elif wanted image; then
    step "release build" cargo build --quiet --release --bin ganglion
fi
if wanted cases; then
    step "own cases" conformance cases tests/cases --known tests/known/own-cases.txt --jobs $((jobs * 4))
    step "own expressions" conformance expressions tests/expressions.json --known tests/known/own-expressions.txt
fi
if wanted shared; then
    if [ -d "$shared/conformance" ]; then
        step "shared cases" conformance cases "$shared/conformance/cases" --known tests/known/cases.txt --jobs $((jobs * 4))
        step "recorded cases" conformance cases "$shared/conformance/recorded" --known tests/known/recorded.txt --jobs $((jobs * 4))
        step "shared expressions" conformance expressions "$shared/conformance/expressions.json" --known tests/known/expressions.txt
        step "recorded expressions" conformance expressions "$shared/conformance/expressions-recorded.json" --known tests/known/expressions-recorded.txt
        step "corpus" conformance corpus "$shared/corpus" --known tests/known/corpus.txt
    else
        skip "shared cases, expressions and corpus: no $shared beside this clone (own cases above cover the same behaviours)"
    fi
fi
if wanted image; then
    # One try: what an engine needs of the machine is more than a package.
    tests/image.sh engine >/dev/null || install podman runc buildah uidmap
    if engine=$(tests/image.sh engine); then step "container image" tests/image.sh; else skip "container image: $engine"; fi
fi
if wanted faults; then
    if [ -n "$services" ]; then
        step "faults" target/release/faults short
    else
        skip "faults of nodes and databases: PostgreSQL and MariaDB are not installed"
    fi
fi
if wanted bench; then
    if have nginx; then step "bench smoke" target/release/ganglion-benches all --quick; else skip "measuring: no nginx"; fi
fi

say "sum"
[ ${#broken[@]} = 0 ] || printf 'failed in: %s\n' "$(IFS=,; echo "${broken[*]}")"
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
