#!/usr/bin/env bash
# The published figures of three presets on VOC2007's test images, in one command: benchmarks/voc_figures.sh OUT
#   SSD300-VGG16 on VOC07 (11-point mAP 0.685), on VOC07+12 (0.773), SSD300-ResNet50 on VOC07+12 (0.756)
# It downloads VOC2007 and VOC2012 and verifies them, builds the stores, measures the images/s of each preset and says
# how many hours its training will take, trains, evaluates, and writes the table OUT/figures.md. ImageNet weights of
# VGG16 and ResNet50 are downloaded by Keras, which verifies them too. Called again, it goes on where it was stopped.
# A GPU is needed: each training sees 3.84 million images.
#   HOURS_ONLY=1 stops after the hours. PRESETS names some of the presets. OVERRIDES adds fields to every training, as
#   in a trial in small, for which stores voc07 and voc12 of any images with VOC's classes lie in OUT/data beforehand:
#   OVERRIDES='network.weights=none network.batch_norm=trained network.size=[128,128] train.batch=2 train.epochs=1
#       train.steps_per_epoch=2 train.milestones=[]' benchmarks/voc_figures.sh OUT
set -euo pipefail
out=$(realpath -m "$1")
root=$(realpath "$(dirname "$0")/..")
python=${PYTHON:-python3}
read -ra presets <<<"${PRESETS:-ssd300-vgg16-voc07 ssd300-vgg16-voc0712 ssd300-resnet50-voc0712}"
read -rd '' -a overrides <<<"${OVERRIDES:-}" || true
mkdir -p "$out"
cd "$out"
export MULTIBOX_DATA=$out/data PYTHONPATH=$root/src${PYTHONPATH:+:$PYTHONPATH}

multibox() { "$python" -m multibox "$@"; }

get() { # NAME STORE SPLITS
    [ -d "$MULTIBOX_DATA/$2" ] && return
    multibox data get "$1" --out "$out/downloads/$1"
    multibox data build "$out/downloads/$1/VOCdevkit/${1/voc/VOC}" --name "$2" --splits "$3"
}

hours() { # PRESET
    multibox bench train --model "$1" --data voc07/trainval --steps "${STEPS:-20}" --rounds 1 --json "${overrides[@]}" >"speed-$1.json"
    "$python" - "$1" "$(<"speed-$1.json")" <<'PY'
import json, sys
preset, speed = sys.argv[1], json.loads(sys.argv[2])
rate = speed["images_per_second"]
print(f"{preset}: {rate:.1f} images/s on {speed['device']}; 3.84 million images take {3.84e6 / rate / 3600:.1f} hours")
PY
}

train() { # PRESET
    [ -f "trained-$1" ] && return
    local run=(--config "$1" --name "$1" "${overrides[@]}")
    if [ -f "experiments/$1/config.yaml" ]; then run=(--resume "$1"); fi
    multibox train "${run[@]}"
    touch "trained-$1"
}

judge() { # PRESET
    multibox eval "experiments/$1/last.keras" --data voc07/test --json >"judged-$1.json"
}

table() {
    "$python" - "${presets[@]}" <<'PY'
import json, pathlib, sys
PUBLISHED = {"ssd300-vgg16-voc07": 0.685, "ssd300-vgg16-voc0712": 0.773, "ssd300-resnet50-voc0712": 0.756}
lines = ["| preset | published, 11-point | 11-point | area | IoU 0.5 to 0.95 |", "|---|---|---|---|---|"]
for preset in sys.argv[1:]:
    judged = json.loads(pathlib.Path(f"judged-{preset}.json").read_text())
    figures = " | ".join(f"{judged[name]:.3f}" for name in ("map_11point", "map", "map_50_95"))
    lines.append(f"| `{preset}` | {PUBLISHED[preset]:.3f} | {figures} |")
pathlib.Path("figures.md").write_text("\n".join(lines) + "\n")
print("\n".join(lines))
PY
}

get voc2007 voc07 trainval,test
get voc2012 voc12 trainval
for preset in "${presets[@]}"; do hours "$preset"; done
[ -n "${HOURS_ONLY:-}" ] && exit
for preset in "${presets[@]}"; do
    train "$preset"
    judge "$preset"
done
table
