"""An embedded link server: a TCP proxy per link, with toxics, driven over Toxiproxy's HTTP API.

Run as `python -m gameday.links.server`. The package imports nothing else from `runner`, because it is also copied
alone into the container image.

    web.py         HTTP/1.1 for the control plane          api.py         routes, statuses, bodies
    body.py        request bodies                          collection.py  the proxies, by name
    proxy.py       one listener and its connections        connection.py  one client, one upstream, two pipes
    pipe.py        one direction of one connection         upstream.py    names, addresses, dialling
    toxic.py       a toxic as the API shows it             toxics/        what each type does, one file each
"""
