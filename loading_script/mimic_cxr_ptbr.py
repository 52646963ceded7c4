"""Read a release, joined with your own copies of MIMIC-CXR and MIMIC-CXR-JPG.

The configs `default`, `generations`, `scores` and `spans` are the release as it is. Three more need your own copies:

- `text`: each Portuguese report next to its English original, whole and by section;
- `images`: decoded images with the Portuguese report and the labels;
- `chat`: images and messages, ready for supervised fine-tuning.

With datasets 2.21 and 3, from the branch `script`:

    load_dataset(REPO, "text", revision="script", trust_remote_code=True, mimic_cxr="~/mimic-cxr")

With any version, from a copy of this file (in the repo it is `loader/mimic_cxr_ptbr.py`):

    import mimic_cxr_ptbr
    reports = mimic_cxr_ptbr.load("text", release="the downloaded folder", mimic_cxr="~/mimic-cxr")

`mimic_cxr` is the folder that holds `files/p10/...` or `mimic-cxr-reports.zip`, or the zip itself; `mimic_cxr_jpg` is
that of MIMIC-CXR-JPG (the same by default). Both can be set in the environment, as MIMIC_CXR_ROOT and
MIMIC_CXR_JPG_ROOT. Studies that your copies lack, or have in another version, are left out, counted and named in a
warning.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import os
import re
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import datasets
import huggingface_hub
import pyarrow.parquet as pq

# The release that this copy of the file belongs to: written when it is packaged.
REPOSITORY = ""
REVISION = "main"
PROMPT = "Dê o diagnóstico das imagens apresentadas"
REFERENCE = "findings_impression"
CORPUS = "the corpus"
INCLUDE_SOURCE = False

LABELS = (
    "Atelectasis",
    "Cardiomegaly",
    "Consolidation",
    "Edema",
    "Enlarged Cardiomediastinum",
    "Fracture",
    "Lung Lesion",
    "Lung Opacity",
    "No Finding",
    "Pleural Effusion",
    "Pleural Other",
    "Pneumonia",
    "Pneumothorax",
    "Support Devices",
)
VIEWS = {
    "default": "The translated reports.",
    "generations": "Reports generated from images, with references.",
    "scores": "BERTScore of each generated report.",
    "spans": "Where each section lies in the English report.",
    "text": "Portuguese beside the English original.",
    "images": "Images with the Portuguese report and labels.",
    "chat": "Messages and images for fine-tuning.",
}
RELEASED = ("default", "generations", "scores", "spans")
HEADERS = ("indication", "comparison", "findings", "impression")
SPLITS = ("train", "validation", "test")
NAMED_IN_A_WARNING = 5  # ids; more would hide the sentence that names them
REPORTS = "mimic-cxr-reports"
REPORT = re.compile(r"(?:.*/)?files/p1\d/p(1\d{7})/s(5\d{7})\.txt")
OTHER_STUDIES = "loader/other_studies.parquet"
UNDEFINED = bytes.maketrans(bytes((0x81, 0x8D, 0x8F, 0x90, 0x9D)), b" " * 5)
CONTROLS = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\t\n\r"}

logger = datasets.logging.get_logger(__name__)


@dataclasses.dataclass
class Config(datasets.BuilderConfig):
    """Which view of the release, and where the researcher's own corpus lies.

    Attributes:
        mimic_cxr: folder of MIMIC-CXR: the reports, as a tree or as the zip.
        mimic_cxr_jpg: folder of MIMIC-CXR-JPG.
        prompt: the user's words in `chat`.
    """

    mimic_cxr: str | None = None
    mimic_cxr_jpg: str | None = None
    prompt: str = PROMPT

    @property
    def released(self) -> str:
        """The config of the release that this view is made from."""
        return self.name if self.name in RELEASED else "default"


class MimicCxrPtbr(datasets.GeneratorBasedBuilder):
    """The views of a release as `datasets` configs."""

    VERSION = datasets.Version("1.0.0")
    BUILDER_CONFIG_CLASS = Config
    BUILDER_CONFIGS = [  # noqa: RUF012 - the library's own declaration
        Config(name=name, version=datasets.Version("1.0.0"), description=text) for name, text in VIEWS.items()
    ]
    DEFAULT_CONFIG_NAME = "default"

    def __init__(self, *args: Any, **options: Any):
        # What the environment says must be part of the cache's key as well.
        if "MIMIC_CXR_ROOT" in os.environ:
            options.setdefault("mimic_cxr", os.environ["MIMIC_CXR_ROOT"])
        if "MIMIC_CXR_JPG_ROOT" in os.environ:
            options.setdefault("mimic_cxr_jpg", os.environ["MIMIC_CXR_JPG_ROOT"])
        super().__init__(*args, **options)

    def _info(self) -> datasets.DatasetInfo:
        return datasets.DatasetInfo(description=__doc__, features=datasets.Features(_features(self.config.name)))

    def _split_generators(self, dl_manager: Any) -> list[datasets.SplitGenerator]:
        view = self._view()  # what is missing is said before anything is read
        files = self._released_files(dl_manager, self.config.released)
        self._survey(view, files, dl_manager)
        spans = self._released_files(dl_manager, "spans") if self.config.name == "text" else {}
        if view.columns:
            files = self._those_that_fit(view, files, spans)
        # A tuple: lists are dealt out to the processes, and each of them needs all spans.
        return [
            datasets.SplitGenerator(
                name=split, gen_kwargs={"files": files[split], "spans": tuple(spans.get(split, ()))}
            )
            for split in SPLITS
            if files[split]
        ]

    def _those_that_fit(
        self, view: _Plain, files: dict[str, list[str]], spans: dict[str, list[str]]
    ) -> dict[str, list[str]]:
        """The files of the splits in which a row fits the corpus at hand: `datasets` has no word for an empty split."""
        for span in (row for paths in spans.values() for file in paths for row in _rows(file)):
            view.spans.setdefault(span["study_id"], []).append(span)
        # The first row that fits ends the search: only where none does, all are looked at.
        fit = {
            split: any(not view.lacks(row) and view.make(row) is not None for file in paths for row in _rows(file))
            for split, paths in files.items()
        }
        if any(files.values()) and not any(fit.values()):
            raise ValueError(f"{self.config.name}: no study of the release is left for want of {view.wanting}")
        for split in (split for split, paths in files.items() if paths and not fit[split]):
            logger.warning(f"{self.config.name}: the split {split} is left out, for want of {view.wanting}")
        return {split: paths if fit[split] else [] for split, paths in files.items()}

    def _released_files(self, dl_manager: Any, config: str) -> dict[str, list[str]]:
        """Parquet files of a config by split: in `data_dir`, else those of the repo."""
        folder = f"data/{config}"
        if self.config.data_dir:
            root = Path(self.config.data_dir).expanduser()
            found = sorted(str(path) for path in (root / folder).glob("*.parquet"))
            if not found:
                raise FileNotFoundError(f"{root / folder} holds no Parquet file: data_dir is the release's folder")
        else:
            found = self._download(f"{folder}/", getattr(dl_manager.download_config, "token", None))
        return {split: [name for name in found if Path(name).name.startswith(f"{split}-")] for split in SPLITS}

    def _download(self, start: str, token: Any) -> list[str]:
        repo = REPOSITORY or self.repo_id
        if not repo:
            raise ValueError("give data_dir, the folder of a downloaded release, or repo_id")
        api = huggingface_hub.HfApi(token=token)
        names = api.list_repo_files(repo, repo_type="dataset", revision=REVISION)
        return [
            huggingface_hub.hf_hub_download(repo, name, repo_type="dataset", revision=REVISION, token=token)
            for name in sorted(names)
            if name.startswith(start) and name.endswith(".parquet")
        ]

    def _survey(self, view: _Plain, files: dict[str, list[str]], dl_manager: Any) -> None:
        """Say in one warning which studies of the release the corpus lacks, and which it has beyond those known."""
        if not view.columns:
            return
        rows = [row for paths in files.values() for file in paths for row in _rows(file, view.columns)]
        absent = {row["study_id"]: lost for row in rows if (lost := view.lacks(row))}
        if rows and len(absent) == len(rows):
            raise FileNotFoundError(
                f"{self.config.name}: {view.root} has the {view.lacking} of no study of the release"
            )
        said = []
        if absent:
            lost = [name for names in absent.values() for name in names]
            said.append(f"{_counted(list(absent), len(rows), f'{len(lost)} {view.lacking}')}, the first {lost[0]}")
        known = self._other_studies(dl_manager)
        if known is not None:
            strange = sorted(view.studies(rows) - known - {row["study_id"] for row in rows})
            if strange:
                said.append(f"{len(strange)} reports too many for the same subjects ({_named(strange)})")
        if said:
            whose = f"{CORPUS}, which the release was made from"
            logger.warning(f"{self.config.name}: {view.root} differs from {whose}: {'; '.join(said)}")

    def _other_studies(self, dl_manager: Any) -> set[int] | None:
        """Ids of the studies that the corpus of the release has apart from those in it; None where it does not say."""
        if self.config.data_dir:
            found = [str(path) for path in Path(self.config.data_dir).expanduser().glob(OTHER_STUDIES)]
        else:
            found = self._download(OTHER_STUDIES, getattr(dl_manager.download_config, "token", None))
        return {row["study_id"] for path in found for row in _rows(path)} if found else None

    def _view(self) -> _Plain:
        return {"text": _Text, "images": _Images, "chat": _Chat}.get(self.config.name, _Plain)(self.config)

    def _generate_examples(self, files: list[str], spans: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
        make = self._view()
        for span in (row for file in spans for row in _rows(file)):
            make.spans.setdefault(span["study_id"], []).append(span)
        for number, file in enumerate(files):
            for place, row in enumerate(_rows(file)):
                example = None if make.lacks(row) else make(row)
                if example is not None:
                    yield f"{number}-{place}", example
        if make.unfit:
            logger.warning(f"{self.config.name}: {_counted(make.unfit, make.seen, make.wanting)}")


def load(
    name: str = "text",
    release: str | os.PathLike[str] = ".",
    split: str | None = None,
    num_proc: int | None = None,
    rebuild: bool = False,
    **options: Any,
) -> Any:
    """Build a view and return its dataset, with any version of `datasets`.

    Args:
        name: one of default, generations, scores, spans, text, images and chat.
        release: the folder of a downloaded release, or the id of its repo.
        split: train, validation or test; all of them by default.
        num_proc: processes; at most one for each Parquet file is of use.
        rebuild: whether to build it again though it is in the cache, as after completing your copy of the corpus.
        options: `mimic_cxr`, `mimic_cxr_jpg`, `prompt`, and what a `datasets` builder takes, such as `cache_dir`.

    Raises:
        FileNotFoundError: the release or the corpus is not there.
        ValueError: the corpus is needed and not given, or the release is sealed.
    """
    folder = Path(release).expanduser()
    if not folder.is_dir() and not re.fullmatch(r"[\w.-]+/[\w.-]+", str(release)):
        raise FileNotFoundError(f"release: there is no folder {folder}, and it is not the id of a repo")
    if folder.is_dir():
        options |= {"data_dir": str(folder), "hash": _fingerprint(folder)}
    else:
        options["repo_id"] = str(release)
    builder = MimicCxrPtbr(config_name=name, **options)
    # What was built before had fewer rows, perhaps: no reason to refuse what is built now.
    anew = {"download_mode": "force_redownload", "verification_mode": "no_checks"} if rebuild else {}
    builder.download_and_prepare(num_proc=num_proc, **anew)
    return builder.as_dataset(split=split)


class _Plain:
    """A row of the release as it is.

    Attributes:
        columns: the columns that say which files of the corpus a row needs; none where it needs none.
        lacking: what those files are called.
        wanting: for want of what else a row is left out, which shows when it is made.
        seen, unfit: how many rows were made, and the studies of those that wanted something.
    """

    columns: tuple[str, ...] = ()
    lacking = wanting = ""
    root: Path

    def __init__(self, config: Config):
        self.config = config
        self.spans: dict[int, list[dict[str, Any]]] = {}
        self.seen, self.unfit = 0, list[int]()

    def lacks(self, row: dict[str, Any]) -> list[str]:
        """The files that the row needs and the corpus does not have."""
        return []

    def studies(self, rows: Iterable[dict[str, Any]]) -> set[int]:
        """Ids of all studies that the corpus has of the subjects of `rows`."""
        return set()

    def make(self, row: dict[str, Any]) -> dict[str, Any] | None:
        """The example of a row; None where something is wanting."""
        return row

    def __call__(self, row: dict[str, Any]) -> dict[str, Any] | None:
        example = self.make(row)
        self.seen += 1
        if example is None:
            self.unfit.append(row["study_id"])
        return example


class _Text(_Plain):
    """A row with the English report next to the Portuguese one."""

    columns = ("subject_id", "study_id")
    lacking = "reports"
    wanting = "the report that the release was made from: yours has another length, so it is of another version"

    def __init__(self, config: Config):
        super().__init__(config)
        self.root = _folder(config.mimic_cxr, "mimic_cxr", "files", f"{REPORTS}.zip", REPORTS)
        archive = self.root if self.root.is_file() else self.root / f"{REPORTS}.zip"
        if archive.is_file() and not zipfile.is_zipfile(archive):
            raise ValueError(f"mimic_cxr: {archive} is no whole zip file")
        self.archive = zipfile.ZipFile(archive) if archive.is_file() else None
        self.tree = self.root if (self.root / "files").is_dir() else self.root / REPORTS

    @functools.cached_property
    def members(self) -> dict[tuple[int, int], str]:
        """Names in the zip by subject and study."""
        names = self.archive.namelist() if self.archive else []
        return {(int(found[1]), int(found[2])): found[0] for name in names if (found := REPORT.fullmatch(name))}

    def lacks(self, row: dict[str, Any]) -> list[str]:
        subject, study = row["subject_id"], row["study_id"]
        there = (subject, study) in self.members if self.archive else self._file(subject, study).is_file()
        return [] if there else [f"s{study}.txt"]

    def studies(self, rows: Iterable[dict[str, Any]]) -> set[int]:
        subjects = {row["subject_id"] for row in rows}
        if self.archive:
            return {study for subject, study in self.members if subject in subjects}
        names = (path.name for subject in subjects for path in self._file(subject, 0).parent.glob("s*.txt"))
        return {int(found[1]) for name in names if (found := re.fullmatch(r"s(\d+)\.txt", name))}

    def make(self, row: dict[str, Any]) -> dict[str, Any] | None:
        report = _decode(self._read(row["subject_id"], row["study_id"]))
        words = report.split()
        places = {span["section"]: (span["start"], span["stop"]) for span in self.spans.get(row["study_id"], ())}
        # The whole report is a span too: with another number of words no place in it can be trusted.
        if places.pop("report", (0, len(words)))[1] != len(words):
            return None
        english = {section: " ".join(words[start:stop]) for section, (start, stop) in places.items()}
        sections = {f"{name}_en": english.get(name) for name in ("indication", "findings", "impression")}
        return {**row, **sections, "report_en": report, "reference_en": _reference(english)}

    def _read(self, subject: int, study: int) -> bytes:
        if self.archive:
            return self.archive.read(self.members[subject, study])
        return self._file(subject, study).read_bytes()

    def _file(self, subject: int, study: int) -> Path:
        return self.tree / "files" / f"p{subject}"[:3] / f"p{subject}" / f"s{study}.txt"


class _Images(_Plain):
    """A row with its images."""

    columns = ("study_id", "images")
    lacking = "images"
    wanting = "an image in the release"

    def __init__(self, config: Config):
        super().__init__(config)
        self.root = _folder(config.mimic_cxr_jpg or config.mimic_cxr, "mimic_cxr_jpg", "files")

    def lacks(self, row: dict[str, Any]) -> list[str]:
        return [path for path in row["images"] if not (self.root / path).is_file()]

    def make(self, row: dict[str, Any]) -> dict[str, Any] | None:
        if not row["images"]:
            return None
        names = ("subject_id", "study_id", "report", "labels")
        return {**{name: row[name] for name in names}, "images": [str(self.root / path) for path in row["images"]]}


class _Chat(_Images):
    """Images and the messages of one exchange."""

    wanting = "a translation or an image in the release"

    def make(self, row: dict[str, Any]) -> dict[str, Any] | None:
        answer = _answer(row)
        if not answer or not row["images"]:
            return None
        pictures = [{"type": "image", "text": None} for _ in row["images"]]
        return {
            "subject_id": row["subject_id"],
            "study_id": row["study_id"],
            "images": [str(self.root / path) for path in row["images"]],
            "messages": [
                {"role": "user", "content": [*pictures, {"type": "text", "text": self.config.prompt}]},
                {"role": "assistant", "content": [{"type": "text", "text": answer}]},
            ],
        }


def _answer(row: dict[str, Any]) -> str | None:
    """What a model is to say: findings and impression, or the whole report, as the release was scored."""
    if REFERENCE == "report" or not row["report"]:
        report: str | None = row["report"]
        return report
    kept = {"ACHADOS": row["findings"], "IMPRESSÃO": row["impression"]}
    if any(kept.values()):
        return "\n\n".join(f"{header}: {text.strip()}" for header, text in kept.items() if text)
    history = ("INDICAÇÃO:", "COMPARAÇÃO:")
    paragraphs = row["report"].split("\n\n")
    return "\n\n".join(text for text in paragraphs if not text.startswith(history))


def _reference(sections: dict[str, str]) -> str:
    """The English counterpart of the reference that generations are scored against."""
    wanted = HEADERS if REFERENCE == "report" else ("findings", "impression")
    paragraphs = [f"{name.upper()}: {sections[name]}" for name in wanted if name in sections]
    if "last_paragraph" in sections and not {"findings", "impression"} & sections.keys():
        paragraphs.append(sections["last_paragraph"])
    return "\n\n".join(paragraphs)


def _features(name: str) -> dict[str, Any]:
    text, integer, real = (datasets.Value(kind) for kind in ("string", "int64", "float32"))
    ids = {"subject_id": integer, "study_id": integer}
    labels = {label: datasets.Value("int8") for label in LABELS}
    if name == "generations":
        return {**ids, **dict.fromkeys(("condition", "reference", "generated", "finish_reason"), text)}
    if name == "scores":
        return {**ids, "condition": text, "setup": text, **dict.fromkeys(("precision", "recall", "f1"), real)}
    if name == "spans":
        place = datasets.Value("int32")
        return {**ids, "section": text, "start": place, "stop": place}
    if name == "images":
        return {**ids, "report": text, "labels": labels, "images": [datasets.Image()]}
    if name == "chat":
        message = {"role": text, "content": [{"type": text, "text": text}]}
        return {**ids, "images": [datasets.Image()], "messages": [message]}
    sections = ["indication", "findings", "impression", "report"]
    if INCLUDE_SOURCE:
        sections += [f"{section}_en" for section in sections]
    columns = {**ids, **dict.fromkeys(sections, text), "images": [text], "labels": labels, "translation_flags": [text]}
    english = ("indication_en", "findings_en", "impression_en", "report_en", "reference_en")
    return {**columns, **dict.fromkeys(english, text)} if name == "text" else columns


def _rows(file: str, columns: tuple[str, ...] | None = None) -> Iterator[dict[str, Any]]:
    """The rows of a Parquet file of the release, or some of their columns.

    Raises:
        ValueError: its text is sealed.
    """
    with pq.ParquetFile(file) as parquet:
        if any(str(field.type) == "large_binary" for field in parquet.schema_arrow):
            raise ValueError(f"{file} is sealed: open it first with `hubkit unseal`")
        for batch in parquet.iter_batches(columns=list(columns) if columns else None):
            yield from batch.to_pylist()


def _folder(given: str | None, option: str, *holds: str) -> Path:
    """The researcher's own folder, which holds one of `holds`; or the zip itself, where that will do."""
    variable = f"{option.upper()}_ROOT"
    if not given:
        raise ValueError(f"this config needs your own copy of the corpus: give {option}=FOLDER or set {variable}")
    folder = Path(given).expanduser()
    if folder.is_file() and any(name.endswith(".zip") for name in holds):
        return folder
    if not folder.is_dir():
        raise FileNotFoundError(f"{option}: there is no folder {folder}: give another, or set {variable}")
    if not any((folder / name).exists() for name in holds):
        raise FileNotFoundError(f"{option}: the folder {folder} does not hold {' or '.join(holds)}")
    return folder


def _decode(raw: bytes) -> str:
    """The text of a report; a few files of MIMIC-CXR are Windows-1252, or hold stray control characters."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        text = raw.translate(UNDEFINED).decode("cp1252")
    return text.removeprefix("\ufeff").translate(CONTROLS)


def _counted(studies: list[int], total: int, wanting: str) -> str:
    return f"{len(studies)} of {total} studies left out for want of {wanting} ({_named(studies)})"


def _named(ids: list[int]) -> str:
    named = ", ".join(map(str, ids[:NAMED_IN_A_WARNING]))
    return named if len(ids) <= NAMED_IN_A_WARNING else f"{named} and {len(ids) - NAMED_IN_A_WARNING} more"


def _fingerprint(release: Path) -> str:
    """Tells two releases in one folder apart: `datasets` does not look into data_dir when it looks into its cache."""
    files = sorted((release / "data").rglob("*.parquet"))
    known = [(str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(known).encode()).hexdigest()
