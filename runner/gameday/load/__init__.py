"""The load on the system: a seeded schedule of journeys, sent by Locust in a process of its own, every answer checked.

`plan` says what is sent when, `journeys` and `oracle` what an answer has to hold; all pure. `locustfile` is the
worker, the sole importer of gevent and Locust, `recording` what it writes down; `process` spawns it and is what the
command line sees; `words` are what the two say to one another. Judging the samples is left to `gameday.slo` and
`gameday.analysis`.
"""
