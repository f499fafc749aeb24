"""Game days: an agenda of blocks, its state on disk between them, and its page.

`day_state` is where the day stands, `day_agenda` waits for the next block, `day_runner` runs the blocks, `day_results`
writes the page and the exports, `first_plan` writes a plan from tags.
"""
