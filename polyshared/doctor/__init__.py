"""The report's checklist in one command: where is the chain from feed to order broken?

Gathering and judging are apart. In the order of the data:

    locate       which data directory, which installation of the trading program
    statusfiles  what supervisor and children say of themselves
    processes    what the machine says of them;  children  both together
    cachefile    the snapshot file, read many times;  lanefile  the lane beside it
    host, logs   disk, memory, descriptors; errors and the texts people grep for
    netlook      the way to the exchange, step by step (--live)
    probe        asks the trading program, in a process of its own;  asking  what is asked
    facts        gathers all of these, each with its deadline

    graph        checks, their parents, the one root cause, the exit code; pure
    checks_*     the judgements; pure.  checks  all of them, in the order of the chain
    why          one token's way, link by link; pure.  reasons  codes in words
    told         the settings of one child, from the file that it was given

    report, overview, livetable, errors, redact, bundle   what is printed and packed
    killing, control, fixes                    what is done
    command, commands, commands_*, options     the command line
"""
