#!/bin/sh
# Plans a conversion as units, then submits to Slurm: an array with one task for each share, and a job that merges
# when all of them have ended well. Prints what it submitted.
#   submit.sh SHARES PLAN VERB ARGUMENTS…
#   submit.sh 8 plan.json quantise CHECKPOINT --scheme fp8-block --output DIR
# Options of your cluster (partition, account) go into SBATCH_PARTITION, SBATCH_ACCOUNT or ~/.slurm/defaults.
# PLAN, CHECKPOINT and DIR must be on a file system that every node has under the same path.
set -eu
[ $# -ge 3 ] || { sed -n '2,7s/^# //p' "$0" >&2; exit 64; }
here=$(CDPATH='' cd "$(dirname "$0")" && pwd)
shares=$1 plan=$(realpath "$2")
shift 2

ingot "$@" --units "$plan"

array=$(sbatch --parsable --array="0-$((shares - 1))" "$here/units.sbatch" "$plan" "$shares")
array=${array%%;*}
# Jobs read the path from the environment: it may hold anything, and --wrap takes a line of shell.
export PLAN="$plan"
# shellcheck disable=SC2016 # the job's shell expands it
merge=$(sbatch --parsable --export=ALL --dependency="afterok:$array" --kill-on-invalid-dep=yes \
    --job-name=ingot-merge --ntasks=1 --cpus-per-task=2 --mem=512M --time=04:00:00 --output=%x-%j.log \
    --wrap 'exec ingot unit merge "$PLAN" --progress plain')
# Runs only if a share failed, and then the merge does not: what is not sealed, and what each share said last.
missing=$(sbatch --parsable --export=ALL --dependency="afternotok:$array" --kill-on-invalid-dep=yes \
    --job-name=ingot-missing --ntasks=1 --mem=512M --time=00:10:00 --output=%x-%j.log \
    --wrap "ingot unit list \"\$PLAN\" | grep ' no *\$'; tail -qn 1 ingot-units-${array}_*.log | grep '^share '")

echo "array $array of $shares shares: ingot-units-${array}_*.log"
echo "merge ${merge%%;*} after all of them: ingot-merge-${merge%%;*}.log"
echo "should a share fail, ingot-missing-${missing%%;*}.log names it and how to do it again; then: ingot unit merge $plan"
