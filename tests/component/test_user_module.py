from __future__ import annotations

import sys

import pytest

from evaluator_component.component.user_module import load_user_module, pack_module
from evaluator_component.errors import ConfigError


@pytest.fixture
def write_module(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    written = []

    def write(code, name="user_hooks"):
        path = tmp_path / "code" / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(code)
        written.append(name)
        return path

    yield write
    for name in written:
        sys.modules.pop(name, None)


def test_a_hook_gets_only_the_arguments_that_it_names(write_module):
    path = write_module("def extractors(defaults, schema): return [*defaults, schema]")
    module = load_user_module(str(path), None)
    got = module.call("extractors", defaults=["a"], eval_config="unused", schema="s", models={})
    assert got == ["a", "s"]


def test_without_a_module_the_default_is_kept():
    assert load_user_module(None, None).call("extractors", otherwise=["a"], defaults=[]) == ["a"]


def test_a_misspelt_hook_is_an_error_with_the_nearest_name(write_module):
    path = write_module("def extractor(defaults): return defaults")
    with pytest.raises(ConfigError, match=r"extractor: is not a hook .*'extractors'"):
        load_user_module(str(path), None)


def test_a_misspelt_argument_is_an_error_with_the_nearest_name(write_module):
    path = write_module("def writers(default): return default")
    with pytest.raises(ConfigError, match=r"unknown argument 'default' .*'defaults'"):
        load_user_module(str(path), None)


def test_a_module_without_any_hook_is_an_error(write_module):
    path = write_module("def run_fn(args): pass")
    with pytest.raises(ConfigError, match="defines no hook"):
        load_user_module(str(path), None)


def test_own_helpers_and_imported_functions_are_no_hooks(write_module):
    path = write_module(
        "from difflib import get_close_matches\n"
        "def _extractor(x): return x\n"
        "def score(x): return x\n"
        "def metrics(): return []\n"
    )
    assert set(load_user_module(str(path), None).hooks) == {"metrics"}


def test_names_of_tfx_are_understood(write_module):
    path = write_module(
        "def custom_extractors(eval_shared_model, eval_config, tensor_adapter_config):\n"
        "    return [eval_shared_model, eval_config, tensor_adapter_config]\n"
        "def custom_eval_shared_model(eval_saved_model_path, model_name, eval_config, **kwargs):\n"
        "    return eval_saved_model_path, model_name, sorted(kwargs)\n"
    )
    module = load_user_module(str(path), None)
    got = module.call("extractors", defaults=[], eval_config="c", schema="s", models="m")
    assert got == ["m", "c", "s"]
    path, name, _ = module.call("load_model", path="p", name="n", model_spec=None, eval_config="c")
    assert (path, name) == ("p", "n")


def test_one_hook_under_two_names_is_an_error(write_module):
    path = write_module(
        "def extractors(defaults): return defaults\ndef custom_extractors(eval_config): return []\n"
    )
    with pytest.raises(ConfigError, match="are the same hook"):
        load_user_module(str(path), None)


def test_a_module_that_fails_when_imported_says_why(write_module):
    path = write_module("import no_such_package_at_all")
    with pytest.raises(ConfigError, match="no_such_package_at_all"):
        load_user_module(str(path), None)


def test_a_missing_file_names_the_nearest(write_module, tmp_path):
    path = write_module("def metrics(): return []")
    with pytest.raises(ConfigError, match=r"did you mean 'user_hooks\.py'"):
        pack_module(path.with_name("user_hook.py"), tmp_path)


def test_a_packed_module_brings_the_files_beside_it(write_module, tmp_path):
    write_module("EXTRA = ['extra']", name="beside")
    path = write_module("import beside\ndef metrics(): return beside.EXTRA")
    packed = pack_module(path, tmp_path / "wheels")
    path.unlink()
    assert load_user_module(None, packed).call("metrics") == ["extra"]


def test_a_repacked_module_is_not_mistaken_for_the_old_one(write_module, tmp_path):
    first = pack_module(write_module("def metrics(): return [1]"), tmp_path / "wheels")
    second = pack_module(write_module("def metrics(): return [2]"), tmp_path / "wheels")
    assert load_user_module(None, first).call("metrics") == [1]
    assert load_user_module(None, second).call("metrics") == [2]
    assert load_user_module(None, first).call("metrics") == [1]
