"""Croissant metadata of the dataset: files with digests, records and fields, and where they come from.

Specification 1.1 of MLCommons, with its RAI vocabulary and PROV-O.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hubkit.digests import file_digest
from hubkit.packaging.card_data import CardFacts
from hubkit.packaging.parquet import Split
from hubkit.packaging.responsible_ai import PROV, provenance, responsible_ai

if TYPE_CHECKING:
    import mlcroissant as mlc
    import pyarrow as pa

PARQUET = "application/x-parquet"

CONFORMS_TO = ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"]


def croissant(facts: CardFacts, splits: Sequence[Split], root: Path) -> str:
    """The dataset's croissant.json: a record set for each Parquet file below `root`."""
    import mlcroissant as mlc
    from mlcroissant._src.core.rdf import make_context

    # A context starts with the names of 1.0; mlcroissant has those of 1.1 for who asks.
    names = make_context(mlc.Context(conforms_to=CONFORMS_TO[0]), prov=PROV)
    context = mlc.Context(conforms_to=CONFORMS_TO[0], rdf=mlc.Rdf(context=names))
    release, day = facts.release, facts.finished
    metadata = mlc.Metadata(
        ctx=context,
        name=facts.names["dataset"],
        description=f"{release.title}: chest X-ray reports in Brazilian Portuguese, from {facts.source}.",
        url=f"{facts.hub}/datasets/{facts.repos['dataset']}",
        version=release.version,
        license=[facts.license_url if facts.corpus.credentialed else facts.corpus.licence],
        in_language=["pt"],
        keywords=["radiology", "chest X-ray", "Brazilian Portuguese"],
        cite_as=f"{facts.original.name}: {facts.original.url}; {facts.corpus.citation}",
        date_published=datetime.combine(day, time()) if day else None,
        distribution=[_file(context, path, root) for split in splits for path in split.files],
        record_sets=[_records(context, split, path) for split in splits for path in split.files],
    )
    found = {**metadata.to_json(), "conformsTo": CONFORMS_TO, **responsible_ai(facts), **provenance(facts)}
    return json.dumps(found, indent=2, ensure_ascii=False, default=str) + "\n"


def _file(context: mlc.Context, path: Path, root: Path) -> mlc.FileObject:
    import mlcroissant as mlc

    return mlc.FileObject(
        ctx=context,
        id=path.as_posix(),
        name=path.as_posix(),
        content_url=path.as_posix(),
        content_size=f"{(root / path).stat().st_size} B",
        encoding_formats=[PARQUET],
        sha256=file_digest(root / path),
    )


def _records(context: mlc.Context, split: Split, path: Path) -> mlc.RecordSet:
    import mlcroissant as mlc

    name = f"{split.config}/{path.stem}"
    return mlc.RecordSet(
        ctx=context,
        id=name,
        name=name,
        description=f"{split.name} split of the config {split.config}",
        fields=[_field(context, f"{name}/{column.name}", path, column.name, column.type) for column in split.schema],
    )


def _field(context: mlc.Context, name: str, path: Path, column: str, kind: pa.DataType) -> mlc.Field:
    import mlcroissant as mlc
    import pyarrow.types as types

    if types.is_struct(kind):
        return mlc.Field(ctx=context, id=name, name=name, sub_fields=list(_inner(context, name, path, column, kind)))
    repeated = types.is_list(kind)
    inner = kind.value_type if repeated else kind
    return mlc.Field(
        ctx=context,
        id=name,
        name=name,
        data_types=[_data_type(inner)],
        is_array=True if repeated else None,
        array_shape="-1" if repeated else None,
        source=_source(path, column),
    )


def _inner(context: mlc.Context, name: str, path: Path, column: str, kind: pa.DataType) -> Iterator[mlc.Field]:
    import mlcroissant as mlc

    for member in kind:
        key = f"{name}/{member.name.replace(' ', '_')}"
        source = _source(path, column)
        source.transforms = [mlc.Transform(json_path=f"'{member.name}'")]
        yield mlc.Field(ctx=context, id=key, name=key, data_types=[_data_type(member.type)], source=source)


def _source(path: Path, column: str) -> mlc.Source:
    import mlcroissant as mlc

    return mlc.Source(file_object=path.as_posix(), extract=mlc.Extract(column=column))


def _data_type(kind: pa.DataType) -> Any:
    import mlcroissant as mlc

    types = {"int64": mlc.DataType.INT64, "int8": mlc.DataType.INT8, "float": mlc.DataType.FLOAT32}
    return types.get(str(kind), mlc.DataType.TEXT)
