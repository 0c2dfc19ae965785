"""The service: a fitted model behind HTTP.

A request goes through ``guard`` (keys and limits) to a route of ``app``, which turns its body into rows
(``bodies``, ``tensors``), has them scored together with those of others (``batching``) by a model of the
``registry``, and turns what came out into an answer (``answers``).
"""
