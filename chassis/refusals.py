"""Refusals: the problem that tells of whatever a request raised."""

import asyncpg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from chassis.database import is_away
from chassis.problems import (
    InternalError,
    Invalid,
    MalformedRequest,
    MethodNotAllowed,
    NotFound,
    Problem,
    Unavailable,
    field_errors,
)
from chassis.telemetry import log
from chassis.work import RETRIED, Again

METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE")


def problem_of(app: FastAPI, request: Request, error: Exception) -> Problem:
    """What is told of an error; what is nobody's fault but ours is logged."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, RequestValidationError):
        errors = field_errors(error.errors())
        bad_query = all(one.where in ("query", "header") for one in errors)
        return MalformedRequest(errors=errors) if bad_query else Invalid(errors=errors)
    if isinstance(error, HTTPException):
        if error.status_code == 405:
            return MethodNotAllowed(headers={"Allow": ", ".join(_methods_of(app, request))})
        known: dict[int, type[Problem]] = {404: NotFound, 400: MalformedRequest}
        return known.get(error.status_code, InternalError)(headers=error.headers)
    if is_away(error) or isinstance(error, (Again, asyncpg.QueryCanceledError, *RETRIED)):
        log.warning("request refused", error=repr(error))
        return Unavailable()
    log.error("request failed", path=request.url.path, exc_info=error)
    return InternalError()


def _methods_of(app: FastAPI, request: Request) -> list[str]:
    """What may be done with a path; Starlette's own answer names the methods of the first of its routes alone."""
    asked = ({**request.scope, "method": method} for method in METHODS)
    return [scope["method"] for scope in asked if any(route.matches(scope)[0] is Match.FULL for route in app.routes)]
