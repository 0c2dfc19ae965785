"""Codecs: request bodies to rows, scored rows to response bodies."""
