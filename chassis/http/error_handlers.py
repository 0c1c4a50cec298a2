"""Errors: the problem, and the response, for each exception that a request may raise."""

import asyncpg
from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError

from chassis.core.field_errors import field_errors
from chassis.core.link_tokens import without_link_tokens
from chassis.core.problems import (
    InternalError,
    Problem,
    TimeLimitExceeded,
    Unavailable,
    ValidationFailed,
)
from chassis.core.telemetry import log
from chassis.db.pool import is_transient
from chassis.db.transaction import RETRYABLE_ERRORS, RetryTransaction
from chassis.http.route import FeatureRoute


def to_problem(request: Request, error: Exception) -> Problem:
    """Return the problem for an exception. Errors that are not the client's are logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        route: FeatureRoute = request.scope["route"]
        body = route.body_field.field_info.annotation if route.body_field else None
        return ValidationFailed(errors=field_errors(error.errors(), body=body, resource=route.response_model))
    if isinstance(error, asyncpg.QueryCanceledError):
        log.warning("time limit exceeded", path=without_link_tokens(request.url.path))
        return TimeLimitExceeded()
    if is_transient(error) or isinstance(error, (RetryTransaction, *RETRYABLE_ERRORS)):
        log.warning("request refused", error=repr(error))
        return Unavailable()
    log.error("request failed", path=without_link_tokens(request.url.path), exc_info=error)
    return InternalError()


def problem_response(request: Request, problem: Problem) -> Response:
    """Return the response that carries a problem."""
    return problem.response(request.url.path, request.scope.get("state", {}).get("trace_id", ""))


def error_response(request: Request, error: Exception) -> Response:
    """Return the response for an exception, also if it cannot be explained."""
    try:
        problem = to_problem(request, error)
    except Exception as unexpected:
        log.error("error not explained", path=request.url.path, exc_info=unexpected)
        problem = InternalError()
    return problem_response(request, problem)
