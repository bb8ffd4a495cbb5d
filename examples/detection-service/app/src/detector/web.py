"""The HTTP side: routes, limits, errors in JSON, metrics. Knows nothing of models and image formats."""

from __future__ import annotations

import asyncio
import platform
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from typing import Any, Protocol

from python_multipart.exceptions import FormParserError
from starlette.applications import Starlette
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from detector.config import Settings, unit
from detector.errors import BadImageError
from detector.headers import SUPPORTED_TYPES
from detector.metrics import CONTENT_TYPE, Metrics
from detector.results import Found, Result

FORM = "multipart/form-data"
# What a client that does not look at its file calls it; the bytes are looked at in any case.
UNTYPED = ("", "application/octet-stream")


class Detects(Protocol):
    """What the web side needs of the pipeline."""

    def detect(self, encoded: Sequence[bytes], score: float, iou: float) -> Result:
        """Find objects on all pictures."""
        ...


class RequestError(Exception):
    """A request that is refused: the status, a word for programs, and a sentence for people."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.headers = headers


class Service:
    """The handlers, and what they share: settings, pipeline, worker threads, the count of requests under way."""

    def __init__(self, settings: Settings, pipeline: Detects, about: dict[str, Any], metrics: Metrics) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._about = about
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(settings.workers, thread_name_prefix="detect")
        self._under_way = 0  # only touched in the event loop's thread

    async def health(self, request: Request) -> Response:
        """Say that the service is alive; it only listens once the model has run, so that holds too."""
        return JSONResponse({"status": "ok", "machine": platform.machine(), **self._about})

    async def metrics(self, request: Request) -> Response:
        """All metrics, for Prometheus."""
        return Response(self._metrics.text(), headers={"content-type": CONTENT_TYPE})

    async def detect(self, request: Request) -> Response:
        """One picture: the body itself, or the multipart field `file`."""
        result = await self._run(request, self._read_one, (*SUPPORTED_TYPES, FORM))
        return JSONResponse({**_as_json(result.pictures[0]), "timings_ms": _milliseconds(result)})

    async def batch_detect(self, request: Request) -> Response:
        """Several pictures: the multipart fields `files`, answered in their order."""
        result = await self._run(request, self._read_many, (FORM,))
        found = [_as_json(picture) for picture in result.pictures]
        return JSONResponse({"results": found, "timings_ms": _milliseconds(result)})

    def close(self) -> None:
        """Wait for the worker threads."""
        self._pool.shutdown()

    async def _run(
        self, request: Request, read: Callable[[Request], Awaitable[list[bytes]]], types: Sequence[str]
    ) -> Result:
        """Check the request, read its pictures, and detect in a worker thread."""
        score, iou = _thresholds(request, self._settings)
        _check_type(_content_type(request.headers.get("content-type", "")), types)
        with self._slot():
            try:
                pictures = await asyncio.wait_for(read(request), self._settings.body_timeout)
            except asyncio.TimeoutError:
                limit = self._settings.body_timeout
                raise RequestError(408, "timeout", f"the body did not arrive within {limit:g} seconds") from None
            loop = asyncio.get_running_loop()
            result = await loop.run_in_executor(self._pool, self._pipeline.detect, pictures, score, iou)
        self._metrics.detected(result)
        return result

    @contextmanager
    def _slot(self) -> Iterator[None]:
        """Count a request as under way, or refuse it: a queue without end helps nobody."""
        if self._under_way >= self._settings.max_concurrency:
            raise RequestError(503, "busy", "too many requests are under way", {"Retry-After": "1"})
        self._under_way += 1
        self._metrics.in_flight.inc()
        try:
            yield
        finally:
            self._under_way -= 1
            self._metrics.in_flight.dec()

    async def _read_one(self, request: Request) -> list[bytes]:
        """The one picture of a /detect request."""
        if _content_type(request.headers["content-type"]) != FORM:
            body = b"".join([chunk async for chunk in self._body(request)])
            if not body:
                raise RequestError(422, "bad_image", "the body is empty")
            return [body]
        return await self._files(request, "file", limit=1)

    async def _read_many(self, request: Request) -> list[bytes]:
        """The pictures of a /batch_detect request."""
        return await self._files(request, "files", limit=self._settings.max_batch)

    async def _files(self, request: Request, name: str, limit: int) -> list[bytes]:
        """The contents of a form's files: at least one, at most `limit`, all in the field `name`."""
        parser = _InMemoryParser(request.headers, self._body(request), max_files=limit, max_fields=8)
        try:
            form = await parser.parse()
        except (MultiPartException, FormParserError) as error:
            raise RequestError(422, "bad_form", str(error) or "the form is damaged") from error
        try:
            files = [file for key, file in form.multi_items() if key == name and isinstance(file, UploadFile)]
            if not files or len(files) != len(form.multi_items()):
                message = f"the form must hold files in the field '{name}' and nothing else"
                raise RequestError(422, "bad_form", message)
            return [await _contents(file) for file in files]
        finally:
            await form.close()

    async def _body(self, request: Request) -> AsyncGenerator[bytes, None]:
        """Yield the body in chunks; stop as soon as it is, or says it will be, longer than allowed."""
        limit = self._settings.max_body_bytes
        declared = request.headers.get("content-length", "")
        received = int(declared) if declared.isdecimal() else 0
        if received <= limit:
            received = 0
            async for chunk in request.stream():
                received += len(chunk)
                if received > limit:
                    break
                yield chunk
        if received > limit:
            raise RequestError(413, "body_too_large", f"the body may have at most {limit} bytes")


class _InMemoryParser(MultiPartParser):
    """Keeps files in memory: the body's limit bounds them, and a read-only container has nowhere to spool to."""

    spool_max_size = 1 << 40


class CountRequests:
    """Middleware: counts and times every request by route and status."""

    def __init__(self, app: ASGIApp, metrics: Metrics, routes: frozenset[str]) -> None:
        self._app = app
        self._metrics = metrics
        self._routes = routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and note the status on its way back."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status = 500  # when the application fails before it answers

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            known = scope["path"] in self._routes
            route, method = (scope["path"], scope["method"]) if known else ("other", "other")
            self._metrics.answered(_known_method(method), route, status, time.perf_counter() - start)


def create_app(settings: Settings, pipeline: Detects, about: dict[str, Any]) -> ASGIApp:
    """Return the application; `about` is what /health tells beside the status."""
    metrics = Metrics()
    service = Service(settings, pipeline, about, metrics)

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        service.close()

    routes = [
        Route("/health", service.health, methods=["GET"]),
        Route("/metrics", service.metrics, methods=["GET"]),
        Route("/detect", service.detect, methods=["POST"]),
        Route("/batch_detect", service.batch_detect, methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {
        RequestError: _answer_request_error,
        BadImageError: _answer_bad_image,
        ClientDisconnect: _answer_nobody,
        HTTPException: _answer_http_error,
        Exception: _answer_crash,
    }
    app = Starlette(routes=routes, exception_handlers=handlers, lifespan=lifespan)
    return CountRequests(app, metrics, frozenset(route.path for route in routes))


def _thresholds(request: Request, settings: Settings) -> tuple[float, float]:
    """The query's `score` and `iou`, or their defaults; anything else in the query is refused."""
    values = {"score": settings.score, "iou": settings.iou}
    for name, text in request.query_params.multi_items():
        if name not in values:
            raise RequestError(422, "bad_parameter", f"unknown query parameter {name!r}; there are score and iou")
        try:
            values[name] = unit(text)
        except ValueError as error:
            raise RequestError(422, "bad_parameter", f"{name} {error}") from error
    return values["score"], values["iou"]


def _content_type(header: str) -> str:
    return header.partition(";")[0].strip().lower()


def _check_type(given: str, accepted: Sequence[str]) -> None:
    if given not in accepted:
        message = f"the content type must be one of {', '.join(accepted)}, not {given or 'missing'}"
        raise RequestError(415, "unsupported_type", message)


async def _contents(file: UploadFile) -> bytes:
    _check_type(_content_type(file.content_type or ""), (*SUPPORTED_TYPES, *UNTYPED))
    return await file.read()


def _known_method(method: str) -> str:
    """A client can make up methods; a label's values must stay few."""
    return method if method in ("GET", "HEAD", "POST", "OPTIONS") else "other"


def _as_json(found: Found) -> dict[str, Any]:
    boxes = [{"label": each.label, "score": each.score, "box": list(each.box)} for each in found.detections]
    return {"image": {"width": found.width, "height": found.height}, "boxes": boxes}


def _milliseconds(result: Result) -> dict[str, float]:
    return {step: round(seconds * 1000, 3) for step, seconds in result.seconds.items()}


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


async def _answer_request_error(request: Request, error: RequestError) -> Response:
    return _error(error.status, error.code, str(error), error.headers)


async def _answer_bad_image(request: Request, error: BadImageError) -> Response:
    return _error(422, "bad_image", str(error))


async def _answer_nobody(request: Request, error: ClientDisconnect) -> Response:
    """The client is gone: nobody reads this, but the metrics tell it from a failure (nginx's 499)."""
    return Response(status_code=499)


async def _answer_http_error(request: Request, error: HTTPException) -> Response:
    """Not found, method not allowed."""
    return _error(error.status_code, "http", error.detail, dict(error.headers or {}))


async def _answer_crash(request: Request, error: Exception) -> Response:
    """A bug: the server logs the traceback, and the client learns nothing of our insides."""
    return _error(500, "internal", "the service failed; its log says why")
