"""Tell `polyshared doctor` what only the trading program can know.

    python -m POLYMARKET_MAKER.probe import|settings|ledger|account|frame --json

Doctor imports nothing of this package; it runs this in the supervisor's interpreter and
folder, with a deadline. The answer is one JSON object on standard output:

    {"schema": 1, "subject": "import", "available": true, "ok": false,
     "reason": "websocket: No module named 'websocket'", "data": {…}}

``available`` false means that the question could not be asked here, and ``reason`` says
why; nothing is ever made up. Whatever the asked code prints goes to standard error.

Exit codes: 0 well, 1 not well, 2 usage, 3 not available.
"""
