"""The OpenAPI document against the server that it describes: requests are made from it by the
hundred, right ones and wrong ones, and every answer must be one that it tells of."""

from __future__ import annotations

from collections import Counter

import hypothesis
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase
from schemathesis import checks as told
from schemathesis.generation import GenerationMode

from ossay.server.openapi import document

CHECKS = [
    told.not_a_server_error,
    told.status_code_conformance,
    told.content_type_conformance,
    told.response_headers_conformance,
    told.response_schema_conformance,
]
OPERATIONS = {
    (method, path): operation["operationId"]
    for path, methods in document()["paths"].items()
    for method, operation in methods.items()
    if method != "parameters"
}
POSTS = {key: name for key, name in OPERATIONS.items() if key[0] == "post"}


@pytest.fixture(scope="module")
def served(serving, vocabulary_environ):
    with serving("played/caller", "--max-body", "1", **vocabulary_environ) as served:
        yield served


@pytest.fixture
def session():
    with requests.Session() as session:
        yield session


def operation(served, method, path):
    schema = schemathesis.openapi.from_dict(document([served.model]))
    return schema[path][method.upper()]


def send(served, session, case, *checks):
    response = case.call(base_url=f"http://127.0.0.1:{served.port}", session=session)
    case.validate_response(response, checks=[*CHECKS, *checks])
    return response.status_code


def send_many(served, session, key, mode, *, count):
    """Send `count` generated requests; returns how often each status came back."""
    statuses = Counter()

    @hypothesis.settings(
        max_examples=count,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(case=operation(served, *key).as_strategy(generation_mode=mode))
    def run(case):
        statuses[send(served, session, case)] += 1

    run()
    return statuses


@pytest.mark.parametrize("key", OPERATIONS, ids=OPERATIONS.values())
def test_right_requests(served, session, key):
    statuses = send_many(served, session, key, GenerationMode.POSITIVE, count=40)
    if key in POSTS:
        assert statuses[200] > 0, statuses


@pytest.mark.parametrize("key", POSTS, ids=POSTS.values())
def test_wrong_requests(served, session, key):
    statuses = send_many(served, session, key, GenerationMode.NEGATIVE, count=60)
    assert statuses[400] > 0, statuses
    assert statuses[200] == 0, statuses
    assert served.chat().status == 200


@pytest.mark.long
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("key", POSTS, ids=POSTS.values())
def test_thousands_of_requests(served, session, key, mode):
    send_many(served, session, key, mode, count=1500)
    assert served.chat().status == 200
