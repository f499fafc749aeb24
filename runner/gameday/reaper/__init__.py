"""Clean-up of runs whose runner was killed, hung, or ran out of memory.

`reaper_process` is the runner's side and sends `runner_messages`; `python -m gameday.reaper` is the process that
outlives it: it waits for the runner's end and imports next to nothing before. Then `cleanup` makes the
`pending_requests`, removes what is left (`leftovers`) and closes the journal (`journal_closing`); `gameday heal` does
the same by hand. Nothing without the run's mark is touched.
"""
