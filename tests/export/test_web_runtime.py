"""The package of ONNX Runtime Web: where it comes from, and which files are refused."""

import base64
import hashlib
import io
import stat
import sys
import tarfile

import pytest
from click.testing import CliRunner

from multibox.cli import main
from multibox.errors import BadInput, RunFailed
from multibox.export import web_runtime
from multibox.export.web_runtime import WASM, WEBGPU, is_package, read_runtime

PACKAGE = f"onnxruntime-web-{web_runtime.VERSION}.tgz"


def make_package(text="held"):
    """A package with a line in each file that a site may get, and a file that it must not get."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in (*(f"package/dist/{name}" for name in (*WASM, *WEBGPU)), "../outside"):
            content = f"{text} in {name}".encode()
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return packed.getvalue()


@pytest.fixture
def package(monkeypatch, tmp_path):
    """A file that counts as the published one, an empty cache, and no npm."""
    content = make_package()
    monkeypatch.setattr(web_runtime, "INTEGRITY", base64.b64encode(hashlib.sha512(content).digest()).decode())
    monkeypatch.setattr(web_runtime, "SIZE", len(content))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    path = tmp_path / "given.tgz"
    path.write_bytes(content)
    return path


def put_npm(folder, script):
    """Put a program named npm where it is found."""
    folder.mkdir()
    npm = folder / "npm"
    npm.write_text(
        f"#!{sys.executable}\nimport shutil, sys\nplace = sys.argv[sys.argv.index('--pack-destination') + 1]\n{script}"
    )
    npm.chmod(npm.stat().st_mode | stat.S_IXUSR)


def test_a_given_package_is_read_and_kept(package, tmp_path):
    read = read_runtime(package, WASM)
    assert read == {name: f"held in package/dist/{name}".encode() for name in WASM}
    assert [path.name for path in (tmp_path / "cache" / "multibox").iterdir()] == [PACKAGE]
    assert read_runtime(None, WEBGPU) == {name: f"held in package/dist/{name}".encode() for name in WEBGPU}
    assert not (tmp_path / "outside").exists()


def test_another_package_is_refused_and_not_kept(package, tmp_path):
    content = bytearray(package.read_bytes())
    content[-1] ^= 1
    for other in (bytes(content), content + b"more", b""):
        package.write_bytes(other)
        with pytest.raises(BadInput, match=r"given\.tgz: is not the package onnxruntime-web@1\.\d+\.\d+; get it with"):
            read_runtime(package, WASM)
    assert not (tmp_path / "cache").exists()


def test_a_missing_package_is_refused_by_its_name(package):
    with pytest.raises(BadInput, match=r"none\.tgz: cannot be read: No such file"):
        read_runtime(package.with_name("none.tgz"), WASM)


def test_a_damaged_copy_in_the_cache_counts_as_none(package, tmp_path):
    read_runtime(package, WASM)
    (tmp_path / "cache" / "multibox" / PACKAGE).write_bytes(b"half")
    with pytest.raises(BadInput, match="npm is not installed"):
        read_runtime(None, WASM)


def test_a_cache_that_cannot_be_written_keeps_nothing(package, tmp_path):
    (tmp_path / "cache").write_text("a file")
    assert len(read_runtime(package, WASM)) == 3


@pytest.mark.usefixtures("package")
def test_without_npm_one_line_says_what_to_do():
    result = CliRunner().invoke(main, ["export", "voc20", "--format", "web"])
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("multibox: --onnxruntime-web: is needed, because npm is not installed; run 'npm pack ")
    assert line.endswith(f"elsewhere and set --onnxruntime-web {PACKAGE}")


@pytest.mark.skipif(sys.platform == "win32", reason="npm is a script here")
def test_npm_fetches_it_once(package, tmp_path):
    put_npm(tmp_path / "bin", f"shutil.copy({str(package)!r}, place + '/{PACKAGE}')")
    first = read_runtime(None, WASM)
    (tmp_path / "bin" / "npm").unlink()
    assert read_runtime(None, WASM) == first


@pytest.mark.skipif(sys.platform == "win32", reason="npm is a script here")
@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("sys.exit('npm error code ENOTFOUND\\nnpm error network')", "npm error code ENOTFOUND;"),
        ("sys.exit(3)", "npm wrote no file and exited with code 3;"),
        (
            "open(place + f'/{sys.argv[2].replace(chr(64), chr(45))}.tgz', 'w').write('other')",
            "the downloaded file differs from the published one;",
        ),
    ],
)
@pytest.mark.usefixtures("package")
def test_an_npm_that_fails_is_one_line(tmp_path, script, reason):
    put_npm(tmp_path / "bin", script)
    with pytest.raises(RunFailed) as caught:
        read_runtime(None, WASM)
    assert reason in str(caught.value)
    assert "onnxruntime_web=" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "cache").exists()


def test_the_checksum_is_that_of_a_whole_file():
    assert len(base64.b64decode(web_runtime.INTEGRITY)) == 64
    assert not is_package(b"")
