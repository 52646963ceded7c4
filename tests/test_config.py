"""hubkit.toml is checked when it is read, and a mistake is named with the keys that there are."""

from __future__ import annotations

import datetime
import re
import tomllib
from pathlib import Path

import pytest

from hubkit.config import ReleaseConfig, load_config, parse_config, template, write_config
from hubkit.errors import UsageError
from hubkit.terms.kinds import TERMS


@pytest.mark.parametrize(
    ("toml", "complaint"),
    [
        ("[corpus]\nrooot = 'x'", "unknown key corpus.rooot (known here: fit, headers, image_size, images"),
        ("[corpse]\nroot = 'x'", "unknown key corpse (known here: audit, corpus"),
        ("[hub.physionet_consent]\nwhom = 'x'", "hub.physionet_consent"),
        ("[finetuning]\nr = 0", "finetuning.r: Input should be greater than 0 (see: hubkit settings finetuning)"),
        ("[release]\nversion = '1.2'", "release.version: String should match pattern"),
        ("[scoring.bertimbau]\nmodel = 'x'", "scoring.bertimbau.layer: Field required"),
        ("[translation]\nbase_url = '127.0.0.1:8000'", "translation.base_url: is no http URL, such as http://"),
        ("[translation]\nbase_url = 'ftp://localhost/v1'", "is no http URL"),
        ("[translation]\nbase_url = 'file:///etc/passwd'", "is no http URL"),
        ("[translation]\nbase_url = 'http://'", "is no http URL"),
        ("[translation]\nbase_url = 'http://127.0.0.1:99999/v1'", "is no http URL"),
        ("[translation]\nbase_url = 'http://127.0.0.1:abc/v1'", "is no http URL"),
        ("[translation]\nbase_url = 'http://[::1'", "is no http URL"),
        ("[translation]\nbase_url = 'http://a..b/v1'", "is no http URL"),
        ("[translation]\nserve = 'vllm \"{port}'", "translation.serve: is no command line: No closing quotation"),
        ("[translation]\nserve = ''", "is no command line: it names no program"),
        ("[translation]\nserve = ' {port}'", "is no command line: it names no program"),
        ("[translation]\ntimeout = inf", "translation.timeout: Input should be a finite number"),
        ("[finetuning]\nlearning_rate = nan", "finetuning.learning_rate: Input should be a finite number"),
        ("[translation]\ndevice = 'gpu'", "translation.device: String should match pattern"),
        ("[generation]\ndevice = 'gpu'", "generation.device: String should match pattern"),
        ("[finetuning]\ndevice = 'cuda:'", "finetuning.device: String should match pattern"),
        ("[corpus", "not valid TOML"),
        ("[corpus]\nsubset = {valid = 5}", "unknown key corpus.subset.valid (known here: test, train, validate)"),
        ("[corpus]\nsubset = 'alle'", 'corpus.subset: takes a table with train, validate, test or "all" (see:'),
        ("[corpus]\nsubset = {train = 0}", "corpus.subset.train: Input should be greater than 0"),
        ("[scoring]\nbertimbau = 'x'", "scoring.bertimbau: takes a table with model, model_id, layer, revision"),
        ("[finetuning]\ntarget_modules = 5", "finetuning.target_modules: Input should be"),
        ("[finetuning.sweep]\nr = 3", "finetuning.sweep.r: Input should be a valid list"),
        ("[hub]\nendpoint = 'not a url'", "hub.endpoint: is no http URL"),
        ("[hub]\nendpoint = 'huggingface.co'", "hub.endpoint: is no http URL"),
        ("[hub]\nendpoint = 'localhost:8080'", "hub.endpoint: is no http URL"),
        ("[hub]\nendpoint = 'ftp://host.example'", "hub.endpoint: is no http URL"),
        ("[hub]\nendpoint = 'https://'", "hub.endpoint: is no http URL"),
        ("[hub]\nendpoint = 'https://host example'", "hub.endpoint: is no http URL"),
        ("[hub]\nendpoint = 'http://host:port'", "hub.endpoint: is no http URL"),
        ("[hub]\nendpoint = ''", "hub.endpoint: is no http URL"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, toml: str, complaint: str) -> None:
    path = tmp_path / "hubkit.toml"
    path.write_text(toml)
    with pytest.raises(UsageError) as caught:
        load_config(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "endpoint", ["https://huggingface.co", "http://127.0.0.1:8080/", "http://[::1]:7", "https://a.example/hf"]
)
def test_addresses_of_a_hub(endpoint: str) -> None:
    assert parse_config({"hub": {"endpoint": endpoint}}).hub.endpoint == endpoint


CONSENT = {"who": "A person", "when": "2026-01-02", "what": "gated publication"}


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ({"who": ""}, "hub.physionet_consent.who"),
        ({"who": " \n"}, "hub.physionet_consent.who"),
        ({"what": ""}, "hub.physionet_consent.what"),
        ({"when": ""}, "hub.physionet_consent.when"),
        ({"when": "9999-99-99"}, "hub.physionet_consent.when"),
        ({"when": "2026-02-30"}, "hub.physionet_consent.when"),
        ({"when": 20260102}, "hub.physionet_consent.when: give the day as YYYY-MM-DD"),
        ({"when": "2026-03-03"}, "hub.physionet_consent.when: 2026-03-03 has not come yet"),
        ({"when": datetime.date(2026, 3, 3)}, "hub.physionet_consent.when: 2026-03-03 has not come yet"),
    ],
)
def test_consent_names_a_person_a_day_that_was_and_a_matter(word: dict, complaint: str, today: datetime.date) -> None:
    assert today == datetime.date(2026, 3, 2)
    with pytest.raises(UsageError) as caught:
        parse_config({"hub": {"physionet_consent": CONSENT | word}})
    assert complaint in str(caught.value)


@pytest.mark.parametrize("day", ["2026-01-02", '"2026-01-02"'])
def test_the_day_of_consent_may_be_a_date_or_a_text(tmp_path: Path, day: str) -> None:
    path = tmp_path / "hubkit.toml"
    path.write_text(f"[hub.physionet_consent]\nwho = 'x'\nwhen = {day}\nwhat = 'y'\n")
    consent = load_config(path).hub.physionet_consent
    assert consent is not None
    assert consent.when == datetime.date(2026, 1, 2)


def test_without_a_namespace_there_is_no_repo() -> None:
    with pytest.raises(UsageError, match=r"^\[hub\] namespace: is missing"):
        ReleaseConfig().hub.repo("dataset")


def test_what_is_right_passes() -> None:
    for table in (
        {"base_url": "http://[::1]:8000/v1"},
        {"base_url": "https://gpu1.cluster"},
        {"serve": "env CUDA_VISIBLE_DEVICES={task} vllm serve 'a model' --port {port}"},
        {"device": "cuda:1"},
    ):
        parse_config({"translation": table})


def test_a_file_that_is_not_utf8_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "hubkit.toml"
    path.write_bytes("[hub]\nnamespace = 'x'\n# não\n".encode("cp1252"))
    with pytest.raises(UsageError, match=r"line 3 is not UTF-8 \(save the file as UTF-8\)"):
        load_config(path)


def test_a_missing_file_says_how_to_write_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="hubkit init"):
        load_config(tmp_path / "none.toml")


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    path = tmp_path / "hubkit.toml"
    path.write_text("[corpus]\nroot = 'mimic'\nimages = '/data/jpg'\nsubset = {train = 3, validate = 2, test = 1}\n")
    corpus = load_config(path).corpus
    assert (corpus.root, corpus.images) == (tmp_path / "mimic", Path("/data/jpg"))
    assert corpus.subset.sizes() == {"train": 3, "validate": 2, "test": 1}  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("values", "settings", "same"),
    [
        ({"translation": {"workers": 7}}, ("translation",), True),
        ({"translation": {"prompt": "x"}}, ("translation",), False),
        ({"release": {"version": "2.0.0"}}, ("release.seed",), True),
        ({"release": {"seed": 1}}, ("release.seed",), False),
        ({"corpus": {"subset": {"test": 1}}}, ("corpus",), False),
    ],
)
def test_the_digest_follows_what_decides_the_outcome(values: dict, settings: tuple[str, ...], same: bool) -> None:
    assert (parse_config(values).digest(settings) == ReleaseConfig().digest(settings)) is same


def test_the_template_is_the_defaults(tmp_path: Path) -> None:
    path = tmp_path / "hubkit.toml"
    path.write_text(template({"hub.namespace": "someone"}))
    config = load_config(path)
    assert config == parse_config({"hub": {"namespace": "someone"}, "corpus": {"root": str(tmp_path / "mimic-cxr")}})


COMMENTED = re.compile(r"^# (\w+ = .*)$")


def uncommented(number: int | None = None) -> str:
    """The template with one of its settings set, or with all."""
    lines, seen = [], 0
    for line in template({}).splitlines():
        match = COMMENTED.match(line)
        lines.append(match[1] if match and number in (None, seen) else line)
        seen += bool(match)
    return "\n".join(lines)


SETTINGS = [
    f"{name}.{key}" for name, field in ReleaseConfig.model_fields.items() for key in type(field.default).model_fields
]


@pytest.mark.parametrize("number", range(len(SETTINGS)), ids=SETTINGS)
def test_every_line_of_the_template_can_be_uncommented(number: int) -> None:
    values = tomllib.loads(uncommented(number))
    table, key = SETTINGS[number].split(".")
    assert list(values[table]) == [key]
    config = parse_config(values)
    default = getattr(getattr(ReleaseConfig(), table), key)
    if default is not None:
        assert getattr(getattr(config, table), key) == default
    else:
        assert getattr(getattr(config, table), key) is not None


def test_all_lines_of_the_template_can_be_uncommented() -> None:
    values = tomllib.loads(uncommented())
    assert sum(map(len, values.values())) == len(SETTINGS)
    parse_config(values)


def test_choices_stand_in_the_template() -> None:
    text = template({})
    for choices in (
        *("nf4, bf16, fp32", "stretch, pad", "findings_impression, report", "local, slurm, ray", "gated, sealed"),
        *("transformers, openai", "sections, report", "none, tensorboard, trackio", "float32, bfloat16"),
        ", ".join(TERMS),
    ):
        assert f"One of: {choices}." in text


def test_a_part_of_the_reference() -> None:
    text = template({}, "custody")
    assert [line for line in text.splitlines() if line.startswith("[")] == ["[custody]"]
    assert text.count(" = ") == 2


def test_every_setting_has_a_meaning() -> None:
    silent = [
        f"{name}.{key}"
        for name, field in ReleaseConfig.model_fields.items()
        for key, setting in type(field.default).model_fields.items()
        if not setting.description
    ]
    assert silent == []


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    values = {
        "corpus": {"root": "/data", "subset": {"train": 3, "validate": 2, "test": 1}},
        "translation": {"prompt": 'Olá "você"\n\\', "allowed_hosts": ["10.0.0.1"], "slurm": {"time": "2:00:00"}},
        "finetuning": {"sweep": {"r": [8, 16], "learning_rate": [1e-4]}},
        "hub": {"physionet_consent": {"who": "x", "when": "2026-01-01", "what": "y"}},
    }
    path = tmp_path / "hubkit.toml"
    path.write_text(write_config(parse_config(values)))
    assert load_config(path) == parse_config(values)
