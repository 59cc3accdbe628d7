"""The package as a whole: light to import, a menu that matches, nothing public undocumented."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import subprocess
import sys

import pytest

import anomalib_vae

MODULES = [info.name for info in pkgutil.walk_packages(anomalib_vae.__path__, "anomalib_vae.")]
CORE = [
    n for n in MODULES if not n.startswith(("anomalib_vae.cli", "anomalib_vae.integrations", "anomalib_vae.report"))
]


def run(code: str) -> str:
    """What the code prints in a fresh interpreter."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_it_imports_nothing_slow():
    code = (
        "import sys, anomalib_vae; anomalib_vae.__all__; dir(anomalib_vae);"
        "print([n for n in ('torch', 'sklearn', 'pandas', 'numpy', 'mlflow', 'matplotlib') if n in sys.modules])"
    )
    assert run(code) == "[]"


def test_the_core_never_imports_optional_packages():
    code = (
        f"import sys, importlib; [importlib.import_module(name) for name in {CORE!r}];"
        "print([n for n in ('mlflow', 'matplotlib', 'polars', 'typer', 'rich', 'ray') if n in sys.modules])"
    )
    assert run(code) == "[]"


def test_fitting_changes_no_global_setting():
    code = (
        "import torch, numpy as np, sklearn\n"
        "from anomalib_vae import VAE\n"
        "def settings():\n"
        "    return (torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled(), np.geterr(),\n"
        "            torch.are_deterministic_algorithms_enabled(), sklearn.get_config())\n"
        "before = settings()\n"
        "VAE(max_epochs=1, hidden_dims=(4,)).fit(np.random.default_rng(0).random((20, 2))).sample()\n"
        "print(before == settings())"
    )
    assert run(code) == "True"


def test_the_menu_matches():
    assert sorted(anomalib_vae.__all__) == sorted(anomalib_vae._HOME)
    assert len(set(anomalib_vae.__all__)) == len(anomalib_vae.__all__)
    assert set(dir(anomalib_vae)) == {*anomalib_vae.__all__, "__version__"}


@pytest.mark.parametrize("name", anomalib_vae.__all__)
def test_every_name_on_the_menu_resolves_to_its_home(name):
    found = getattr(anomalib_vae, name)
    assert found.__name__ == name
    assert found.__module__ == anomalib_vae._HOME[name]


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'anomalib_vae' has no attribute 'GAN9000'"):
        anomalib_vae.GAN9000  # noqa: B018
    assert not hasattr(anomalib_vae, "torch")


def test_the_version_is_the_installed_one():
    from importlib.metadata import version

    assert anomalib_vae.__version__ == version("anomalib-vae")


@pytest.mark.parametrize("name", MODULES)
def test_every_module_says_what_it_is(name):
    assert (importlib.import_module(name).__doc__ or "").strip()


def public(module):
    """The public classes and functions that a module defines."""
    for name, found in vars(module).items():
        if name.startswith("_") or getattr(found, "__module__", None) != module.__name__:
            continue
        if inspect.isclass(found) or inspect.isfunction(found):
            yield name, found


@pytest.mark.parametrize("name", anomalib_vae.__all__)
def test_nothing_on_the_menu_lacks_a_docstring(name):
    found = getattr(anomalib_vae, name)
    assert inspect.getdoc(found)
    if inspect.isclass(found):
        for method_name, method in inspect.getmembers(found, inspect.isfunction):
            if not method_name.startswith("_") and method.__module__.startswith("anomalib_vae"):
                assert inspect.getdoc(method), f"{name}.{method_name}"


@pytest.mark.parametrize("name", [name for name, home in anomalib_vae._HOME.items() if ".models." in home])
def test_every_model_says_what_its_score_is(name):
    assert "`score_samples" in vars(getattr(anomalib_vae, name))["__doc__"]


@pytest.mark.parametrize("name", CORE)
def test_no_public_class_lacks_a_docstring(name):
    for found_name, found in public(importlib.import_module(name)):
        if inspect.isclass(found):
            assert (found.__doc__ or "").strip(), found_name
            assert not found.__doc__.startswith(f"{found_name}("), f"{found_name} has only the docstring of a dataclass"
