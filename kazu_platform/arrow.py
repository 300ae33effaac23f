"""Arrow's compute functions, made when it is imported, so that no type checker knows them."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as arrow_compute

compute: Any = arrow_compute
