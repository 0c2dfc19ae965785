"""URLs of topics."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.io.kafka.address import TopicAddress, is_topic

HOST = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}|\[[0-9a-f:]{2,20}\]", fullmatch=True)
BROKER = st.builds(lambda host, port: f"{host}:{port}" if port else host, HOST, st.integers(0, 65535))
TOPIC = st.from_regex(r"[A-Za-z0-9._-]{1,249}", fullmatch=True).filter(lambda name: name not in (".", ".."))


@given(st.lists(BROKER, max_size=4), TOPIC)
def test_an_address_is_what_its_url_says(brokers, topic):
    """With any number of brokers; without one they come from elsewhere."""
    address = TopicAddress(topic, tuple(brokers))
    assert is_topic(str(address))
    assert TopicAddress.parse(str(address)) == address


@pytest.mark.parametrize(
    ("rest", "why"),
    [
        ("orders", "wanted kafka://HOST:PORT,HOST:PORT/TOPIC; without brokers, .* kafka:///TOPIC$"),
        ("broker:9092", "kafka:///TOPIC$"),
        ("broker:9092/", "'' is not the name of one topic"),
        ("/", "'' is not the name of one topic"),
        ("broker/a,b", "'a,b' is not the name of one topic"),
        ("broker/a/b", "'a/b' is not the name of one topic"),
        ("broker/..", "'..' is not the name of one topic"),
        ("broker/" + "x" * 250, "is not the name of one topic"),
        (",broker/a", "'' is not HOST or HOST:PORT"),
        ("broker:0/a", "'broker:0' is not HOST or HOST:PORT"),
        ("broker:65536/a", "'broker:65536' is not HOST or HOST:PORT"),
        ("-broker/a", "'-broker' is not HOST or HOST:PORT"),
        ("bro ker/a", "'bro ker' is not HOST or HOST:PORT"),
        ("broker/a?group=b", "settings of the client go into the file of --kafka-config"),
        ("broker/a#b", "settings of the client go into the file of --kafka-config"),
    ],
)
def test_any_other_form_is_refused(rest, why):
    """In one line, with the form that is wanted."""
    with pytest.raises(InputError, match=why) as caught:
        TopicAddress.parse("kafka://" + rest)
    assert str(caught.value).startswith(f"kafka://{rest}: wanted kafka://HOST:PORT,HOST:PORT/TOPIC; ")
    assert "\n" not in str(caught.value)


def test_a_password_in_a_url_is_refused_and_not_shown():
    """Where it belongs is said."""
    with pytest.raises(InputError, match=r"sasl.password into the file of --kafka-config$") as caught:
        TopicAddress.parse("kafka://me:s3cret@broker/orders")
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("source", ["app.csv", "kafka.csv", "kafka:/x", "s3://bucket/kafka://x", "-"])
def test_a_path_is_not_a_topic(source):
    assert not is_topic(source)
