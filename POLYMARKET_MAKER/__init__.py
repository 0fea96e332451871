"""The trading program: one line for each module, in the order in which data flows.

docs/architecture.md draws the way of data; ``tests/test_map.py`` holds this map complete.

Begin
    autorun             the program: options → settings → an errand, or trading → exit code
    assembly            the parts of one run, put together
    settings/           every setting once: files, environment, options, reload, run_params
    errors              all errors and exit codes
    log/                one line for each fact; no secret ever
    clock               the one clock; scaled in rehearsals

Feed: exchange → snapshot
    Volatility_arbitrage_main_ws    the market WebSocket under its old name
    line                what a line is: a source of frames, and what is known of it
    ws_socket           one WebSocket; websocket-client's errors become ours
    market_line         one market connection and its thread
    recording           raw frames in a file, written and read again
    replay              a recording played back as a line
    replay_markets      facts of the markets in a recording
    lines               how the aggregator opens its lines
    switchboard         which token sits on which line
    seats               one wanted token: its book, its line, what its quote is worth
    market_books        frames into books
    rest_reader         a few reads a second over REST, for doubts about a quote
    aggregator          lines → books → the snapshot of all children
    publisher           entries out, and whether it serves
    feed_stats          what the feed shows of itself

Tokens: what to trade
    copytrade_run       the token source as a program
    token_source        the token source, put together
    account_watch       what watched accounts trade → token and signal files
    token_files         the formats of those files
    json_files          reading JSON that outlives a process
    tokens              the operator's list and the files of the token source
    source_process      the token source as a child of the supervisor

Supervisor: one process a token
    supervisor          the loop: start, watch, restart and stop
    fleet               all strategy processes: which runs, which waits
    tasks               one token on its way
    launch              bring a child to life: its settings file, then the process
    children            one strategy process: start, watch, stop
    pulse               a byte on a pipe, so that a hung child is found
    processes           which process is meant: pid and start time
    handover            names under which a child is handed things
    adopted             children of an earlier supervisor that trade on
    orphans             children of an earlier supervisor that must end
    remembered          what outlives the supervisor
    rotation            room for tokens that wait
    selling             sell signals, each acted on exactly once
    unattended          has cancelled what is open of a token that nobody trades
    upkeep              what is done in every turn besides the children
    settings_watch      notices that a settings file changed
    housekeeping        logs and files, bounded over weeks
    outcome_watch       says when no order was placed for hours, and why
    supervisor_status   autorun_status.json
    child_reports       what the children say of themselves, read
    systemd             tells systemd how the service is
    webhook             warnings and errors to the operator's address

Account: what is ours
    desk                what the supervisor needs of an account; the one on paper
    account_desk        the one at an exchange: ready or not, cancels, the last proof
    account_entry       the way in, walked beside the loop until it is open
    login               key, API credentials, preflight
    derive_credentials  a process that signs once and ends
    account_care        all that runs beside the loop for one account
    user_feed           the user channel and its thread
    account_keeper      channel and reads → ledger; wakes children
    account_sync        orders and fills → ledger, one round
    wallet_watch        the wallet against the ledger: shortfalls, adoption
    clearing            cancels what a child left behind, until it is proven
    cancel              cancel by id, and prove it
    dead_man            the exchange's dead-man switch
    bell                a file that wakes another process
    ledger/             every order meant, sent and filled; shared by all processes
    exchange/           the CLOB behind one Protocol: V2, V1, paper; public and account reads

Child: quote → order
    Volatility_arbitrage_run    one child as a program
    child               one child, put together
    child_rules         its settings → its strategy, and what bounds it
    child_account       its ledger, and what its orders go to
    child_quotes        its source of quotes, put together
    quotes              shared snapshot or own connection, whichever serves
    shared_quotes       what the snapshot says of one token
    direct_quotes       one connection, one token, one book
    market_end          whether the market of an own line has ended
    own_line            when an own connection may be dialled, when it is given up
    slots               a few places that many processes share
    core/               pure: wire, book, health, failover, strategy, risk, reconcile
    worker              the loop: quote → strategy → risk → reconcile → orders
    outlook             what a decision depends on beside the quote, kept while it holds
    trading             one turn's way from the quote to the orders
    ending              when a child ends, and the proof that nothing of ours is open
    orders              all that a child has at the exchange: ledger first
    placing             one request a side, and a rest after one that was not taken
    cancelling          cancels by id, and the pause after one that failed
    sending             one order: sign, count, write down, post
    request_budget      the exchange's budget of requests, shared by all children
    holds               how long a side rests after a failed order
    inquiries           orders whose fate is open
    reading             when a child reads the account itself
    venue_watch         whether the exchange can be reached, and takes us
    calls               blocking requests beside a loop that never blocks
    journal             what a child says of its work
    stages              how far a token gets on its way to an order
    progress            how far one turn got behind the strategy, and what stopped it
    child_status        data/children/<token>.json

Operator
    console/            prompt, commands, live table
    operator_desk       carries out what is asked for
    control             requests by file
    brakes              KILL and PAUSE.json
    errands             --show-config, --pnl, --cancel-open
    flatten             --flatten: plan, question, sale, proof
    flatten_plan        what is held, and what it would bring
    seller              sells at bids down to a floor, and leaves nothing resting
    demo                the offline exchange of --demo
    summary             what a demo did
    probe/              what doctor asks this program
    sim/                an offline exchange, for demo, rehearsal and tests
"""

VERSION = "0.1.0"
