"""The load on the system: a seeded schedule of journeys, sent by Locust in a process of its own, every answer checked.

`load_plan` says what is sent when, `journeys` and `oracle` which answers are right; all pure. `locustfile` is the
worker, the sole importer of gevent and Locust, with `keepalive_client`; `request_recorder` writes its records.
`load_process` spawns the worker and is what the command line sees; `worker_protocol` is what the two exchange. Judging
the samples is left to `gameday.slo` and `gameday.analysis`.
"""
