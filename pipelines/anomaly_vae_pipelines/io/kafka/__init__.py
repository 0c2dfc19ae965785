"""Kafka: the address of a topic, the settings of a client, offsets that may be committed, and a consumer."""
