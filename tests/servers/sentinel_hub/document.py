"""The service's published OpenAPI document, made into schemas that say what is wrong with a body.

Three places of the document cannot be taken by the letter, and are put right in `CORRECTIONS`:
- the identifier of a response is written as the placeholder "<identifier>" in an enumeration;
- a Catalog `filter` refers to the JSON form alone, while the document itself names the text form as the other language;
- `errors` of an error body is said to be an object; the recorded bodies have a list.
And one is cut short: a collection of geometries contains itself.

The document leaves every object open. Requests are held against it closed: a misspelt option must not pass unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from openapi_schema_validator import OAS31Validator, oas31_format_checker

Schema = dict[str, Any]

CORRECTIONS: Mapping[str, tuple[str, Schema]] = {
    "ProcessRequestOutputResponse": ("identifier", {"type": "string"}),
    "CatalogItemSearchFilterSearchBody": ("filter", {"type": ["string", "object"]}),
    "Boom": ("errors", {"type": ["object", "array"]}),
    "CatalogGeometrycollectionGeoJSON": ("geometries", {"type": "array"}),
}
"""Component -> a property of it and the schema that replaces the document's."""


class Part(StrEnum):
    """A body that the document describes."""

    PROCESS = "Process request"
    SEARCH = "Catalog search"
    ITEMS = "Catalog answer"
    PROCESS_ERROR = "Process error"
    CATALOG_ERROR = "Catalog error"


@dataclass(frozen=True)
class Problem:
    """One place of a body and what is wrong there."""

    parameter: str
    """As the service writes it: input->data->0->processing."""

    violation: str

    def __str__(self) -> str:
        return f"{self.parameter or 'body'}: {self.violation}"


class Document:
    """The document, read once."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            content = yaml.load(file, Loader=yaml.CSafeLoader)
        self._components: dict[str, Schema] = content["components"]["schemas"]
        for name, (field, schema) in CORRECTIONS.items():
            self._components[name]["properties"][field] = schema
        search = content["paths"]["/api/v1/catalog/1.0.0/search"]["post"]
        body = search["requestBody"]["content"]["application/json"]["schema"]
        paging = {"properties": {"next": {"type": "integer", "minimum": 0}}}  # only the prose of the document has it
        answer = search["responses"]["200"]["content"]["application/geo+json"]["schema"]
        schemas = {
            Part.PROCESS: self._plain({"$ref": "#/components/schemas/ProcessRequest"}, closed=True),
            Part.SEARCH: self._plain({"allOf": [*body["allOf"], paging]}, closed=True),
            Part.ITEMS: self._plain(answer, closed=False),
            Part.PROCESS_ERROR: self._plain({"$ref": "#/components/schemas/RestErrorWrapper"}, closed=False),
            Part.CATALOG_ERROR: self._plain({"$ref": "#/components/schemas/CatalogException"}, closed=False),
        }
        self._validators = {
            part: OAS31Validator(schema, format_checker=oas31_format_checker) for part, schema in schemas.items()
        }

    def problems(self, part: Part, body: object) -> list[Problem]:
        """What is wrong with a body; empty: nothing."""
        return [
            Problem("->".join(str(step) for step in error.absolute_path), error.message)
            for error in self._validators[part].iter_errors(body)
        ]

    def _plain(self, schema: Any, *, closed: bool) -> Schema:
        """Without references and compositions.

        `closed`: an object takes only the properties it names. A choice is made by `type`, so that the errors are
        those of the branch meant and not of all branches.
        """
        merged = self._merged(schema)
        if "oneOf" in merged:
            return _by_type(dict(self._branches(merged, closed=closed)))
        plain = {key: value for key, value in merged.items() if key in KEYWORDS}
        if merged.get("nullable"):
            plain["type"] = [plain["type"], "null"]
        if isinstance(merged.get("items"), dict):
            plain["items"] = self._plain(merged["items"], closed=closed)
        if merged.get("properties"):
            plain["properties"] = {
                name: self._plain(inner, closed=closed) for name, inner in merged["properties"].items()
            }
            if closed and "additionalProperties" not in merged:
                plain["additionalProperties"] = False
        if isinstance(merged.get("additionalProperties"), dict):
            plain["additionalProperties"] = self._plain(merged["additionalProperties"], closed=closed)
        return plain

    def _merged(self, schema: Schema) -> Schema:
        """One level: references followed, the parts of an allOf laid over each other (later ones win)."""
        if "$ref" in schema:
            return self._merged(self._components[schema["$ref"].rsplit("/", 1)[1]])
        if "allOf" not in schema:
            return schema
        whole: Schema = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            merged = self._merged(part)
            properties = {**whole.get("properties", {}), **merged.get("properties", {})}
            required = [*whole.get("required", []), *merged.get("required", [])]
            whole |= merged
            if properties:
                whole["properties"] = properties
            if required:
                whole["required"] = required
        return whole

    def _branches(self, schema: Schema, *, closed: bool) -> Iterator[tuple[str, Schema]]:
        """(value of `type`, branch)."""
        mapping = schema.get("discriminator", {}).get("mapping", {})
        for branch in schema["oneOf"]:
            plain = self._plain(branch, closed=closed)
            named = [value for value, target in mapping.items() if target == branch.get("$ref")]
            for value in named or plain["properties"]["type"].get("enum", []):
                yield value, plain


KEYWORDS = frozenset(
    {
        *("type", "format", "enum", "pattern", "required", "minimum", "maximum", "minItems", "maxItems", "uniqueItems"),
        *("minLength", "maxLength", "additionalProperties"),
    }
)
"""Kept as they are. Descriptions, examples and defaults judge nothing."""


def _by_type(branches: Mapping[str, Schema]) -> Schema:
    """A choice between objects that is made by their `type`."""
    return {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(branches)}},
        "allOf": [
            {"if": {"required": ["type"], "properties": {"type": {"const": value}}}, "then": branch}
            for value, branch in branches.items()
        ],
    }


@cache
def published(path: Path) -> Document:
    """The document of a file; read once in a process, it takes a tenth of a second."""
    return Document(path)
