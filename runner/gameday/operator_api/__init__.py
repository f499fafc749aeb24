"""The operators' door: HTTP on loopback by which people and programs see a run and act on it.

`server` speaks HTTP and keeps strangers and floods out, `api` knows the endpoints, `orders` reads what is asked for,
`picture` says what is seen, `key` keeps address and token in a file, `client` is the other side. What an operation does
is left to the engine. Nothing is imported here, so that the commands, which need only `client` and `key`, start fast.
"""
