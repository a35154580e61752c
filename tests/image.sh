#!/usr/bin/env bash
# The container image: builds the last stage of docker/Dockerfile around a binary made here, starts it the
# way the manifests do (no root, read-only, no capabilities), asks it, ends it, and removes what it made.
#   image.sh            the binary is target/release/ganglion, or what GANGLION names
#   image.sh engine     says which container engine works here; exit code 1 and the reason when none does
# Its first stage compiles in an image that must be pulled; here its result comes from docker/collect.sh,
# under the name of that stage, so the text of the last stage is the one that is tried.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
binary=${GANGLION:-target/release/ganglion}
work=$(mktemp -d)
name=ganglion-test-$$
engine=()
passed=0 failed=0

# Storage of its own, so that nothing of the machine's engine is touched. vfs, runc and cgroupfs work
# inside containers and without a service manager.
podman_here() { podman --root "$work/storage" --runroot "$work/run" --storage-driver vfs --cgroup-manager cgroupfs --runtime runc "$@"; }
choose_engine() {
    if command -v docker >/dev/null && docker info >/dev/null 2>&1 && ! docker info 2>/dev/null | grep -q podman; then engine=(docker); return 0; fi
    command -v podman >/dev/null && command -v runc >/dev/null || { echo "neither a docker daemon nor podman with runc"; return 1; }
    podman_here info >"$work/info" 2>&1 || { echo "podman does not work here: $(tail -n 1 "$work/info")"; return 1; }
    engine=(podman_here)
}
finish() {
    if [ ${#engine[@]} != 0 ]; then
        "${engine[@]}" rm --force "$name" >/dev/null 2>&1
        "${engine[@]}" rmi --force "$name" >/dev/null 2>&1
    fi
    rm -rf "$work"
}
trap finish EXIT

check() { # check WHAT COMMAND...
    local what=$1; shift
    if "$@"; then passed=$((passed + 1)); echo "ok      $what"; else failed=$((failed + 1)); echo "FAILED  $what"; fi
}
# ask PORT PATH: the answer, status line first. No curl: this is all that is needed.
ask() {
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n' "$2" >&3
    timeout 5 cat <&3; exec 3>&-
} 2>/dev/null
answers() { ask "$1" "$2" | tr -d '\r' | awk -v want="$3" 'NR == 1 && $2 != 200 { exit 1 } index($0, want) { found = 1 } END { exit !found }'; }
free_offset() {
    local n
    for n in $(seq $((11000 + $$ % 5000)) 97 30000); do
        ask $((8280 + n)) / >/dev/null || ask $((9191 + n)) / >/dev/null || { echo "$n"; return 0; }
    done
    return 1
}

build() {
    sh docker/collect.sh "$binary" "$work/rootfs/out" || return 1
    mkdir "$work/context"
    local options=(); [ "${engine[0]}" = docker ] || options=(--isolation chroot)
    "${engine[@]}" build "${options[@]}" --build-context "build=$work/rootfs" -f docker/Dockerfile -t "$name" "$work/context"
}
# start OPTIONS...: the container, with what a pod's securityContext says.
start() {
    # Without limits of our own the engine raises them, which a container may not do.
    "${engine[@]}" run --detach --name "$name" --network host --read-only --cap-drop ALL \
        --security-opt no-new-privileges --ulimit nofile=1024:1024 --ulimit nproc=1000:1000 \
        --volume "$PWD/tests/examples/hello:/artifacts:ro" "$@" "$name" run /artifacts --port-offset "$offset" >/dev/null
}
state() { "${engine[@]}" inspect --format "{{.State.$1}}" "$name"; }
healthy() {
    local i
    for i in $(seq 100); do
        answers $((9191 + offset)) /healthz '"ready"' && return 0
        [ "$(state Running)" = true ] || break
        sleep .1
    done
    "${engine[@]}" logs "$name" | tail -n 20; return 1
}
status_is() { grep -Eq "^$1:[[:space:]]+$2" "/proc/$(state Pid)/status"; }
mounted_read_only() { awk -v at="$1" '$5 == at { found = $6 ~ /(^|,)ro(,|$)/ } END { exit !found }' "/proc/$(state Pid)/mountinfo"; }
ends_in_order() { # SIGTERM; the engine kills after 30 s, which is exit code 137
    "${engine[@]}" stop --time 30 "$name" >/dev/null && [ "$(state ExitCode)" = 0 ]
}
nothing_but() { # files of the image that are neither the binary nor a library nor one of the few others
    local others
    others=$(cd "$work/rootfs/out" && find . -type f ! -name '*.so*' | sort | tr '\n' ' ')
    [ "${others/.\/etc\/ssl\/certs\/ca-certificates.crt /}" = "./etc/nsswitch.conf ./etc/passwd ./usr/bin/ganglion " ] || { echo "the image holds $others"; return 1; }
}

choose_engine || exit 1
[ "${1:-}" = engine ] && { echo "${engine[0]%_here}"; exit 0; }
[ -x "$binary" ] || { echo "$binary does not exist: cargo build --release --bin ganglion"; exit 2; }
offset=$(free_offset) || exit 2

check "the last stage is built" build
[ "$failed" = 0 ] || { echo "$passed passed, $failed failed, 0 skipped"; exit 1; }
check "it holds the binary, libraries, certificates and nothing else" nothing_but
check "it starts read-only and without capabilities" start
check "/healthz answers within 10 s" healthy
check "the API of the example answers" answers $((8280 + offset)) /hello/Ada '"Ada"'
check "it runs as user and group 10802" status_is Uid $'10802\t10802\t10802\t10802'
check "the group is 10802" status_is Gid $'10802\t10802\t10802\t10802'
check "it has no capabilities" status_is CapEff 0000000000000000
check "it cannot gain privileges" status_is NoNewPrivs 1
check "the root file system is read-only" mounted_read_only /
check "the artifacts are read-only" mounted_read_only /artifacts
check "SIGTERM ends it with exit code 0" ends_in_order
"${engine[@]}" rm --force "$name" >/dev/null 2>&1
check "any other user can run it" start --user 54321:54321
check "/healthz answers for that user too" healthy
check "it is that user" status_is Uid $'54321\t54321\t54321\t54321'
check "SIGTERM ends that one too" ends_in_order
echo "size: $("${engine[@]}" image inspect --format '{{.Size}}' "$name" | awk '{ printf "%.1f MB", $1 / 1e6 }') (binary $(stat -c %s "$binary" | awk '{ printf "%.1f MB", $1 / 1e6 }')), engine ${engine[0]%_here}"
echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
