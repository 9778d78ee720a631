#!/usr/bin/env bash
# Run tools/test.py in several processes of one machine, one per GPU, or on the
# CPU where there is none. Several machines: set NNODES, NODE_RANK, MASTER_ADDR
# and PORT on each.
#   bash tools/dist_test.sh CONFIG CHECKPOINT PROCESSES [ARGUMENTS of test.py]
# CHECKPOINT is "" for a training-free model.
set -euo pipefail
if [ $# -lt 3 ]; then
    grep '^#' "$0" | tail -n +2
    exit 2
fi
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29501}" \
    --nproc_per_node="$3" \
    "$(dirname "$0")/test.py" "$1" "$2" --launcher pytorch "${@:4}"
