"""The notebook is its text source, and runs from the first cell to the last in an empty folder."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from jupytext.compare import compare_notebooks
from nbclient import NotebookClient

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
SOURCES = sorted(FOLDER.glob("*.py"))
CELL_SECONDS = 300


def this_python(folder: Path) -> AsyncKernelManager:
    """A kernel of the interpreter that runs the tests, whatever kernels the machine has."""
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (folder / "this_python").mkdir(parents=True)
    specification = {"argv": command, "display_name": "the tests' Python", "language": "python"}
    (folder / "this_python" / "kernel.json").write_text(json.dumps(specification))
    return AsyncKernelManager(
        kernel_name="this_python", kernel_spec_manager=KernelSpecManager(kernel_dirs=[str(folder)])
    )


def test_each_notebook_has_a_text_source_and_each_source_a_notebook():
    assert SOURCES
    assert [file.stem for file in sorted(FOLDER.glob("*.ipynb"))] == [file.stem for file in SOURCES]


@pytest.mark.parametrize("source", SOURCES, ids=lambda file: file.stem)
def test_the_notebook_is_its_text_source(source):
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    nbformat.validate(notebook)
    compare_notebooks(notebook, jupytext.read(source), fmt="py:percent", allow_expected_differences=True)
    cells = [(cell.cell_type, cell.source) for cell in jupytext.read(source).cells]
    assert [(cell.cell_type, cell.source) for cell in notebook.cells] == cells


@pytest.mark.parametrize("source", SOURCES, ids=lambda file: file.stem)
def test_the_notebook_is_small_and_tells_nothing_of_the_machine(source):
    text = source.with_suffix(".ipynb").read_text()
    assert len(text) < 300_000
    assert str(FOLDER.parent) not in text
    outputs = [output for cell in json.loads(text)["cells"] for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.get("name") == "stderr" or output["output_type"] == "error"]


@pytest.mark.parametrize("source", SOURCES, ids=lambda file: file.stem)
def test_the_notebook_runs(source, tmp_path):
    notebook = nbformat.read(source.with_suffix(".ipynb"), as_version=4)
    (tmp_path / "start").mkdir()
    client = NotebookClient(
        notebook,
        km=this_python(tmp_path / "kernels"),
        timeout=CELL_SECONDS,
        resources={"metadata": {"path": str(tmp_path / "start")}},
    )
    client.execute(cleanup_kc=True)  # ends the kernel too; raises CellExecutionError where a cell does
    assert list((tmp_path / "start").iterdir()) == []
    printed = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in printed)
