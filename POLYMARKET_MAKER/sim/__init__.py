"""An offline exchange on 127.0.0.1, for demo, rehearsal and tests.

It is written from the exchange's documents and shares no code with the client:
a simulator that shares the client's parser shares its mistakes.

Pure, in the order in which they build on each other:
    canonical     numbers and JSON the way the exchange writes them
    model         the nouns: markets, orders, trades, events
    book          resting orders of one market, and the hash of a book
    market        one market as it stands
    wallets       collateral, shares, cost
    clearing      trades on their way from matched to confirmed
    checks        what the engine refuses
    engine        price-time matching, fills, ticks, resolution
    tempers, flow the other traders
    refusals      every refusal with its status and text
    contracts     the exchange's contracts, and what an order names of them
    signatures    who signed an order or a login
    admission     posted body -> order, or a refusal
    frames        texts of the market channel
    accounts      orders and trades as their owners see them

The server:
    auth, heartbeats, budgets, faults, stats, peaks, markets, peer, line
    venue         the running exchange under one clock
    market_ws, user_ws, rest_public, rest_private, rest_orders, data_api, gamma
    verbs, control, scenario    scripted trouble
    server, program, __main__   sockets, options, exit codes
"""
