"""What went wrong, in one word and one line."""

from __future__ import annotations

import json

import pytest

from ossay.core.errors import ModelCallError
from ossay.models.failures import TEXT_CHARS, cleaned, of_status
from ossay.models.secret import Secret

# As the servers write them, see each name's documentation or source.
CONTEXT_BODIES = {
    "openai": {"error": {"code": "context_length_exceeded", "message": "too long"}},
    "llama.cpp": {"error": {"type": "exceed_context_size_error", "message": "too long"}},
    "vllm": {"message": "This model's maximum context length is 8192 tokens. However, …"},
    "anthropic": {"error": {"message": "prompt is too long: 210000 tokens > 200000 maximum"}},
    "gemini": [{"error": {"message": "The input token count (9) exceeds the maximum number"}}],
    "fireworks": {"error": {"message": "prompt_tokens (163280) must be less than max_seq_len"}},
    "ollama": {"error": {"message": "the input exceeds the available context size"}},
    "openrouter": {
        "error": {
            "message": "Provider returned error",
            "metadata": {"raw": "This model's maximum context length is 262144 tokens."},
        }
    },
}


def judged(status: int, body: object = b""):
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return of_status(status, {}, raw, 0.0)


@pytest.mark.parametrize(
    ("status", "kind", "again"),
    [
        (301, "bad_response", False),
        (400, "refused", False),
        (401, "refused", False),
        (403, "refused", False),
        (404, "refused", False),
        (422, "refused", False),
        (429, "rate_limited", True),
        (500, "server_error", True),
        (503, "server_error", True),
        (529, "server_error", True),
        (204, "bad_response", False),
    ],
)
def test_a_status_says_what_and_whether_to_try_again(status: int, kind: str, again: bool):
    refusal = judged(status)
    assert (refusal.error.kind, refusal.again, refusal.error.status) == (kind, again, status)


@pytest.mark.parametrize("server", CONTEXT_BODIES)
@pytest.mark.parametrize("status", [400, 413, 500])
def test_a_context_that_ran_out_is_recognised(server: str, status: int):
    refusal = judged(status, CONTEXT_BODIES[server])
    assert refusal.error.kind == "context_exhausted"
    assert not refusal.again


def test_other_refusals_are_not_taken_for_it():
    body = {"error": {"message": "max_tokens is too large: this model supports at most 16384"}}
    assert judged(400, body).error.kind == "refused"


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ({"error": {"message": "bad thing"}}, "bad thing"),
        ({"error": "bad thing"}, "bad thing"),
        ([{"error": {"message": "bad thing"}}], "bad thing"),
        ({"detail": "bad thing"}, "bad thing"),
        ({"error": {"message": "outer", "metadata": {"raw": "inner"}}}, "outer: inner"),
        (b"plain text", "plain text"),
        (b"", "no text"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"[" * 100_000, "[[["),
    ],
)
def test_the_providers_own_words_are_shown(body: object, shown: str):
    assert shown in str(judged(500, body).error)


def test_what_a_model_wrote_is_kept_where_its_provider_refused_it():
    body = {"error": {"code": "tool_use_failed", "failed_generation": "<function=x>"}}
    assert judged(400, body).said == "<function=x>"
    assert judged(500, body).said is None
    assert judged(400, {"error": {"code": "other", "failed_generation": "x"}}).said is None


def test_an_error_is_named_cut_harmless_and_without_the_key():
    key = Secret("MY_KEY", "sk-secret")
    text = f"refused sk-secret \x1b[2J\n{'x' * 5000}"
    error = cleaned(ModelCallError("refused", text, status=401, attempts=2), "p/m", key)
    shown = str(error)
    assert shown.startswith("'p/m': refused [key] ␛[2J x")
    assert "sk-secret" not in shown
    assert "'MY_KEY'" in shown
    assert "\n" not in shown
    assert len(shown) < TEXT_CHARS + 50
    assert (error.kind, error.status, error.attempts) == ("refused", 401, 2)


@pytest.mark.parametrize("headers", [{"Retry-After": "7"}, {"retry-after-ms": "7000"}])
def test_when_to_come_back_is_kept_with_the_error(headers):
    error = of_status(429, headers, b"", 0.0).error
    assert error.retry_after_s == 7.0
    assert cleaned(error, "lab/m", None).retry_after_s == 7.0
    assert of_status(429, {}, b"", 0.0).error.retry_after_s is None


def test_that_a_tool_call_had_begun_is_kept_with_the_error():
    error = ModelCallError("cut_off", "it broke", began=True, acted=True)
    assert cleaned(error, "lab/m", None).acted
