#!/usr/bin/env bash
# cluster.sh: three nodes on SQLite share one task that ticks every second; the owner is killed, and the
# gap until another node ticks is printed. Ends by itself after about twenty seconds.
set -eu
cd "$(dirname "$0")/.."
binary=${GANGLION:-target/release/ganglion}
[ -x "$binary" ] || { cargo build --release --bin ganglion; }
work=$(mktemp -d); pids=()
finish() { for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done; wait 2>/dev/null || true; rm -rf "$work"; }
trap finish EXIT
mkdir -p "$work/tasks" "$work/sequences"
cat > "$work/tasks/tick.xml" <<'X'
<task xmlns="http://ws.apache.org/ns/synapse" name="Tick" class="org.apache.synapse.startup.tasks.MessageInjector" group="synapse.simple.quartz">
  <trigger interval="1"/>
  <property name="injectTo" value="sequence"/><property name="sequenceName" value="Tick"/>
  <property name="message"><tick xmlns=""/></property>
</task>
X
cat > "$work/sequences/Tick.xml" <<'X'
<sequence xmlns="http://ws.apache.org/ns/synapse" name="Tick">
  <log level="custom"><property name="tick of epoch" expression="get-property('coordination.epoch')"/></log>
</sequence>
X
for n in 1 2 3; do
    printf '[coordination]\nurl = "sqlite:%s/group.db"\nprofile = "fast"\nnode_id = "node-%s"\n' "$work" "$n" > "$work/node-$n.toml"
    "$binary" run "$work" --config "$work/node-$n.toml" --port-offset $((3000 + n * 10)) > "$work/node-$n.log" 2>&1 &
    pids+=($!)
done
owner() { grep -l 'tick of epoch' "$work"/node-*.log | head -n 1; }
for _ in $(seq 100); do [ -n "$(owner || true)" ] && break; sleep 0.1; done
log=$(owner) || { echo "no node ticked within 10 s"; tail -n 5 "$work"/node-*.log; exit 1; }
n=${log##*node-}; n=${n%.log}
echo "node-$n owns the task:"; tail -n 1 "$log"
sleep 3
last=$(date +%s%N); kill -9 "${pids[$((n - 1))]}"
echo "node-$n is killed (kill -9)"
for _ in $(seq 200); do
    next=$(grep -l 'tick of epoch' "$work"/node-*.log | grep -v "node-$n.log" | head -n 1 || true)
    [ -n "$next" ] && break
    sleep 0.02
done
[ -n "$next" ] || { echo "no other node took over within 4 s"; exit 1; }
gap=$((($(date +%s%N) - last) / 1000000))
m=${next##*node-}; m=${m%.log}
echo "node-$m took over:"; grep 'tick of epoch' "$next" | head -n 1
echo "gap from the kill to the first tick elsewhere: $gap ms"
