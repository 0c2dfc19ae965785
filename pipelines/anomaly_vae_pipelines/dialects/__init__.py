"""Dialects: how the text of a table is read: separator, encoding, header, and the forms of its cells."""
