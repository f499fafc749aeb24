"""Telemetry: what is observed of the system while it runs, by committed samples and metrics.

`watch` is the engine's view: `shard_tail` follows the shards, `outcome_stream` feeds one SLO's detectors,
`metrics_scrape` is the service side, and `replay` repeats a watch from disk. `edge_status` polls each region's health;
`order_records` reads Postgres and the ledger at the end. Telemetry sees answers and counters, never the fault.
"""
