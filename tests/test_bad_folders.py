"""Folders that hold no model, a broken one, or one that should not be trusted."""

from __future__ import annotations

import json

import pytest
from cases import SMALL, quick
from data import few_columns

from anomalib_vae import VAE, load

pytestmark = pytest.mark.filterwarnings("ignore:posterior collapse")


@pytest.fixture
def saved(tmp_path):
    quick(VAE(**SMALL)).fit(few_columns()).save(tmp_path / "saved")
    return tmp_path / "saved"


def tamper(folder, **changes) -> None:
    description = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**description, **changes}))


def test_load_of_an_empty_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"holds no saved model \(model.json is missing\)"):
        load(tmp_path)


def test_load_of_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no saved model"):
        load(tmp_path / "nowhere")


def test_load_from_a_newer_version(saved):
    tamper(saved, format=99)
    with pytest.raises(ValueError, match="newer version of anomalib_vae: update"):
        load(saved)


@pytest.mark.parametrize(
    "name", ["MagicVAE", "os.system", "builtins.eval", "Persistable", "load", "Model", "Role", "__import__"]
)
def test_load_finds_only_saveable_classes(saved, name):
    tamper(saved, **{"class": name})
    with pytest.raises(ValueError, match=f"'{name}', which is not known here"):
        load(saved)


def test_load_finds_only_known_strategies(saved):
    description = json.loads((saved / "model.json").read_text())
    tamper(saved, parameters={**description["parameters"], "likelihood": {"strategy": "system", "command": "true"}})
    with pytest.raises(ValueError, match="strategy 'system'"):
        load(saved)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"a": 1}'])
def test_load_of_a_broken_description(saved, content):
    (saved / "model.json").write_text(content)
    with pytest.raises(ValueError, match=r"model\.json"):
        load(saved)


def test_load_without_the_weights(saved):
    (saved / "weights.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"weights\.safetensors"):
        load(saved)
