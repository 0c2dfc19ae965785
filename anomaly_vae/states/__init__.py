"""The states of fitted models: plain dictionaries and arrays, and the checks of those of a file."""
