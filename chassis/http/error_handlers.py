"""Errors: the problem, and the response, for each exception that a request may raise."""

import asyncpg
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from chassis.core.problems import (
    InternalError,
    MalformedRequest,
    Problem,
    Unavailable,
    ValidationFailed,
    field_errors,
)
from chassis.core.telemetry import log
from chassis.db.pool import is_transient
from chassis.db.transaction import RETRYABLE_ERRORS, RetryTransaction


def to_problem(request: Request, error: Exception) -> Problem:
    """Return the problem for an exception. Errors that are not the client's are logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        errors = field_errors(error.errors())
        is_query = all(item.location in ("query", "header") for item in errors)
        return MalformedRequest(errors=errors) if is_query else ValidationFailed(errors=errors)
    if is_transient(error) or isinstance(error, (RetryTransaction, asyncpg.QueryCanceledError, *RETRYABLE_ERRORS)):
        log.warning("request refused", error=repr(error))
        return Unavailable()
    log.error("request failed", path=request.url.path, exc_info=error)
    return InternalError()


def problem_response(request: Request, problem: Problem) -> Response:
    """Return the response that carries a problem."""
    return problem.response(request.url.path, request.scope.get("state", {}).get("trace_id", ""))


def error_response(request: Request, error: Exception) -> Response:
    """Return the response for an exception."""
    return problem_response(request, to_problem(request, error))
