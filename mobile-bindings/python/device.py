"""A person's device in Python that somebody else drives: for scenarios with devices of other kinds.

Reads lines of JSON from standard input, `{"call": "send", "args": {"thread": …, "text": …}}`, and answers each by one
line, `{"result": …}` or `{"error": …}`. It needs the generated `relais_mobile.py` beside its library in PYTHONPATH, and
ends with its input.
"""

import asyncio
import json
import sys
import tempfile
from pathlib import Path

from relais_mobile import Platform, Priority, Relais, RelaisError, SecretStore


class Secrets(SecretStore):
    """Secrets in memory: an app has the Keychain or the Keystore."""

    def __init__(self):
        self.kept = {}

    def load(self, name):
        return self.kept.get(name)

    def store(self, name, secret):
        self.kept[name] = secret

    def delete(self, name):
        self.kept.pop(name, None)


class Device:
    def __init__(self, relais):
        self.relais = relais

    async def join(self, link):
        await self.relais.join(link, None)

    async def enrolled(self):
        return (await self.relais.enrolment()).is_ENROLLED()

    async def threads(self):
        return [thread.thread for thread in await self.relais.threads()]

    async def send(self, thread, text):
        return await self.relais.send_message(thread, text, Priority.NORMAL, None)

    async def listing(self, thread):
        """What people said and did, oldest first, a line for each; what is in no log yet is left out."""
        page = await self.relais.timeline_before(thread, None, 100)
        said = [item.body.content for item in page.items if item.seq is not None and item.body.is_EVENT()]
        titles = {content.task: content.title for content in said if content.is_TASK_CREATED()}
        lines = []
        for content in said:
            if content.is_MESSAGE():
                lines.append(content.text)
            elif content.is_PHOTO():
                lines.append(f"photo {content.caption}".strip())
            elif content.is_TASK_CREATED():
                lines.append(f"task {content.title}")
            elif content.is_TASK_CHANGED():
                lines.append(f"{content.change.name.lower()} {titles.get(content.task)}")
        return lines


CALLS = {"join", "enrolled", "threads", "send", "listing"}


async def answer(device, line):
    asked = json.loads(line)
    if asked["call"] not in CALLS:
        return {"error": f"no call {asked['call']}"}
    try:
        return {"result": await getattr(device, asked["call"])(**asked["args"])}
    except RelaisError as error:
        return {"error": repr(error)}


async def main():
    with tempfile.TemporaryDirectory() as folder:
        platform = Platform(secrets=Secrets(), connectivity=None, clock=None)
        relais = await Relais.open(str(Path(folder) / "relais.db"), platform)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await answer(Device(relais), line)), flush=True)
        await relais.shutdown_and_close()


asyncio.run(main())
