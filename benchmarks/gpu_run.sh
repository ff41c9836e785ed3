#!/usr/bin/env bash
# Everything that is measured on a GPU: benchmarks/gpu_run.sh OUT
# It is for a machine with a GPU and 16 cores; smaller sizes try the script itself on any:
#   PRESETS=ssdlite-mobilenetv2 BATCHES=2 STEPS=2 ROUNDS=1 IMAGES=20 WORKERS=0,1 \
#       OVERRIDES='network.size=[128,128]' benchmarks/gpu_run.sh OUT
# PARTS says which parts to do, smoke, pipeline, train, steps and accuracy; a measurement that fails does not end the
# others. All run on JAX, or on KERAS_BACKEND, but steps: it compares JAX, PyTorch and torchvision's SSD300 in turns.
# accuracy trains on VOC2007's train and judges on its val; it needs VOC=FOLDER (VOC2007, or its store under OUT/data) and
# stops each run after LIMIT seconds; called again, it goes on:
#   PARTS=accuracy VOC=VOCdevkit/VOC2007 LIMIT=280 benchmarks/gpu_run.sh OUT
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
export MULTIBOX_DATA=$out/data KERAS_BACKEND=${KERAS_BACKEND:-jax} PYTHONPATH=$root/src${PYTHONPATH:+:$PYTHONPATH} PYTHONUNBUFFERED=1

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

steps() {
    read -ra of <<<"${STEPS_OF:-jax torch torch-compiled torch-nchw torchvision}"
    "$python" "$root/benchmarks/step_speed.py" --config "${presets[0]}" --size "${SIZE:-300}" --batch "${batches[0]}" \
        --precision mixed_bfloat16 --steps "${STEPS:-40}" --rounds "${ROUNDS:-3}" --of "$(IFS=,; echo "${of[*]}")" |
        tee steps.txt || echo "failed: the steps of each backend"
}

run_for_a_while() { # NAME PRESET [FIELD=VALUE]...
    local run=(--name "$1" --config "$2" 'data.train=[voc2007/train]' 'data.val=[voc2007/val]' "${@:3}" "${overrides[@]}")
    if [ -f "experiments/$1/config.yaml" ]; then run=(--resume "$1"); fi
    timeout --signal=TERM "${LIMIT:-280}" "$python" -m multibox train "${run[@]}" | tee -a "$1.log" || echo "$1: not at its end"
}

accuracy() {
    if [ ! -d "$MULTIBOX_DATA/voc2007" ]; then multibox data build "$VOC" --name voc2007 --splits train,val; fi
    local fresh=(network.weights=none train.steps_per_epoch=0 train.schedule=cosine train.milestones=[] train.clip_norm=10)
    local length=(train.epochs="${EPOCHS:-60}" train.batch=32 train.warmup_steps=100 train.log_every=20 train.validate_every=10)
    run_for_a_while light ssdlite-efficientnet network.weights=imagenet "${length[@]}"
    run_for_a_while vgg16 ssd300-vgg16-voc07 "${fresh[@]}" "${length[@]}"
    run_for_a_while resnet50 ssd300-resnet50-voc0712 "${fresh[@]}" "${length[@]}"
}

if [ ! -d "$MULTIBOX_DATA/sample" ]; then
    rm -rf pictures
    multibox data sample pictures --images "${IMAGES:-1000}" --size 500
    multibox data build pictures --name sample
fi
for part in ${PARTS:-smoke pipeline train}; do "$part"; done
