#!/usr/bin/env bash
# Run tools/train.py in several processes of one machine, one per GPU, or on the
# CPU where there is none. Several machines: set NNODES, NODE_RANK, MASTER_ADDR
# and PORT on each.
#   bash tools/dist_train.sh CONFIG PROCESSES [ARGUMENTS of train.py]
set -euo pipefail
if [ $# -lt 2 ]; then
    grep '^#' "$0" | tail -n +2
    exit 2
fi
exec "${PYTHON:-python}" -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$2" \
    "$(dirname "$0")/train.py" "$1" --launcher pytorch "${@:3}"
