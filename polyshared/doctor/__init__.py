"""The report's checklist in one command: where is the chain from feed to order broken?

Gathering and judging are apart. In the order of the data:

locate      which data directory
statusfiles what supervisor and children say of themselves
processes   what the machine says of them
cachefile   the snapshot file, read many times
probe       what only the trading program can tell, asked in a process of its own
host        disk, memory, descriptors
logs        errors and the texts that the checklist greps for
facts       all of these, each with its deadline
graph       checks, their parents, the one root cause, the exit code; pure
checks_*    the judgements, one module a group; pure
checks      all of them in order
report      for people and for programs
command     ``polyshared doctor``
"""
