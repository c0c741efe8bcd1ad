"""Errors as OpenAI writes them: a status and {"error": {message, type, param, code}}.

Knows nothing of HTTP beyond the status.
"""

from __future__ import annotations

import logging
import math

import msgspec

from ossay.core.errors import ModelCallError, OssayError

_log = logging.getLogger(__name__)

_TYPES = {
    400: "invalid_request_error",
    401: "invalid_request_error",
    403: "invalid_request_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    408: "invalid_request_error",
    413: "invalid_request_error",
    415: "invalid_request_error",
    429: "rate_limit_error",
    431: "invalid_request_error",
}


class ApiError(Exception):
    """A request that gets an error for an answer.

    Attributes:
        status: Of HTTP.
        code: For programs, such as 'context_length_exceeded'; None where there is none.
        param: The field of the body that is at fault, such as 'messages[2].content'.
        retry_after_s: Of a 429 or 503: when it is worth asking again.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s

    @property
    def type(self) -> str:
        """What OpenAI calls this kind of error."""
        return _TYPES.get(self.status, "server_error")

    def as_dict(self) -> dict[str, str | None]:
        """The error object."""
        return {
            "message": str(self),
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }

    def body(self) -> bytes:
        """The JSON body."""
        return msgspec.json.encode({"error": self.as_dict()})


def as_api_error(error: Exception) -> ApiError:
    """Return what a client is told of an error; what nobody foresaw is logged."""
    if isinstance(error, ApiError):
        return error
    if isinstance(error, ModelCallError):
        return from_call(error)
    if isinstance(error, OssayError):
        _log.error("%s", error)
        return ApiError(500, str(error))
    _log.error("a request failed", exc_info=error)
    return ApiError(500, "an error of this server, which is in its log", code="internal_error")


def from_call(error: ModelCallError) -> ApiError:
    """Translate a call that failed.

    What the model refused is the client's to mend (400, 413); what went wrong behind this server is
    not (502, 503, 504), and an upstream's refusal of our own key is no 401 of the client's.
    """
    text = str(error)
    if error.kind == "context_exhausted":
        return ApiError(400, text, code="context_length_exceeded")
    if error.status == 503:
        return ApiError(503, text, code="unavailable", retry_after_s=_retry_after(error))
    if error.kind == "rate_limited":
        return ApiError(429, text, code="rate_limit_exceeded", retry_after_s=_retry_after(error))
    if error.kind == "refused" and error.status == 429:  # for as long as nobody pays
        return ApiError(429, text, code="insufficient_quota")
    if error.kind == "refused" and error.status not in (401, 402, 403):
        return ApiError(413 if error.status == 413 else 400, text)
    if error.kind == "deadline":
        return ApiError(504, text, code="deadline")
    return ApiError(502, text, code=error.kind)


def _retry_after(error: ModelCallError) -> int:
    """Whole seconds, at least one."""
    return max(1, math.ceil(error.retry_after_s or 0.0))
