"""One POST is accepted, tried again, or rejected; redirects are not followed."""

from __future__ import annotations

import threading

import pytest

from anomaly_vae_pipelines.alerting.delivery.post import post, within
from anomaly_vae_pipelines.errors import AlertingWarning, DeliveryError
from tests.anomaly_vae_pipelines.alerting.receiver import receiving
from tests.anomaly_vae_pipelines.alerting.streams import alerter, scored

RULES = 'patience = "{}"\ncooldown = "0s"\n[[rule]]\nname = "odd"\nkind = "score"\n'


SINK = '\n[[sink]]\nname = "hook"\nkind = "webhook"\nurl = "{}"\ntimeout = "0.3s"\n'


def hooked(folder, url, *, patience="30s", **options):
    return alerter(folder, RULES.format(patience), sinks=SINK.format(url), **options)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(tmp_path, status):
    """What is meant for one receiver goes to no other."""
    with receiving() as other, receiving() as receiver:
        receiver.answers, receiver.reply = [status], {"Location": other.url}
        current = hooked(tmp_path, receiver.url)
        with pytest.warns(AlertingWarning, match=f"answered {status}: redirects are not followed"):
            current.observe(scored([True]))
        assert not other.bodies


@pytest.mark.parametrize(
    ("status", "final"),
    [(400, True), (404, True), (302, True), (408, False), (425, False), (429, False), (503, False)],
)
def test_a_status_is_final_or_tried_again(status, final):
    """The message has the status and no URL, which may hold a token."""
    with receiving() as receiver:
        receiver.answers = [status]
        with pytest.raises(DeliveryError, match=f"answered {status}") as caught:
            post(receiver.url + "/token", b"{}", {}, 5.0)
    assert caught.value.final is final
    assert "token" not in str(caught.value)
    assert "127" not in str(caught.value)


def test_a_body_arrives_with_its_headers():
    """Unchanged."""
    with receiving() as receiver:
        post(receiver.url + "/path?q=1", b"\x00body", {"X-Name": "value"}, 5.0)
    assert (receiver.bodies, receiver.paths) == ([b"\x00body"], ["/path?q=1"])
    assert receiver.headers[0]["x-name"] == "value"


def test_a_call_that_takes_too_long_is_an_error():
    """What a call raises in time is raised."""
    with pytest.raises(KeyError):
        within(5.0, lambda: {}["missing"])
    waiting = threading.Event()
    with pytest.raises(DeliveryError, match="no answer within 0.05 s"):
        within(0.05, waiting.wait)
    waiting.set()
