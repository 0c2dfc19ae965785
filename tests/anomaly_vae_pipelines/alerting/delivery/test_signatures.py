"""Signatures are those of Standard Webhooks, and the deprecated ones still verify."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from anomaly_vae_pipelines.alerting import verify
from anomaly_vae_pipelines.alerting.delivery.signatures import OLD_SIGNATURE, headers_of, key_of, sign

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, TIME, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}'
NOW = float(TIME) + 10


def test_the_signature_is_that_of_the_published_example():
    """The libraries of Standard Webhooks have it in their tests."""
    assert sign(SECRET, ID, TIME, BODY) == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize("secret", [SECRET, "s3cret"])
def test_a_signature_is_of_one_secret_id_time_and_body(secret):
    """None can be changed, and after five minutes it is no longer valid."""
    signature = headers_of(ID, TIME, BODY, secret)["webhook-signature"]
    assert verify(secret, TIME, BODY, signature, NOW, webhook_id=ID)
    assert not verify("other", TIME, BODY, signature, NOW, webhook_id=ID)
    assert not verify(secret, str(int(TIME) + 1), BODY, signature, NOW, webhook_id=ID)
    assert not verify(secret, TIME, BODY + b" ", signature, NOW, webhook_id=ID)
    assert not verify(secret, TIME, BODY, signature, NOW, webhook_id="other")
    assert not verify(secret, TIME, BODY, signature, NOW)
    for now in (float(TIME) + 300, float(TIME) - 300):
        assert not verify(secret, TIME, BODY, signature, now, webhook_id=ID)
    assert not verify(secret, "soon", BODY, signature, NOW, webhook_id=ID)


def test_one_of_several_signatures_is_enough():
    """A sender that changes its secret signs with both."""
    old, new = sign("old", ID, TIME, BODY), sign(SECRET, ID, TIME, BODY)
    assert verify(SECRET, TIME, BODY, f"v1a,unknown {old} {new}", NOW, webhook_id=ID)
    assert not verify(SECRET, TIME, BODY, f"{old} {old}", NOW, webhook_id=ID)


def test_a_deprecated_signature_verifies_with_a_warning():
    """It is sent for one more release, as it was: of the time and the body, by the whole secret."""
    signature = headers_of(ID, TIME, BODY, SECRET)[OLD_SIGNATURE]
    digest = hmac.new(SECRET.encode(), TIME.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    assert signature == f"sha256={digest}"
    with pytest.warns(DeprecationWarning, match="X-Anomaly-VAE-Signature is deprecated"):
        assert verify(SECRET, TIME, BODY, signature, NOW)
    with pytest.warns(DeprecationWarning, match="verify webhook-signature instead"):
        assert not verify(SECRET, TIME, BODY + b" ", signature, NOW)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64!", "whsec_abc"])
def test_a_secret_with_a_prefix_must_be_base64(secret):
    """A key that no receiver would have is worse than an error."""
    with pytest.raises(ValueError):  # noqa: PT011
        key_of(secret)
