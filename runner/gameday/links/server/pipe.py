"""One direction of one connection: from a source side, through the stages of the proxy's toxics, to the other side.

Toxics come and go while it runs. Flow control is here: a stage or sink that can't take more pauses the source. The order of closing
is the connection's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from gameday.links.server.socket_side import Side, discard
from gameday.links.server.toxic import Toxic
from gameday.links.server.toxics.toxic_stage import Sink, Stage


class Traffic:
    """Bytes of one direction of one proxy, over all its connections."""

    def __init__(self) -> None:
        self.received = 0
        self.sent = 0


class Pipe:
    """Also the sink at the end of its own stages. `traffic` is None if bytes aren't counted."""

    def __init__(
        self, source: Side, dest: Side, loop: asyncio.AbstractEventLoop, traffic: Traffic | None
    ) -> None:
        self.loop = loop
        self.source = source
        self.dest = dest
        self.head: Sink = self
        self.done = False
        self._traffic = traffic
        self._finishing = False
        self._stages: dict[str, Stage | None] = {}
        self._pausing: set[object] = set()

    def start(self, toxics: Iterable[Toxic]) -> None:
        for toxic in toxics:
            self._stages[toxic.name] = self._stage(toxic)
        self._wire()

    # Toxics

    def add(self, toxic: Toxic) -> None:
        self._stages[toxic.name] = self._stage(toxic)
        self._wire()

    def update(self, toxic: Toxic) -> None:
        """Apply a changed toxic: held data pass at once, and its toxicity is drawn again."""
        before = self._stages[toxic.name]
        if before is not None:
            before.release()
        after = self._stages[toxic.name] = self._stage(toxic)
        if before is not None and after is not None:
            after.inherit(before)
        self._wire()

    def remove(self, name: str) -> None:
        stage = self._stages[name]
        if stage is not None:
            stage.release()
            stage.removed()
        del self._stages[name]
        self._wire()

    def _stage(self, toxic: Toxic) -> Stage | None:
        return toxic.attributes.stage(self) if toxic.applies() else None

    def _wire(self) -> None:
        sink: Sink = self
        for stage in reversed(self._stages.values()):
            if stage is not None:
                stage.next = sink
                sink = stage
        self.head = sink
        if not self._finishing:
            self.source.forward = self._way_in()

    def _way_in(self) -> Callable[[bytes], object]:
        if self.source.lost or self.done or self.dest.lost:
            return discard
        if self._traffic is not None:
            return self._counted
        return self.dest.transport.write if self.head is self else self.head.feed

    def _counted(self, data: bytes) -> None:
        assert self._traffic is not None
        self._traffic.received += len(data)
        self.head.feed(data)

    # Input from the source

    def receive(self, data: bytes) -> None:
        """Take data that the source kept from before the connection was joined."""
        self.source.forward(data)

    def source_lost(self) -> None:
        """Note that the source's socket is gone: the destination closes after the data sent so far."""
        if self.done:
            self.dest.close()
        elif not self.source.ended:
            self.head.eof()

    # Output

    def feed(self, data: bytes) -> None:
        if self.done or self.dest.transport.is_closing():
            return
        if self._traffic is not None:
            self._traffic.sent += len(data)
        self.dest.transport.write(data)

    def eof(self) -> None:
        if self.done:
            return
        self.done = True
        self.source.forward = discard
        twin = self.dest.inbound
        if twin is not None and twin.resets:
            self.reset()
        elif self._finishing or self.source.lost:
            self.dest.close()
        elif twin is not None and twin.done:
            self.dest.close()
            self.source.close()
        else:
            self.dest.half_close()

    @property
    def resets(self) -> bool:
        """Return True if a toxic makes the end of the connection a reset."""
        return any(stage is not None and stage.resets for stage in self._stages.values())

    def dest_lost(self) -> None:
        """Drop held data: the destination is gone."""
        self.done = True
        self.source.forward = discard
        for stage in self._stages.values():
            if stage is not None:
                stage.dropped()

    # Services for stages

    def finish(self) -> None:
        self._finishing = True
        self.source.forward = discard

    def reset(self) -> None:
        self.source.reset()
        self.dest.reset()

    def pause(self, who: object) -> None:
        if not self._pausing:
            self.source.pause_reading()
        self._pausing.add(who)

    def resume(self, who: object) -> None:
        if who in self._pausing:
            self._pausing.discard(who)
            if not self._pausing:
                self.source.resume_reading()
