#!/usr/bin/env bash
# The base install and `multibox predict` on Debian for 64-bit ARM, which QEMU emulates, beside this machine's detections.
#
#     apt-get install debootstrap qemu-user-static
#     benchmarks/arm.sh FOLDER IMAGE...
#
# It needs root, Python 3.11 or newer and Linux 6.7 or newer. The emulation is registered in a user namespace of its own,
# so nothing of this machine changes. FOLDER grows to 2 GB. A finished system in it is used again. The packages come from
# where this machine's apt and pip get theirs, in the versions of constraints.txt.
set -euo pipefail
repository=$(cd "$(dirname "$0")/.." && pwd)
mkdir -p "$1"
work=$(realpath "$1")
root=$work/system
shift

# What Linux says of a Raspberry Pi 4. Older versions of QEMU show this machine's processor, which ends ONNX Runtime.
for ((core = 0; core < $(nproc); core++)); do
    printf '%s\t: %s\n' processor "$core" Features 'fp asimd evtstrm crc32 cpuid' 'CPU implementer' 0x41 \
        'CPU architecture' 8 'CPU variant' 0x0 'CPU part' 0xd08 'CPU revision' 3
    echo
done >"$work/cpuinfo"

# Runs a command as root of the ARM system, in namespaces of its own.
emulated() {
    unshare --user bash -c 'until [ "$(id -u)" = 0 ]; do sleep 0.1; done; exec "$@"' - \
        unshare --mount --pid --fork --mount-proc bash -euc '
            mount -t binfmt_misc none /proc/sys/fs/binfmt_misc
            cat /usr/lib/binfmt.d/qemu-aarch64.conf >/proc/sys/fs/binfmt_misc/register
            for folder in dev proc sys; do mount --rbind "/$folder" "$0/$folder"; done
            mount --bind "$0/../cpuinfo" "$0/proc/cpuinfo"
            env -i QEMU_CPU=cortex-a72 container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
                DEBIAN_FRONTEND=noninteractive chroot "$0" "$@"
            exit' "$root" "$@" &
    while [ "$(readlink "/proc/$!/ns/user")" = "$(readlink /proc/self/ns/user)" ]; do sleep 0.1; done
    echo 0 0 65536 >"/proc/$!/uid_map"
    echo 0 0 65536 >"/proc/$!/gid_map"
    wait $!
}

if [ ! -e "$work/system.done" ]; then
    read -r mirror release < <(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages')
    rm -rf "$root"
    debootstrap --foreign --arch=arm64 --variant=minbase --include=python3-venv "$release" "$root" "$mirror"
    [ ! -L "$root/proc" ] || { rm "$root/proc" && mkdir "$root/proc"; } # debootstrap's link, where it sees a container
    emulated /debootstrap/debootstrap --second-stage
    touch "$work/system.done"
fi

minor=$(emulated /usr/bin/python3 -c 'import sys; print(sys.version_info.minor)')
python3 -m venv --clear "$work/here"
pip=("$work/here/bin/python" -m pip --quiet --disable-pip-version-check)
"${pip[@]}" install --constraint "$repository/constraints.txt" "$repository"
rm -rf "$root/wheels" && mkdir "$root/wheels"
"${pip[@]}" wheel --no-deps --wheel-dir "$root/wheels" "$repository"
platforms=()
for version in 17 24 26 27 28 31 34 35 36; do platforms+=(--platform "manylinux_2_${version}_aarch64"); done
"${pip[@]}" download --constraint "$repository/constraints.txt" --only-binary :all: --python-version "3.$minor" \
    "${platforms[@]}" --platform manylinux2014_aarch64 --dest "$root/wheels" "$root"/wheels/multibox-*.whl
emulated /usr/bin/python3 -m venv --clear /multibox
emulated /multibox/bin/python -m pip install --quiet --no-index --find-links /wheels multibox

for folder in "$work/images" "$root/images"; do
    rm -rf "$folder" && mkdir "$folder" && cp "$@" "$folder"
done
predict=(multibox predict images --score 0.05 --json --out found --replace)
(cd "$work" && time "here/bin/${predict[@]}") >"$work/here.json"
time emulated /bin/sh -c 'cd / && exec "$@"' - "/multibox/bin/${predict[@]}" >"$work/arm.json"
emulated /multibox/bin/python -c 'import platform; print("ran on", platform.machine(), "with Python", platform.python_version())'
"$work/here/bin/python" "$repository/benchmarks/arm_compare.py" "$work/here.json" "$work/arm.json"
