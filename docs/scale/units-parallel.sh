#!/bin/sh
# Does a plan of units with GNU parallel, on this machine or on several, then merges.
#   ingot quantise CHECKPOINT --scheme fp8-block --output DIR --units plan.json
#   units-parallel.sh plan.json 8
#   units-parallel.sh plan.json 64 --sshloginfile hosts --jobs 2
# What follows the number of shares goes to parallel. Hosts need ingot on their PATH and the files under the same path.
# A share that fails is tried twice more; repeats skip what is sealed. Run again after a failure: the same.
set -eu
plan=$(realpath "${1:?usage: units-parallel.sh PLAN SHARES [OPTIONS OF PARALLEL]}")
shares=${2:?usage: units-parallel.sh PLAN SHARES [OPTIONS OF PARALLEL]}
shift 2
seq 0 $((shares - 1)) | parallel --retries 3 --tag --joblog "$plan.joblog" "$@" \
    ingot unit run "$plan" --index {} --count "$shares" --quiet ||
    echo "shares that failed stand in $plan.joblog, column Exitval; the merge says which units are missing" >&2
exec ingot unit merge "$plan"
