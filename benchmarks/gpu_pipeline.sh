#!/usr/bin/env bash
# What a GPU consumes against what the pipeline gives: benchmarks/gpu_pipeline.sh OUT [tiny]
# On a machine with a GPU and 16 cores, with JAX; `tiny` tries the script itself on any machine.
set -euo pipefail
out=$(realpath -m "$1")
here=$(realpath "$(dirname "$0")")
python=${PYTHON:-python3}
batch=128 steps=40 images=2000 workers=0,1,2,4,8,14 overrides=(train.precision=mixed_bfloat16)
if [ "${2:-}" = tiny ]; then
    batch=2 steps=4 images=20 workers=0,2 overrides=('network.size=[128,128]')
fi
mkdir -p "$out"
cd "$out"
export MULTIBOX_DATA=$out/data KERAS_BACKEND=jax
"$python" -m multibox data sample sample --images "$images" --size 500
"$python" -m multibox data build sample --name sample --replace
"$python" -m multibox bench pipeline --data sample/train --config ssd300-vgg16-voc0712 --workers "$workers" --json \
    train.batch="$batch" "${overrides[@]}" | tee pipeline.json
for preset in ssd300-vgg16-voc0712 ssd300-resnet50-voc0712; do
    "$python" "$here/step_speed.py" --backend jax --jit --batch "$batch" --steps "$steps" --config "$preset" \
        network.weights=none network.batch_norm=trained "${overrides[@]}" | tee "$preset.txt"
done
