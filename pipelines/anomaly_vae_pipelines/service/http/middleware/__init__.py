"""Middleware: ASGI applications around the routes, each with one duty.

They are plain ASGI (https://asgi.readthedocs.io). Each module works alone; ``app`` puts them in their order.
"""
