"""The live console's server: a page for each role, its stream of server-sent events, and what people do on it.

`role_links` holds a token for each role, `page_source` is what the server asks for, `event_stream` sends the parts of a
page that have changed, `console_endpoints` answers requests, `console_server` listens.
"""
