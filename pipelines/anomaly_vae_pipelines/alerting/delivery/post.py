"""One HTTP POST, which is accepted, may be tried again, or is rejected. Redirects are not followed.

Messages do not show the URL, because it may hold a token.
"""

from __future__ import annotations

import http.client
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

from anomaly_vae_pipelines.errors import DeliveryError

_TRY_AGAIN = {408, 425, 429}
"""Status codes of 4xx after which a request is tried again; so it is after every 5xx."""

_LONGEST_WAIT = 3600.0
"""The longest time in seconds that a receiver may ask to wait."""


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, so that an alert reaches no other receiver than the one in the configuration."""

    def redirect_request(self, *args: Any, **options: Any) -> None:
        """No request; the response is the error."""


def post(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> None:
    """Return when the receiver accepted the body; raises DeliveryError if it did not within ``seconds``."""
    request = urllib.request.Request(url, body, dict(headers), method="POST")
    within(seconds, lambda: _send(request, seconds))


def within(seconds: float, call: Callable[[], None]) -> None:
    """Return when the call does; raises what it raises, or DeliveryError after this many seconds.

    The timeout of a socket starts again with each byte, so that a slow receiver could block a run for hours.
    After the timeout, the call continues in a background thread.
    """
    ended: list[BaseException | None] = []

    def run() -> None:
        try:
            call()
            ended.append(None)
        except BaseException as error:
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if not ended:
        raise DeliveryError(f"no answer within {seconds:.3g} s")
    if ended[0] is not None:
        raise ended[0]


def _send(request: urllib.request.Request, seconds: float) -> None:
    try:
        opener = urllib.request.build_opener(_NoRedirects())
        with opener.open(request, timeout=seconds):
            return
    except urllib.error.HTTPError as error:
        with error:
            raise _error(error.code, error.headers.get("Retry-After")) from None
    except urllib.error.URLError as error:
        raise DeliveryError(f"cannot be reached ({type(error.reason).__name__})") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise DeliveryError(f"cannot be reached ({type(error).__name__})") from None


def _error(status: int, retry_after: str | None) -> DeliveryError:
    if status < 400:
        return DeliveryError(
            f"answered {status}: redirects are not followed; give the URL that it leads to", final=True
        )
    final = status < 500 and status not in _TRY_AGAIN
    return DeliveryError(f"answered {status}", final=final, wait=0.0 if final else _wait(retry_after))


def _wait(retry_after: str | None) -> float:
    """Seconds of a Retry-After header (a number or a date); 0 if there is no valid one."""
    try:
        if retry_after is None:
            return 0.0
        if retry_after.strip().isdigit():
            return min(float(retry_after), _LONGEST_WAIT)
        wait = parsedate_to_datetime(retry_after).timestamp() - time.time()
        return min(max(wait, 0.0), _LONGEST_WAIT)
    except ValueError:
        return 0.0
