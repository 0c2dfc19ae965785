"""Pages for the browser: one to score files by hand, one that shows the API with examples.

Their files are read once, when the service starts: no request reaches the file system. They load nothing
from any other host, and never interpret what a user entered as HTML.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from anomaly_vae_pipelines.service.routes.operations import Operation

_FOLDER = Path(__file__).parents[1] / "page"
_MEDIA = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": (
        "default-src 'none'; connect-src 'self'; img-src 'self' data:; script-src 'self'; style-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
}


def page_operations() -> list[Operation]:
    """The operations of ``/``, ``/docs`` and ``/static``, which the OpenAPI description leaves out."""
    files = {file.name: file.read_bytes() for file in sorted(_FOLDER.iterdir()) if file.suffix in _MEDIA}

    async def show(request: Request, page: str | None = None) -> Response:
        name = page or request.path_params["name"]
        if name not in files:
            raise HTTPException(404)
        return Response(files[name], headers={**_HEADERS, "Content-Type": _MEDIA[Path(name).suffix]})

    return [
        *(Operation(method, "/", partial(show, page="index.html")) for method in ("GET", "HEAD")),
        *(Operation(method, "/docs", partial(show, page="docs.html")) for method in ("GET", "HEAD")),
        Operation("GET", "/static/{name}", show),
    ]
