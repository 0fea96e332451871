"""Names under which the supervisor hands things to its children, beside run_params."""

MARKETS_FILE = "markets.json"
"""In the data directory: facts of markets that no exchange can be asked for, as in a replay."""
SIGNER_VARIABLE = "POLY_SIGNER_ADDRESS"
"""Address of the private key, so that a child need not load the signing library to know it."""
SUPERVISOR_VARIABLE = "POLY_SUPERVISOR_PID"
"""Process id of the supervisor: the child ends when that process does."""
