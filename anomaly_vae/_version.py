"""The version, which the build, the package and every model file read from here."""

__version__ = "0.1.0"
