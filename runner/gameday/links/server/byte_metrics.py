"""The Prometheus text of `/metrics`: bytes through each proxy, under the real server's metric names."""

from __future__ import annotations

from collections.abc import Iterable

from gameday.links.server.proxy import Proxy

_COUNTERS = {
    "received": (
        "toxiproxy_proxy_received_bytes_total",
        "The total number of bytes received on a given proxy",
    ),
    "sent": ("toxiproxy_proxy_sent_bytes_total", "The total number of bytes sent on a given proxy"),
}


def exposition(proxies: Iterable[Proxy]) -> str:
    proxies = list(proxies)
    lines: list[str] = []
    for field, (metric, meaning) in _COUNTERS.items():
        lines += [f"# HELP {metric} {meaning}", f"# TYPE {metric} counter"]
        for proxy in proxies:
            for stream, traffic in proxy.traffic.items():
                labels = _labels(stream, proxy)
                lines.append(f"{metric}{{{labels}}} {getattr(traffic, field)}")
    return "\n".join([*lines, ""])


def _labels(stream: str, proxy: Proxy) -> str:
    values = {
        "direction": stream,
        "listener": proxy.listen,
        "proxy": proxy.name,
        "upstream": proxy.upstream,
    }
    return ",".join(f'{name}="{_escaped(value)}"' for name, value in values.items())


def _escaped(text: str) -> str:
    text = text.encode("utf-8", "replace").decode()
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
