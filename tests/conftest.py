"""What holds for every test: scipy's array API is on, or scikit-learn would skip one of its checks."""

from __future__ import annotations

import os

os.environ.setdefault("SCIPY_ARRAY_API", "1")
