"""Operators' API: HTTP on loopback by which people and programs see a run and act on it.

`http_server` runs uvicorn in a thread, `connection_limits` and `access_guard` keep floods and strangers out,
`endpoints` answers requests, `operation_requests` parses them, `status_view` says what the on-call sees, as a
`status_document`. On the client's side, `credentials` holds address and token, and `api_client` sends requests. The
engine carries out the operations. Nothing is imported here, so that commands, which need the client's side only, start
fast.
"""
