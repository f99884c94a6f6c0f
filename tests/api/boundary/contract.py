"""Requests made up from an OpenAPI document, fitting and unfitting, and what must hold of every answer to them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx2 as httpx
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from starlette.testclient import TestClient

from drovi_api.errors import MEDIA_TYPE, Problem
from tests.api.boundary.operations import operations_of
from tests.api.boundary.streams import Tap

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
EXAMPLES = 6
"""Of each kind and operation; each is sent by every caller."""

Headers = Mapping[str, str]


class Contract:
    """What a document promises, tried on the application that serves it under ``base``.

    ``events`` are the shapes of what streams tell: a document has no words yet for the data of an event.
    """

    def __init__(
        self, document: Mapping[str, Any], base: str = "", events: Mapping[str, type[BaseModel]] | None = None
    ) -> None:
        self.operations = operations_of(document)
        self._events = events or {}
        self._base = f"http://testserver{base}"
        found = schemathesis.openapi.from_dict(dict(document)).get_all_operations()
        self._described = {one.ok().definition.raw["operationId"]: one.ok() for one in found}

    def asked(self, last: Iterable[str] = ()) -> list[tuple[str, GenerationMode]]:
        """Every operation with the ways to ask it; what takes things away comes late, and ``last`` at the end."""
        ends = list(last)
        names = sorted(
            self.operations,
            key=lambda name: (
                ends.index(name) + 1 if name in ends else 0,
                self.operations[name].method == "DELETE",
            ),
        )
        return [(name, way) for name in names for way in self._ways(name)]

    def holds(
        self,
        client: TestClient,
        name: str,
        way: GenerationMode,
        callers: Callable[[], Iterable[Headers]],
        known: Mapping[str, str],
    ) -> None:
        """Try it; ``known`` is the path of something that exists, so that more than a refusal is looked at."""

        @given(case=self._described[name].as_strategy(generation_mode=way), exists=st.booleans())
        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        def ask(case: schemathesis.Case, *, exists: bool) -> None:
            if exists and known:
                case.path_parameters = dict(known)
            for headers in callers():
                response = self._sent(client, case, headers)
                shape = self._events.get(name) if response.status_code == 200 else None
                case.validate_response(response, checks=CHECKS if shape is None else CHECKS[:-1])
                if shape is not None:
                    _told(response, shape)
                if response.status_code >= 400:
                    assert response.headers["content-type"] == MEDIA_TYPE
                    assert Problem.model_validate(response.json()).status == response.status_code

        ask()

    def _ways(self, name: str) -> list[GenerationMode]:
        """An operation without any input cannot be asked in an unfitting way."""
        described = self._described[name].definition.raw
        takes = described.get("parameters") or "requestBody" in described
        return [GenerationMode.POSITIVE, GenerationMode.NEGATIVE] if takes else [GenerationMode.POSITIVE]

    def _sent(self, client: TestClient, case: schemathesis.Case, headers: Headers) -> httpx.Response:
        kwargs: dict[str, Any] = case.as_transport_kwargs(base_url=self._base)
        wanted = {
            name: kwargs[name]
            for name in ("method", "url", "params", "data", "json", "headers")
            if name in kwargs
        }
        prepared = requests.Request(**wanted).prepare()
        request = client.build_request(
            prepared.method, prepared.url, content=prepared.body, headers={**prepared.headers, **headers}
        )
        client.cookies.clear()
        if case.operation.definition.raw["operationId"] in self._events:
            return Tap(client, request.url.raw_path.decode(), request.headers).answer(request)
        return client.send(request, follow_redirects=False)


def _told(response: httpx.Response, shape: type[BaseModel]) -> None:
    """Every event of a stream holds the shape."""
    for line in response.text.splitlines():
        if line.startswith("data: "):
            shape.model_validate_json(line.removeprefix("data: "), strict=True)
