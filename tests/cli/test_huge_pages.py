"""Training asks for huge pages where that helps, by starting its process once more."""

import os
import platform
import sys

import pytest

from multibox.cli import huge_pages, start


@pytest.fixture
def began(monkeypatch, tmp_path):
    """What a process is started with, on a system that gives huge pages to who asks."""
    monkeypatch.setattr(huge_pages, "ENABLED", tmp_path / "enabled")
    monkeypatch.setattr(platform, "libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr(start, "main", lambda prog_name: None)
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    (tmp_path / "enabled").write_text("always [madvise] never\n")
    calls = []
    monkeypatch.setattr(os, "execve", lambda *call: calls.append(call))
    return calls


def run(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["multibox", *words])
    start.start()


def test_a_training_starts_with_huge_pages(began, monkeypatch):
    run(monkeypatch, "train", "--data", "photos")
    ((program, words, environment),) = began
    assert (program, words) == (sys.executable, sys.orig_argv)
    assert environment == {**os.environ, "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"}


def test_other_commands_start_once(began, monkeypatch):
    run(monkeypatch, "predict", "photo.jpg")
    assert not began


def test_settings_of_the_user_stay(began, monkeypatch):
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.arena_max=2")
    run(monkeypatch, "train")
    assert not began


@pytest.mark.parametrize("library", [("glibc", "2.31"), ("", ""), ("musl", "1.2")])
def test_another_c_library_has_no_such_setting(began, monkeypatch, library):
    monkeypatch.setattr(platform, "libc_ver", lambda: library)
    run(monkeypatch, "train")
    assert not began


@pytest.mark.parametrize("text", ["[always] madvise never\n", "always madvise [never]\n"])
def test_a_system_that_need_not_be_asked(began, monkeypatch, tmp_path, text):
    (tmp_path / "enabled").write_text(text)
    run(monkeypatch, "train")
    assert not began


def test_a_system_without_huge_pages(began, monkeypatch, tmp_path):
    (tmp_path / "enabled").unlink()
    run(monkeypatch, "train")
    assert not began
