"""Which room imports which, over every import in the package, those inside functions too."""

import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest

PROJECT = Path(__file__).parents[1]
CONTRACT = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
LAYERS = [layer.removeprefix("multibox.") for layer in CONTRACT["layers"]]


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph(
        "multibox", include_external_packages=True, exclude_type_checking_imports=True, cache_dir=None
    )


@pytest.fixture(scope="module")
def modules(graph):
    return {name for name in graph.modules if name == "multibox" or name.startswith("multibox.")}


def test_no_modules_import_each_other_in_a_circle(graph, modules):
    imports = {module: graph.find_modules_directly_imported_by(module) & modules for module in modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        pytest.fail(" -> ".join(error.args[1]))


def test_every_room_has_its_place(graph):
    rooms = {name.removeprefix("multibox.") for name in graph.find_children("multibox")}
    assert rooms - {"__main__", "_version"} == set(LAYERS) - {"_version"}


def test_no_import_goes_back_up(graph):
    illegal = graph.find_illegal_dependencies_for_layers(layers=LAYERS, containers={"multibox"})
    assert not [(dependency.importer, dependency.imported) for dependency in illegal]


@pytest.mark.parametrize("package", ["click", "rich"])
def test_only_the_command_line_prints(graph, package):
    importers = graph.find_modules_that_directly_import(package)
    assert importers
    assert not {name for name in importers if not name.startswith("multibox.cli")}


def test_nobody_inside_imports_the_package_itself(graph):
    assert not graph.find_modules_that_directly_import("multibox")
