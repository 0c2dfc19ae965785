"""The door of a person with a browser: a page to score by hand, and one of the API with its examples.

The files of both are read once, when the service starts: no request reaches the file system. They load
nothing from any other host, and nothing that a user gave is read as HTML.
"""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Response
from starlette.exceptions import HTTPException

_FOLDER = Path(__file__).parents[1] / "page"
_MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_POLICY = "; ".join(
    [
        "default-src 'none'",
        "connect-src 'self'",
        "img-src 'self' data:",
        "script-src 'self'",
        "style-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def page_routes() -> APIRouter:
    """The routes ``/``, ``/docs`` and ``/static``."""
    router = APIRouter(include_in_schema=False)
    files = {file.name: file.read_bytes() for file in sorted(_FOLDER.iterdir()) if file.suffix in _MEDIA}

    @router.head("/")
    @router.get("/")
    async def show_page() -> Response:
        return _response("index.html", files["index.html"])

    @router.head("/docs")
    @router.get("/docs")
    async def show_docs() -> Response:
        return _response("docs.html", files["docs.html"])

    @router.get("/static/{name}")
    async def show_file(name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return _response(name, files[name])

    return router


def _response(name: str, content: bytes) -> Response:
    return Response(content, headers={**_HEADERS, "Content-Type": _MEDIA[Path(name).suffix]})
