"""A signing library is loaded without what nobody needs, and leaves the process as it was."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.program import ROOT

SIGN = """
import sys
before = sys.getrecursionlimit()
from POLYMARKET_MAKER.exchange.{module} import {signer}
from POLYMARKET_MAKER.exchange.auth import SignatureType, Wallet
{signer}(Wallet("11" * 32, "0x" + "22" * 20, SignatureType.PROXY))
print(sys.getrecursionlimit() - before, "py_ecc" in sys.modules)
import eth_keyfile
print(eth_keyfile.create_keyfile_json.__module__)
"""


@pytest.mark.parametrize(("module", "signer"), [("clob_v1", "SignerV1"), ("clob_v2", "SignerV2")])
def test_an_order_is_signed_without_the_library_that_raises_the_recursion_limit(
    root: object, module: str, signer: str
) -> None:
    """py_ecc would take 0.25 s, and a nested text would overflow the C stack.

    Whoever wants key files later gets the real thing.
    """
    done = subprocess.run(
        [sys.executable, "-c", SIGN.format(module=module, signer=signer)],
        cwd=str(root),
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["0 False", "eth_keyfile.keyfile"]


def test_a_library_that_is_there_already_is_left_alone_and_the_limit_is_kept() -> None:
    code = """
import sys
import eth_keyfile
from POLYMARKET_MAKER.exchange.libraries import signing_library
before = sys.getrecursionlimit()
with signing_library():
    import eth_account.account
    sys.setrecursionlimit(before + 1)
print(sys.getrecursionlimit() - before, sys.modules["eth_keyfile"] is eth_keyfile)
print(eth_account.account.create_keyfile_json is eth_keyfile.create_keyfile_json)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT
    )

    assert done.stdout.split() == ["0", "True", "True"], done.stderr
