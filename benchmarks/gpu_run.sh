#!/usr/bin/env bash
# Everything that is measured on a GPU, with JAX: benchmarks/gpu_run.sh OUT
# It is for a machine with a GPU and 16 cores; smaller sizes try the script itself on any:
#   PRESETS=ssdlite-mobilenetv2 BATCHES=2 STEPS=2 ROUNDS=1 IMAGES=20 WORKERS=0,1 \
#       OVERRIDES='network.size=[128,128]' benchmarks/gpu_run.sh OUT
# PARTS says which parts to do, smoke, pipeline and train; a measurement that fails does not end the others.
# benchmarks/requirements-gpu.txt lists the wheels for a machine that cannot reach an index.
set -euo pipefail
out=$(realpath -m "$1")
root=$(realpath "$(dirname "$0")/..")
python=${PYTHON:-python3}
read -ra batches <<<"${BATCHES:-64 128 256}"
read -ra overrides <<<"${OVERRIDES:-}"
overrides=(train.precision=mixed_bfloat16 "${overrides[@]}")
read -ra presets <<<"${PRESETS:-ssd300-vgg16-voc0712 ssd300-resnet50-voc0712}"
mkdir -p "$out"
cd "$out"
export MULTIBOX_DATA=$out/data KERAS_BACKEND=jax PYTHONPATH=$root/src${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1

multibox() { "$python" -m multibox "$@"; }

bench_train() { # PRESET BATCH STEPS ROUNDS
    echo "# $1, batch $2"
    multibox bench train --model "$1" --batch "$2" --steps "$3" --rounds "$4" --data sample/train --json "${overrides[@]}" \
        2>>train.log | tee -a train.jsonl || echo "failed, see $out/train.log: $(tail -n 1 train.log)"
}

smoke() {
    "$python" -c 'import cv2, jax, keras, numpy; print([m.__version__ for m in (cv2, jax, keras, numpy)], jax.devices())'
    for preset in "${presets[@]}"; do bench_train "$preset" "${batches[0]}" 1 1; done
}

pipeline() {
    multibox bench pipeline --data sample/train --config "${presets[0]}" --workers "${WORKERS:-0,1,2,4,8,14}" --json \
        train.batch="${batches[-1]}" "${overrides[@]}" | tee pipeline.json || echo "failed: the pipeline"
}

train() {
    for preset in "${presets[@]}"; do
        for batch in "${batches[@]}"; do bench_train "$preset" "$batch" "${STEPS:-40}" "${ROUNDS:-3}"; done
    done
}

if [ ! -d "$MULTIBOX_DATA/sample" ]; then
    rm -rf pictures
    multibox data sample pictures --images "${IMAGES:-1000}" --size 500
    multibox data build pictures --name sample
fi
for part in ${PARTS:-smoke pipeline train}; do "$part"; done
