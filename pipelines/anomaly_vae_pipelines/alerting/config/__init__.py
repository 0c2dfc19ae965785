"""The TOML file of rules and sinks, read and checked."""
