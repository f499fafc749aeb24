"""The live picture of a run: a fold over its journal and samples, drawn for the console, the replay and the report.

`system_layout` is what there is to draw, `journal_fold` and `request_fold` what is known at a moment, `map_drawing` and
`live_charts` draw, `role_view` picks what a role may know, `page_parts` writes it as HTML. All of it is pure: the same
events and samples up to a moment give the same bytes, whether the run is in progress or over.
"""
