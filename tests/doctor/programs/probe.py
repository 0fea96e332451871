"""A trading program that answers doctor's questions from files beside it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

said = Path(__file__).resolve().parent.parent / f"{sys.argv[1]}.json"
text = said.read_text(encoding="utf-8")
if text == "hang":
    time.sleep(3600)
sys.stdout.write(text)
