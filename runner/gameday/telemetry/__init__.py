"""What is seen of the system while it runs: samples as they are committed, the services' own metrics, readiness.

`watch` is what the engine sees; `tail` follows the shards, `stream` is one SLO's outcomes, `scrape` the service side,
`probe` waits for readiness, `orders` asks Postgres at the end. It sees answers and counters, never the fault.
"""
