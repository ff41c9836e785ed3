#!/usr/bin/env bash
# Writes tests/compat/tools anew: ./write_all.sh [NAME ...], names as in the calls at the end. Needs Python 3.11 and minutes.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3.11}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export HOME=$work/home QT_QPA_PLATFORM=offscreen FIFTYONE_DO_NOT_TRACK=1
mkdir -p "$HOME" "$work/data"
wanted=" $* "

# write SCRIPT PACKAGE ...
write() {
    [[ $wanted == "  " || $wanted == *" $1 "* ]] || return 0
    echo "$1: ${*:2}"
    "$python" -m venv "$work/env"
    "$work/env/bin/pip" install --quiet --disable-pip-version-check "${@:2}"
    "$work/env/bin/python" "$here/write/with_$1.py" "$work/images" "$work/data" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
    rm -rf "$work/env"
}

"${DRAW_WITH:-$here/../../.venv/bin/python}" "$here/draw.py" "$work/images"
write labelimg labelImg==1.8.6
write label_studio_sdk label-studio-sdk==2.1.2
write supervision supervision==0.26.1
write supervision supervision==0.31.2
write globox globox==2.9.0
write datumaro datumaro==1.13.12
write datumaro_0_3 datumaro==0.3.1 'numpy<2' 'setuptools<81'
write pylabel pylabel==0.1.55 pandas==2.2.3 # pylabel fails with pandas 3
write labelme labelme==6.3.1
write labelme2coco labelme2coco==0.2.6
write sahi sahi==0.12.8
write fiftyone fiftyone==1.22.1
write ultralytics torch==2.13.0 ultralytics==8.4.190
write labelformat labelformat==0.1.17
write pascal_voc_writer pascal-voc-writer==0.1.4
write tensorflow tensorflow-cpu==2.21.0
write datasets 'datasets[vision]==5.2.0'
write layouts pip

find "$work/data" -name '*.jpg' -delete -o -name '*.png' -delete
find "$work/data" -type d -empty -delete
grep -rlF "$work/data" "$work/data" | xargs -r sed -i "s#$work/data/#/data/#g"
for folder in "$work"/data/*; do
    rm -rf "$here/tools/$(basename "$folder")"
    cp -r "$folder" "$here/tools/"
done
