"""Takes a run down when its runner can't any more: killed, hung, out of memory.

`start` is the runner's end, `python -m gameday.reaper` the process at the other: it waits for the runner's end and does
nothing else, so it imports next to nothing until it is needed. What there is to do is `clear` (processes, segments,
engine, folder), `closing` (the journal) and `owed` (requests); `gameday heal` does the same by hand. Leaves alone
whatever doesn't carry the run's mark.
"""
