"""ONNX Runtime Web, the npm package that runs a network in a browser: fetched by npm, verified, and kept in the cache.

The package is not unpacked to the disk, and no code in it is run during the export.
"""

import base64
import hashlib
import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from multibox.errors import BadInput, RunFailed
from multibox.runtimes.cache import cache_folder
from multibox.writing import new_file

VERSION: Final = "1.30.0"
"""Version of the package that is copied into sites."""

INTEGRITY: Final = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
"""SHA-512 of the package file in base64, as npm publishes it."""

SIZE: Final = 33_106_585
"""Length of the package file in bytes."""

WASM: Final = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")
"""Files of the package that run a network on the CPU."""

WEBGPU: Final = ("ort.webgpu.min.mjs", "ort-wasm-simd-threaded.asyncify.mjs", "ort-wasm-simd-threaded.asyncify.wasm")
"""Files of the package that run a network on the GPU."""

PATIENCE: Final = 600
"""Longest time in seconds that npm may take."""

_NAME: Final = f"onnxruntime-web@{VERSION}"
_PACKAGE: Final = f"onnxruntime-web-{VERSION}.tgz"


def read_runtime(package: Path | None, names: Sequence[str]) -> dict[str, bytes]:
    """Read files of the package.

    Args:
        package: File of the package, as ``npm pack`` writes it. None uses the file in the cache, or fetches the package
            with npm if the cache has none.
        names: Names of the files, as in :data:`WASM`.

    Returns:
        Contents of the files by name.

    Raises:
        BadInput: The file is not this version of the package, or there is neither a file nor npm.
        RunFailed: The package could not be fetched with npm.
    """
    content = _read_given(package) if package is not None else _read_kept() or _fetch()
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        members = {name: archive.extractfile(f"package/dist/{name}") for name in names}
        return {name: member.read() for name, member in members.items() if member is not None}


def is_package(content: bytes) -> bool:
    """Whether bytes are exactly the package file that npm publishes."""
    return base64.b64encode(hashlib.sha512(content).digest()).decode() == INTEGRITY


def _read_given(path: Path) -> bytes:
    try:
        content = path.read_bytes() if path.stat().st_size == SIZE else b""
    except OSError as error:
        raise BadInput(path, f"cannot be read: {error.strerror}") from None
    if not is_package(content):
        raise BadInput(path, f"is not the package {_NAME}; get it with: npm pack {_NAME}")
    _keep(content)
    return content


def _read_kept() -> bytes | None:
    """The package in the cache. A damaged one counts as none."""
    with suppress(OSError):
        content = (cache_folder() / _PACKAGE).read_bytes()
        if is_package(content):
            return content
    return None


def _keep(content: bytes) -> None:
    """Keep the package in the cache, if that can be written."""
    with suppress(BadInput, RunFailed), new_file(cache_folder() / _PACKAGE) as new:
        new.write_bytes(content)


def _fetch() -> bytes:
    npm = shutil.which("npm")
    if npm is None:
        raise BadInput(
            "onnxruntime_web",
            f"is needed, because npm is not installed; run 'npm pack {_NAME}' elsewhere and set "
            f"onnxruntime_web={_PACKAGE}",
        )
    with tempfile.TemporaryDirectory() as folder:
        problem = _run_npm(npm, folder)
        path = Path(folder) / _PACKAGE
        content = path.read_bytes() if path.is_file() else b""
    if not is_package(content):
        reason = "the downloaded file differs from the published one" if content else problem
        raise RunFailed(
            f"npm pack {_NAME}: {reason}; try again, or run it elsewhere and set onnxruntime_web={_PACKAGE}"
        )
    _keep(content)
    return content


def _run_npm(npm: str, folder: str) -> str:
    """Let npm write the package to a folder.

    Returns:
        First line of npm's complaint, if it has one.
    """
    options = ("--pack-destination", folder, "--ignore-scripts", "--fetch-retries=1", "--loglevel=error")
    try:
        ended = subprocess.run(
            [npm, "pack", _NAME, *options],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{error}"
    lines = ended.stderr.strip().splitlines()
    return lines[0] if lines else f"npm wrote no file and exited with code {ended.returncode}"
