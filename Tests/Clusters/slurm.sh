#!/usr/bin/env bash
# The scripts of docs/scale on a real Slurm: munged, slurmctld and two slurmd that are two nodes, all in one temporary
# folder on this machine, started and ended here.
#   slurm.sh INGOT CHECKPOINT
# CHECKPOINT has eight shards or more, of 50 MB at least: a worker has to be caught at its work. Needs root and Debian's
# packages slurm-wlm and munge. Prints a PASS or FAIL line for each claim; exit 1 on any FAIL, 77 with one line
# "skipped: …" where this cannot run.
# shellcheck disable=SC2317 # traps and until_true call functions
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
scripts=$(cd "$here/../../docs/scale" && pwd)

skip() { echo "skipped: $1"; exit 77; }
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || skip "slurmd and munged of this test need root"
for program in munged mungekey slurmctld slurmd sbatch squeue scontrol; do
    command -v "$program" >/dev/null || skip "no $program here (Debian's packages slurm-wlm and munge)"
done
[ $# = 2 ] || { echo "usage: slurm.sh INGOT CHECKPOINT" >&2; exit 64; }
ingot=$(realpath "$1") source=$(realpath "$2")

work=$(mktemp -d)
daemons=()
finish() {
    scancel --quiet --user root 2>/dev/null
    # A step that is being cancelled must not outlive the daemons it reports to.
    for _ in $(seq 50); do [ -n "$(squeue --noheader --states=running,completing 2>/dev/null)" ] || break; sleep 0.1; done
    for daemon in "${daemons[@]}"; do kill "$daemon" 2>/dev/null; done
    for daemon in "${daemons[@]}"; do
        for _ in $(seq 50); do kill -0 "$daemon" 2>/dev/null || break; sleep 0.1; done
        kill -9 "$daemon" 2>/dev/null
    done
    wait
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

failed=0
verdict() { # status, claim
    if [ "$1" = 0 ]; then echo "PASS $2"; else echo "FAIL $2"; failed=1; fi
}
give_up() {
    echo "FAIL $1"
    tail -n 15 "$work"/*.log "$work"/jobs/*.log 2>/dev/null
    exit 1
}
until_true() { # seconds, command…
    local left=$((10 * $1))
    shift
    until "$@"; do
        left=$((left - 1))
        [ $left -gt 0 ] || return 1
        sleep 0.1
    done
}

# MARK: A cluster of two nodes

free_ports() {
    python3 - "$1" <<'P' 2>/dev/null || shuf -i 20000-30000 -n "$1"
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in held: one.bind(("127.0.0.1", 0))
for one in held: print(one.getsockname()[1])
P
}
mapfile -t ports < <(free_ports 3)
host=$(hostname -s)
export SLURM_CONF=$work/slurm.conf
mkdir -p "$work/state" "$work/jobs" "$work/bin" "$work/munge"
chmod 700 "$work/munge"
mungekey --create --keyfile="$work/munge/key" >/dev/null || skip "munge makes no key here"
cat >"$SLURM_CONF" <<CONF
ClusterName=units
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
SlurmctldPort=${ports[0]}
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$work/munge/socket
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool-%n
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd-%n.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd-%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SchedulerParameters=sched_interval=1,bf_interval=1
SlurmdParameters=config_overrides
SlurmdTimeout=10
KillWait=1
MinJobAge=600
NodeName=node1 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[1]} CPUs=4 RealMemory=2048
NodeName=node2 NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[2]} CPUs=4 RealMemory=2048
PartitionName=all Nodes=node[1-2] Default=YES MaxTime=INFINITE
CONF

start() { # log name, command…
    local log=$work/$1.out
    shift
    "$@" >"$log" 2>&1 &
    daemons+=($!)
}
start munged munged --foreground --force --key-file="$work/munge/key" --socket="$work/munge/socket" \
    --log-file="$work/munge/log" --pid-file="$work/munge/pid" --seed-file="$work/munge/seed" --num-threads=2
until_true 10 test -S "$work/munge/socket" || give_up "munged does not start: $(tail -n 1 "$work/munged.out")"
start slurmctld slurmctld -D -c
for node in node1 node2; do start "slurmd-$node" slurmd -D -N "$node"; done
node2=${daemons[-1]}
both_idle() { [ "$(sinfo --noheader --format='%T %D' 2>/dev/null)" = "idle 2" ]; }
until_true 30 both_idle || { sinfo; cat "$work"/*.out; give_up "the cluster does not come up"; }
echo "$(slurmctld -V): $(sinfo --noheader --Node --format='%N' | tr '\n' ' ')"

# MARK: What jobs say of themselves

# `scontrol show job` keeps ended jobs for MinJobAge; there is no accounting in this cluster.
field() { scontrol show job "$1" 2>/dev/null | grep -o "\b$2=[^ ]*" | head -n 1 | cut -d= -f2; }
ended() { case $(field "$1" JobState) in COMPLETED | FAILED | CANCELLED | TIMEOUT | NODE_FAIL) ;; *) return 1 ;; esac; }
same() { diff -r "$1" "$2"; } # every file of two folders, byte for byte

# Stands before the program on the jobs' PATH and makes happen what $TROUBLE has a folder for.
export INGOT=$ingot TROUBLE=$work/trouble
cat >"$work/bin/ingot" <<'WRAP'
#!/bin/sh
share='' output='' previous=''
for word; do
    [ "$previous" != --index ] || share=$word
    previous=$word
done
writes() { ls -l /proc/"$worker"/fd 2>/dev/null | grep -q '\.partial/'; }
catch() { # runs the worker until it writes a shard
    "$INGOT" "$@" &
    worker=$!
    until writes; do kill -0 $worker 2>/dev/null || exit 99; sleep 0.002; done
}
if [ -n "$share" ]; then
    if rmdir "$TROUBLE/kill-$share" 2>/dev/null; then
        catch "$@"
        kill -9 $worker
        wait $worker
        exit $?
    fi
    if [ -d "$TROUBLE/lose-$SLURMD_NODENAME" ]; then
        catch "$@"
        kill -STOP $worker
        stepd=$(cut -d ' ' -f 4 /proc/$PPID/stat)
        echo "$worker $$ $PPID $stepd" >"$TROUBLE/lose-$SLURMD_NODENAME/$share.new"
        mv "$TROUBLE/lose-$SLURMD_NODENAME/$share.new" "$TROUBLE/lose-$SLURMD_NODENAME/$share"
        wait $worker
    fi
    if [ -d "$TROUBLE/meet-$share" ]; then
        mkdir "$TROUBLE/meet-$share/$$"
        until [ "$(ls "$TROUBLE/meet-$share" | wc -l)" -ge 2 ]; do sleep 0.01; done
    fi
fi
exec "$INGOT" "$@"
WRAP
chmod +x "$work/bin/ingot"
export PATH=$work/bin:$PATH
cd "$work/jobs" || exit 1

submit() { # output folder, checkpoint; sets plan, array, merge, missing
    plan=$1.json
    sh "$scripts/submit.sh" 8 "$plan" quantise "$2" --scheme fp8-block --output "$1" --quiet >submitted 2>&1 ||
        { cat submitted; give_up "submit.sh ends with a failure"; }
    array=$(sed -n 's/^array \([0-9]*\) .*/\1/p' submitted)
    merge=$(sed -n 's/^merge \([0-9]*\) .*/\1/p' submitted)
    missing=$(sed -n 's/.*ingot-missing-\([0-9]*\)\.log.*/\1/p' submitted)
}

# In any state: a free node may have taken it before anyone looked.
is_queued_again() { [ "$(field "${array}_$1" Restarts)" = 1 ]; }
hasten() { # share: once it is queued again, without the two minutes that Slurm may let pass first
    until_true 120 is_queued_again "$1" || { squeue; sinfo; give_up "share $1 is not queued again"; }
    [ "$(field "${array}_$1" JobState)" = PENDING ] || return 0
    # Not in the same second: the node still holds the old credential for revoked.
    scontrol update JobId="${array}_$1" StartTime=now+3seconds 2>/dev/null
}

# MARK: Eight shares on two nodes; a worker killed, a share done twice at once

"$ingot" quantise "$source" --scheme fp8-block --output "$work/single" --quiet >/dev/null || give_up "the single process fails"
mkdir -p "$TROUBLE/kill-2" "$TROUBLE/meet-5"
submit "$work/cluster" "$source"
again=$(sbatch --parsable --array=5 "$scripts/units.sbatch" "$plan" 8)
hasten 2
until_true 180 ended "$merge" || { squeue; give_up "the merge does not end"; }
until_true 60 ended "${again}_5"
[ "$(field "$merge" JobState)" = COMPLETED ]
verdict $? "submit.sh: plan, array $array of 8 shares, merge $merge after it"
nodes=$(for share in $(seq 0 7); do field "${array}_$share" NodeList; done | sort | uniq -c | tr -s ' \n' ' ')
case $nodes in *node1*node2*) true ;; *) false ;; esac
verdict $? "both nodes took part: shares by node$nodes"
grep -q "^share 2 of 8 ended with 137: queued again" "ingot-units-${array}_2.log" && [ "$(field "${array}_2" Restarts)" = 1 ] &&
    [ "$(field "${array}_2" JobState)" = COMPLETED ]
verdict $? "the worker of share 2 was killed at its work (kill -9), its share was queued again and done"
[ "$(field "${array}_5" JobState)$(field "${again}_5" JobState)" = COMPLETEDCOMPLETED ] && [ "$(find "$TROUBLE/meet-5" -mindepth 1 | wc -l)" = 2 ]
verdict $? "share 5 was done by two workers at once, both ended well"
same "$work/single" "$work/cluster" && [ ! -e "$work/cluster.partial" ]
verdict $? "the output is that of one process, byte for byte: $(find "$work/cluster" -type f | wc -l) files"

# MARK: A share that no repeat mends

rm -rf "$TROUBLE" "$work/cluster"
# Under the source's own name: the record of a conversion has it.
broken=$work/broken/$(basename "$source")
mkdir -p "$broken"
for file in "$source"/*; do ln -s "$file" "$broken/"; done
shard=$(find "$source/" -name '*.safetensors' -printf '%f\n' | sort | sed -n 4p)
rm "$broken/$shard"
cp -p "$source/$shard" "$broken/$shard"
# A NaN in BF16 in the last tensor: headers are sound, so only the share that reads the shard finds it.
printf '\300\177' | dd of="$broken/$shard" bs=1 seek=$(($(stat -c %s "$source/$shard") - 4096)) conv=notrunc status=none
touch -r "$source/$shard" "$broken/$shard"
submit "$work/mended" "$broken"
until_true 180 ended "$missing" || { squeue; give_up "the job that names what is missing does not end"; }
until_true 20 ended "$merge"
[ "$(field "$merge" JobState)" = CANCELLED ] && [ ! -e "$work/mended" ]
verdict $? "a share with a NaN in its shard fails: no merge, nothing under the output's name"
redo=$(sed -n 's/^share [0-9]* of 8 failed with 65; when its cause is mended: //p' "ingot-missing-$missing.log")
[ "$(printf '%s\n' "$redo" | grep -c .)" = 1 ] && grep -q "$shard" "ingot-missing-$missing.log"
verdict $? "the failed share and its unit are named, and how to do it again: ${redo%%/*}…"
cp -p "$source/$shard" "$broken/$shard"
again=$(cd "$scripts" && ${redo/sbatch /sbatch --parsable --chdir="$work/jobs" })
until_true 60 ended "$again" || give_up "the redone share does not end: $redo"
ingot unit merge "$plan" --quiet >merged 2>&1 && same "$work/single" "$work/mended"
verdict $? "done again by that command and merged by hand: byte for byte the same"

# MARK: A node that dies

rm -rf "$work/mended"
mkdir -p "$TROUBLE/lose-node2"
submit "$work/lost" "$source"
caught() { [ -n "$(find "$TROUBLE/lose-node2" -type f -not -name '*.new')" ]; }
until_true 60 caught || give_up "no share came to node2"
sleep 1
disown "$node2"
# First the daemon, so that no other share comes to the node, then what runs there.
kill -9 "$node2"
sleep 0.5
shares=$(find "$TROUBLE/lose-node2" -type f -not -name '*.new' -printf '%f ')
for share in $shares; do xargs kill -9 <"$TROUBLE/lose-node2/$share"; done
for share in $shares; do hasten "$share"; done
sinfo --noheader --nodes=node2 --format=%T | grep -q '^down'
verdict $? "node2 died with these shares in work, and Slurm queued them again (--requeue): ${shares% }"
until_true 180 ended "$merge" || { squeue; sinfo; give_up "the merge does not end after node2 is gone"; }
same "$work/single" "$work/lost"
verdict $? "node1 did them, and the output is byte for byte the same"
exit $failed
