"""Names under which the supervisor hands things to its children, beside run_params.

The token source is one of them when the supervisor runs it.
"""

MARKETS_FILE = "markets.json"
"""In the data directory: facts of markets that no exchange can be asked for, as in a replay."""
SIGNER_VARIABLE = "POLY_SIGNER_ADDRESS"
"""Address of the private key, so that a child need not load the signing library to know it."""
SUPERVISOR_VARIABLE = "POLY_SUPERVISOR_PID"
"""Process id of the supervisor: the child ends when that process does."""
TOKENS_FILE_VARIABLE = "POLY_COPYTRADE_TOKENS_FILE"
SIGNALS_FILE_VARIABLE = "POLY_COPYTRADE_SIGNALS_FILE"
"""Where the supervisor reads what its token source writes."""
SUPERVISOR_LOCK = "autorun.lock"
"""In the data directory: held by the one supervisor that uses it."""
