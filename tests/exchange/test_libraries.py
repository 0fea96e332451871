"""Loading a signing library leaves the process as it was."""

from __future__ import annotations

import subprocess
import sys

import pytest

SIGN = """
import sys
before = sys.getrecursionlimit()
from POLYMARKET_MAKER.exchange.{module} import {signer}
from POLYMARKET_MAKER.exchange.auth import SignatureType, Wallet
{signer}(Wallet("11" * 32, "0x" + "22" * 20, SignatureType.PROXY))
print(sys.getrecursionlimit() - before)
"""


@pytest.mark.parametrize(("module", "signer"), [("clob_v1", "SignerV1"), ("clob_v2", "SignerV2")])
def test_a_deep_text_stays_an_error_after_a_library_was_loaded(
    root: object, module: str, signer: str
) -> None:
    """py_ecc raises the limit to 100,000, where a nested text overflows the C stack."""
    done = subprocess.run(
        [sys.executable, "-c", SIGN.format(module=module, signer=signer)],
        cwd=str(root),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "0"
