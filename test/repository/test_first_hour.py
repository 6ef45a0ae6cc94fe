# SPDX-License-Identifier: Apache-2.0
"""The notebook for a first hour: it runs from top to bottom, and is committed without output."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from talk2dino_ros.viz.pictures import read_picture

ROOT = Path(__file__).parents[2]
NOTEBOOK = ROOT / "examples" / "first_hour.ipynb"


def test_it_is_committed_without_output():
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert len(code) > 5
    assert [cell for cell in code if cell["outputs"] or cell["execution_count"] is not None] == []


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of Jupyter's packages among each other
def test_it_runs_and_shows_and_writes_what_it_says(tmp_path, monkeypatch):
    """A kernel of its own, in an empty folder; each picture is shown, and the cup is where it is."""
    nbformat = pytest.importorskip("nbformat", reason="pip install -r tools/requirements/checks.txt is missing")
    nbclient = pytest.importorskip("nbclient", reason="pip install -r tools/requirements/checks.txt is missing")
    pytest.importorskip("ipykernel", reason="pip install -r tools/requirements/checks.txt is missing")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.setenv("JUPYTER_RUNTIME_DIR", str(tmp_path / "runtime"))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbclient.NotebookClient(
        notebook, kernel_name="python3", timeout=300, resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 4
    printed = "".join(output["text"] for output in outputs if output["output_type"] == "stream")
    assert "coffee cup: at (" in printed
    assert "background None: {'coffee cup': '" in printed
    assert "unlabeled 0%" in printed, "without a threshold"
    assert "['coffee_mask.png', 'coffee_overlay.png', 'words.safetensors']" in printed
    mask = read_picture(tmp_path / "first_hour" / "coffee_mask.png")[..., 0]
    assert 0.2 < np.mean(mask == 1) < 0.7
    assert mask[180, 300] == 1, "in the middle of the cup"
