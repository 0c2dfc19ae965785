"""Keyed: one small model per key, and a shared model for rows without one."""
