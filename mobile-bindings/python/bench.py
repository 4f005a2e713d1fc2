"""The work of `cargo xtask bench bindings` in Python: a line of JSON with what it took.

It is the work of `tests/src/bin/bench/probe.rs`, on a copy of the same database.
"""

import asyncio
import json
import os
import statistics
import time

from relais_mobile import Connectivity, EventListener, Platform, Priority, Relais, SecretStore

PAGE, ROUNDS, CALLS, EVENTS = 100, 5, 200, 1000


class Secrets(SecretStore):
    def load(self, name):
        return bytes.fromhex(os.environ["RELAIS_BENCH_KEY"])


class Offline(Connectivity):
    def is_online(self):
        return False


class Heard(EventListener):
    def __init__(self, loop):
        self.loop, self.events, self.told = loop, 0, asyncio.Event()

    def on_events(self, events):
        self.events += len(events)
        self.loop.call_soon_threadsafe(self.told.set)

    def on_closed(self):
        pass


async def measured(rounds, work):
    """The median of the rounds, in milliseconds."""
    took = []
    for _ in range(rounds):
        start = time.perf_counter()
        await work()
        took.append((time.perf_counter() - start) * 1000)
    return round(statistics.median(took), 1)


async def main():
    busy, other = os.environ["RELAIS_BENCH_THREADS"].split(",")
    platform = Platform(secrets=Secrets(), connectivity=Offline(), clock=None)
    relais = await Relais.open(os.environ["RELAIS_BENCH_DATABASE"], platform)

    async def rows():
        count, before = 0, None
        while True:
            page = await relais.timeline_before(busy, before, PAGE)
            count += len(page.items)
            before = page.before_seq
            if before is None:
                break
        assert count >= int(os.environ["RELAIS_BENCH_ROWS"]), count

    async def calls():
        await asyncio.gather(*(relais.thread(busy) for _ in range(CALLS)))

    heard = Heard(asyncio.get_running_loop())

    async def events():
        # Events of two threads in turn: what happens twice in a row would be told once.
        for number in range(EVENTS // 2):
            await relais.send_message((busy, other)[number % 2], "bonjour", Priority.NORMAL, None)
        while heard.events < EVENTS:
            await asyncio.wait_for(heard.told.wait(), 10)
            heard.told.clear()

    figures = {"rows_ms": await measured(ROUNDS, rows), "calls_ms": await measured(ROUNDS, calls)}
    relais.subscribe(heard)
    figures["events_ms"] = await measured(1, events)
    await relais.shutdown_and_close()
    print(json.dumps(figures))


asyncio.run(main())
