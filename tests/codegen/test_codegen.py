"""Types that another generator makes of `schemas/`: they must type-check, and say all that the schemas say.

They are of dicts, as JSON has them: in pydantic's models that generator writes the bounds of ids, which may be texts
or numbers, by calls that no type checker takes.
"""

import importlib
import json
import os
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from datamodel_code_generator import DataModelType, Formatter, InputFileType, PythonVersion, generate
from mypy import api as mypy
from typing_extensions import NotRequired, get_args, get_origin, get_type_hints, is_typeddict

SCHEMAS = sorted((Path(__file__).parents[2] / "schemas").glob("*.json"))
TYPED_BY = {"type", "const", "enum", "anyOf", "oneOf", "allOf", "$ref"}


@pytest.fixture(scope="session")
def types(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of Python files, one an operation."""
    folder = tmp_path_factory.mktemp("types")
    for schema in SCHEMAS:
        with warnings.catch_warnings():
            # The formats of times and ids are our own.
            warnings.filterwarnings("ignore", "format of .* not understood")
            generate(
                schema,
                input_file_type=InputFileType.JsonSchema,
                output=folder / f"{schema.stem}.py",
                output_model_type=DataModelType.TypingTypedDict,
                target_python_version=PythonVersion.PY_310,
                use_title_as_name=True,
                use_closed_typed_dict=False,  # mypy does not know those yet
                formatters=[Formatter.BUILTIN],
            )
    return folder


def test_types_type_check(types: Path) -> None:
    assert len(SCHEMAS) > 40
    report, errors, status = mypy.run(
        ["--strict", "--python-version", "3.10", "--config-file", os.devnull, str(types)]
    )
    assert status == 0, report + errors
    assert f"{len(SCHEMAS)} source files" in report


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda path: path.stem)
def test_types_say_what_the_schema_says(types: Path, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(types.parent)
    module = importlib.import_module(f"{types.name}.{path.stem}")
    schema = json.loads(path.read_text())
    records = [found for found in within(schema) if "title" in found and "properties" in found]
    assert records[0]["title"] == f"{path.stem} operation"
    for record in records:
        kind = getattr(module, class_name(record))
        # A union has no members of its own: each of its forms has those that all have in common.
        for form in [kind] if is_typeddict(kind) else get_args(kind):
            members = get_type_hints(form, include_extras=True)
            for name, of in record["properties"].items():
                assert is_any(members[name]) == is_untyped(of), f"{form.__name__}.{name}"
                is_required = get_origin(members[name]) is not NotRequired
                assert is_required == (name in record.get("required", [])), f"{form.__name__}.{name}"


def within(schema: object) -> Iterator[dict[str, Any]]:
    """All schemas within one, and itself."""
    if isinstance(schema, dict):
        yield schema
        for named in ("properties", "$defs"):
            for of in schema.get(named, {}).values():
                yield from within(of)
        for of in inner(schema):
            yield from within(of)


def inner(schema: dict[str, Any]) -> list[Any]:
    """What a value of a schema is made of, or may be instead."""
    listed = [of for key in ("anyOf", "oneOf", "prefixItems") for of in schema.get(key, [])]
    return listed + [schema[key] for key in ("items", "additionalProperties") if schema.get(key)]


def is_untyped(schema: Any) -> bool:
    """Whether a schema leaves open what a value, or a part of it that has no name, is."""
    if schema is True or not TYPED_BY & schema.keys():
        return True
    return "properties" not in schema and any(map(is_untyped, inner(schema)))


def class_name(record: dict[str, Any]) -> str:
    if "anyOf" in record:
        # The generator calls a union by its place in the file, whatever its title.
        return "Update"
    return "".join(word[0].upper() + word[1:] for word in re.split("[ _]", record["title"]))


def is_any(hint: Any) -> bool:
    return hint is Any or any(map(is_any, get_args(hint)))
