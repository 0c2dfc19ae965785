"""Delivery: alerts to sinks, at least once, with a spool for what a sink did not take."""
