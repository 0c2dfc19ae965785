"""Settings of consumers."""

from __future__ import annotations

import pytest

from anomaly_vae.errors import InputError
from anomaly_vae_pipelines.io.kafka.address import TopicAddress
from anomaly_vae_pipelines.io.kafka.settings import OWN, consumer_settings, read_properties

HERE, NOWHERE = TopicAddress("orders", ("here:1", "there:2")), TopicAddress("orders")


@pytest.fixture
def properties(tmp_path):
    def write(text: str | bytes) -> str:
        path = tmp_path / "client.properties"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def test_a_file_of_properties(properties):
    """Spaces around keys and values do not count, and a value may have an equals sign."""
    path = properties("# a comment\n\n sasl.username = me \nsasl.password=a=b#c\r\nclient.id=\n")
    assert read_properties(path) == {"sasl.username": "me", "sasl.password": "a=b#c", "client.id": ""}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("a=1\nsasl.password s3cret\n", "client.properties, line 2: wanted key=value"),
        ("=s3cret\n", "line 1: wanted key=value"),
        ("sasl.password=x\nsasl.password=s3cret\n", "line 2: sasl.password is there already"),
        ("enable.auto.commit=true\n", "line 1: enable.auto.commit is always false, so that no row is lost"),
        (b"\xff=s3cret\n", "client.properties: is not UTF-8"),
    ],
)
def test_a_mistake_is_named_without_its_value(properties, content, problem):
    """The value may be a password."""
    with pytest.raises(InputError) as caught:
        read_properties(properties(content))
    assert problem in str(caught.value)
    assert "s3cret" not in str(caught.value)


def test_a_file_that_is_absent(tmp_path):
    with pytest.raises(InputError, match=r"none: cannot be opened \(No such file or directory\)"):
        read_properties(str(tmp_path / "none"))


@pytest.mark.parametrize(
    ("address", "text", "environ", "brokers"),
    [
        (HERE, "bootstrap.servers=file", {"KAFKA_BOOTSTRAP_SERVERS": "variable"}, "here:1,there:2"),
        (NOWHERE, "bootstrap.servers=file", {"KAFKA_BOOTSTRAP_SERVERS": "variable"}, "file"),
        (NOWHERE, "", {"KAFKA_BOOTSTRAP_SERVERS": "variable"}, "variable"),
    ],
)
def test_brokers_are_those_of_url_file_or_environment(properties, address, text, environ, brokers):
    """In this order."""
    settings = consumer_settings(address, "g", properties(text), environ)
    assert settings["bootstrap.servers"] == brokers


def test_settings_that_keep_the_guarantees_are_always_set(properties):
    """A watch starts at the first row unless the file says otherwise, and the option has the group."""
    settings = consumer_settings(HERE, None, properties("group.id=file\nauto.offset.reset=latest\n"), {})
    assert settings.items() >= OWN.items()
    assert (settings["group.id"], settings["auto.offset.reset"]) == ("file", "latest")
    assert consumer_settings(HERE, "option", properties("group.id=file"), {})["group.id"] == "option"
    assert consumer_settings(HERE, "option", None, {})["auto.offset.reset"] == "earliest"


def test_without_brokers_or_a_group_the_message_says_where_they_are_wanted():
    """Two models with one group would each see half of the rows."""
    with pytest.raises(
        InputError, match=r"^kafka:///orders: has no broker; wanted kafka://HOST:PORT/orders,"
    ):
        consumer_settings(NOWHERE, "g", None, {})
    with pytest.raises(InputError, match=r"^kafka://here:1,there:2/orders: add --group NAME"):
        consumer_settings(HERE, None, None, {})
