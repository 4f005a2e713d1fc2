"""The library as a program in another language uses it: two devices, a real server.

Run by `cargo xtask test`, and by hand with `cargo xtask bindings python --run`. It needs the
generated `relais_mobile.py` beside its library in PYTHONPATH, and from `relais-demo --run`:
RELAIS_SETUP_LINK (a set-up link that nobody has used) and RELAIS_PHOTO (a JPEG).
"""

import asyncio
import contextlib
import os
import sys
import tempfile
import traceback
from pathlib import Path

from relais_mobile import (
    Basis,
    Cancellation,
    Card,
    Connectivity,
    ConnectionPhase,
    Content,
    EventListener,
    HandoverNote,
    ItemBody,
    ItemState,
    Laterality,
    MemberRole,
    NewMember,
    NewTask,
    NewThread,
    PastShared,
    LogLevel,
    Platform,
    PlatformError,
    PlatformLogger,
    Priority,
    PushLanguage,
    PushUrgency,
    Relais,
    RelaisError,
    RelaisEvent,
    RequestKind,
    SecretStore,
    TaskChange,
    TaskStatus,
    ThreadState,
    describe_push,
    forget_database,
    set_logger,
)

# How long something may take that comes by itself, in seconds.
COMES = 60

COORDINATOR = Card(family_name="Fictif-Lefèvre", given_name="Hélène", profession=60, rpps="99900017148")
NURSE = Card(family_name="Exemple-Quéméneur", given_name="Maëlle", profession=60, rpps="99900028517")


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


class LockedSecrets(SecretStore):
    """A phone that was not unlocked since it started."""

    def load(self, name):
        raise PlatformError.Locked()


class BrokenSecrets(SecretStore):
    """A store with a fault that it does not know of."""

    def load(self, name):
        raise ValueError("Mme Exemple")


class Network(Connectivity):
    def __init__(self):
        self.there = True

    def is_online(self):
        return self.there


class Lines(PlatformLogger):
    def __init__(self):
        self.lines = []

    def log(self, level, line):
        self.lines.append(line)


class Screen(EventListener):
    """Hands events from the library's thread to the loop of the program."""

    def __init__(self, loop):
        self.loop = loop
        self.queue = asyncio.Queue()

    def on_events(self, events):
        self.loop.call_soon_threadsafe(self.queue.put_nowait, events)

    def on_closed(self):
        self.loop.call_soon_threadsafe(self.queue.put_nowait, None)


class FailingListener(EventListener):
    """A listener with a fault, which is told all the same."""

    def __init__(self):
        self.told = 0

    def on_events(self, events):
        self.told += 1
        raise ValueError("Mme Exemple")

    def on_closed(self):
        raise ValueError("Mme Exemple")


class Device:
    """A person's phone."""

    @classmethod
    async def open(cls, folder, name):
        device = cls()
        device.path = str(Path(folder) / f"{name}.db")
        device.secrets = Secrets()
        device.network = Network()
        device.platform = Platform(secrets=device.secrets, connectivity=device.network, clock=None)
        device.relais = await Relais.open(device.path, device.platform)
        device.screen = Screen(asyncio.get_running_loop())
        device.relais.subscribe(device.screen)
        device.failing = FailingListener()
        device.relais.subscribe(device.failing)
        device.heard = []
        return device

    async def until(self, what, look):
        """Looks until something is there, again after each batch of events."""
        try:
            async with asyncio.timeout(COMES):
                while True:
                    found = await look()
                    if found:
                        return found
                    batch = await self.screen.queue.get()
                    assert batch is not None, "the object was closed"
                    self.heard.extend(batch)
        except TimeoutError:
            raise AssertionError(f"{what}: {await self.relais.sync_state()}") from None

    async def timeline(self, thread):
        """The whole timeline, in pages from its end."""
        items, before = [], None
        while True:
            page = await self.relais.timeline_before(thread, before, 20)
            items = page.items + items
            before = page.before_seq
            if before is None:
                return items

    async def said(self, thread):
        """What people said: each content with its item."""
        items = await self.timeline(thread)
        return [(item.body.content, item) for item in items if item.body.is_EVENT()]

    async def texts(self, thread):
        return [content.text for content, _ in await self.said(thread) if content.is_MESSAGE()]

    async def is_idle(self):
        state = await self.relais.sync_state()
        return state.caught_up and state.waiting == 0 and state.transfers == 0


class Practice:
    """What the steps share."""

    coordinator: Device
    nurse: Device
    nurse_id: str
    thread: str
    folder: str
    lines: Lines


async def they_join(practice):
    coordinator = practice.coordinator.relais
    assert (await coordinator.enrolment()).is_NONE()
    await coordinator.join(os.environ["RELAIS_SETUP_LINK"], COORDINATOR)

    async def invited():
        try:
            return await coordinator.invite(NURSE)
        except (RelaisError.Retry, RelaisError.ReEnrol):
            return None  # Nobody can be invited before the practice is set up.

    async def confirmed():
        enrolled = (await practice.nurse.relais.enrolment()).is_ENROLLED()
        return enrolled and (await practice.nurse.relais.whoami()).confirmed

    invitation = await practice.coordinator.until("set up", invited)
    practice.nurse_id = invitation.person
    await practice.coordinator.until("the invitation left", practice.coordinator.is_idle)
    await practice.nurse.relais.join(invitation.link, None)
    await practice.nurse.until("joined", confirmed)
    assert (await practice.nurse.relais.whoami()).person == practice.nurse_id
    assert any(event.is_ENROLLED() for event in practice.nurse.heard), practice.nurse.heard


async def a_thread_is_opened(practice):
    coordinator = practice.coordinator.relais

    async def card():
        people = await coordinator.people()
        return [person for person in people if person.person == practice.nurse_id and person.card]

    await practice.coordinator.until("her card", card)
    member = NewMember(
        person=practice.nurse_id,
        role=MemberRole.CONTRIBUTOR,
        expires_at_ms=None,
        role_text="",
        basis=Basis.CARE_TEAM,
        consent_date=None,
        past=PastShared.EVERYTHING(),
    )
    practice.thread = await coordinator.create_thread(
        NewThread(title="Mme Exemple", header=None, members=[member])
    )

    async def joined():
        threads = await practice.nurse.relais.threads()
        return [t for t in threads if t.state == ThreadState.JOINED() and t.title == "Mme Exemple"]

    threads = await practice.nurse.until("in the thread", joined)
    assert [thread.thread for thread in threads] == [practice.thread]


async def text_and_photo_arrive(practice):
    nurse, thread = practice.nurse.relais, practice.thread
    await nurse.send_message(thread, "Bonjour à tous", Priority.NORMAL, None)
    taken = Path(os.environ["RELAIS_PHOTO"]).read_bytes()
    await nurse.send_photo(thread, taken, "J12, fibrine au centre", "talon", Laterality.LEFT, None)
    await nurse.send_message(thread, "Fièvre à 38,5 °C", Priority.URGENT, None)
    device = practice.coordinator

    async def arrived():
        return await device.texts(thread) == ["Bonjour à tous", "Fièvre à 38,5 °C"]

    await device.until("the texts", arrived)
    photos = [content for content, _ in await device.said(thread) if content.is_PHOTO()]
    assert len(photos) == 1 and photos[0].caption == "J12, fibrine au centre"
    assert photos[0].thumbnail.startswith(b"\xff\xd8")
    assert (photos[0].laterality, photos[0].body_site) == (Laterality.LEFT, "talon")

    # The original is fetched when it is asked for, once the nurse's phone has sent it.
    async def original():
        try:
            return await device.relais.photo(photos[0].photo, 10_000, None)
        except RelaisError.Retry:
            return None

    jpeg = await device.until("the original", original)
    assert jpeg.startswith(b"\xff\xd8") and b"Exif" not in jpeg, "no tag leaves the phone"
    progress = await device.relais.photo_progress(photos[0].photo)
    assert progress.done == progress.total > 0
    assert any(event.is_THREAD_CHANGED() for event in device.heard)


async def a_task_is_taken(practice):
    new = NewTask(
        title="Prélever un INR",
        detail="",
        owner=practice.nurse_id,
        priority=Priority.NORMAL,
        due_ms=None,
        about=None,
    )
    task = await practice.coordinator.relais.create_task(practice.thread, new)

    async def task_is(device, status):
        tasks = await device.relais.tasks(practice.thread)
        return [t for t in tasks if t.task == task and t.status == status]

    await practice.nurse.until("the task", lambda: task_is(practice.nurse, TaskStatus.OPEN))
    await practice.nurse.relais.change_task(practice.thread, task, TaskChange.TAKEN, "")
    await practice.coordinator.until("taken", lambda: task_is(practice.coordinator, TaskStatus.TAKEN))


async def a_handover_is_acknowledged(practice):
    note = HandoverNote(
        situation="Plaie du talon gauche, stade 3",
        background="Diabète de type 2",
        assessment="Surinfection débutante probable",
        request="Passer voir la plaie avant demain midi",
        request_kind=RequestKind.VISIT,
        deadline_ms=None,
        receivers=[(await practice.coordinator.relais.whoami()).person],
    )
    handover = await practice.nurse.relais.write_handover(practice.thread, note)

    async def written():
        notes = await practice.coordinator.relais.handovers(practice.thread)
        return [known for known in notes if known.event == handover]

    await practice.coordinator.until("the note", written)
    acknowledge = practice.coordinator.relais.acknowledge_handover
    await acknowledge(practice.thread, handover, "Je passe ce soir à 19 h")

    async def complete():
        notes = await practice.nurse.relais.handovers(practice.thread)
        return [known for known in notes if known.event == handover and known.complete]

    await practice.nurse.until("acknowledged", complete)


async def what_is_written_offline_leaves_later(practice):
    nurse, thread = practice.nurse, practice.thread
    nurse.network.there = False
    await nurse.relais.network_changed()
    await nurse.relais.send_message(thread, "Sans réseau", Priority.NORMAL, None)
    state = await nurse.relais.sync_state()
    assert state.phase == ConnectionPhase.OFFLINE and state.waiting == 1, state

    async def state_of_it():
        said = await nurse.said(thread)
        return [item.state for content, item in said if content.is_MESSAGE() and content.text == "Sans réseau"]

    assert await state_of_it() == [ItemState.WAITING()]
    nurse.network.there = True
    await nurse.relais.network_changed()
    synced = await nurse.relais.wait_until_synced(COMES * 1000, None)
    assert synced.caught_up and synced.waiting == 0, synced
    states = await state_of_it()
    assert len(states) == 1 and states[0].is_SENT(), states

    async def arrived():
        return "Sans réseau" in await practice.coordinator.texts(thread)

    await practice.coordinator.until("it arrived", arrived)


async def waiting_can_be_cancelled(practice):
    nurse = practice.nurse
    nurse.network.there = False
    await nurse.relais.network_changed()
    cancellation = Cancellation()
    waiting = asyncio.create_task(nurse.relais.wait_until_synced(COMES * 1000, cancellation))
    await asyncio.sleep(0)
    cancellation.cancel()
    try:
        await waiting
        raise AssertionError("it was cancelled")
    except RelaisError.Retry as error:
        assert error.code == "cancelled"
    # A call whose caller goes away is done all the same.
    sending = asyncio.create_task(nurse.relais.set_setting("draft", "Bonjour"))
    await asyncio.sleep(0)
    sending.cancel()

    async def kept():
        return await nurse.relais.setting("draft") == "Bonjour"

    nurse.network.there = True
    await nurse.relais.network_changed()
    await nurse.until("kept", kept)
    await nurse.relais.wait_until_synced(COMES * 1000, None)


async def many_calls_at_once_are_answered(practice):
    relais = practice.nurse.relais
    pages = [relais.timeline_before(practice.thread, None, 50) for _ in range(200)]
    answers = await asyncio.gather(*pages)
    # Something may still arrive meanwhile; nothing goes.
    said = [[item.seq for item in answer.items] for answer in answers]
    least = min(said, key=len)
    assert least and all(seqs[: len(least)] == least for seqs in said)


async def fails(variant, call, code=None):
    try:
        await call
    except variant as error:
        assert code in (None, error.code), error.code
        return error
    raise AssertionError(f"{code}: it succeeded")


async def errors_are_typed(practice):
    nurse, thread = practice.nurse, practice.thread
    await fails(RelaisError.Rejected, nurse.relais.join("https://relais.example/nothing", None))
    odd = await fails(RelaisError.Rejected, nurse.relais.mark_read("../1", 1))
    assert odd.field == "thread", odd
    empty = nurse.relais.send_message(thread, "", Priority.NORMAL, None)
    assert (await fails(RelaisError.Rejected, empty)).field == "text"
    await fails(RelaisError.Rejected, nurse.relais.invite(NURSE), "not_coordinator")
    await fails(RelaisError.Retry, Relais.open(nurse.path, nurse.platform), "busy")
    other = str(Path(practice.folder) / "other.db")

    def opened(secrets):
        return Relais.open(other, Platform(secrets=secrets, connectivity=None, clock=None))

    await fails(RelaisError.Retry, opened(LockedSecrets()), "secret_store_locked")
    broken = await fails(RelaisError.Fatal, opened(BrokenSecrets()), "platform")
    assert "Exemple" not in repr(broken), "what an exception says stays where it was raised"
    assert nurse.failing.told > 1, "told again after it failed"


async def a_push_is_described_without_a_device(practice):
    urgent = describe_push(b'{"urgent": true, "badge": 3}', PushLanguage.FRENCH)
    assert urgent.urgency == PushUrgency.URGENT and urgent.badge == 3
    generic = describe_push(b"\xff\x00{", PushLanguage.FRENCH)
    assert generic.urgency == PushUrgency.NORMAL and generic.badge is None and generic.body


async def closing_is_for_good(practice):
    nurse = practice.nurse
    texts = await nurse.texts(practice.thread)
    await nurse.relais.shutdown_and_close()
    await fails(RelaisError.Fatal, nurse.relais.threads(), "closed")
    while await asyncio.wait_for(nurse.screen.queue.get(), COMES) is not None:
        pass
    again = await Relais.open(nurse.path, nurse.platform)
    nurse.relais = again
    assert await nurse.texts(practice.thread) == texts
    await again.shutdown_and_close()
    await forget_database(nurse.path, nurse.secrets)
    assert not Path(nurse.path).exists() and nurse.secrets.kept == {}


async def the_log_says_what_happens_and_not_what_was_written(practice):
    lines = practice.lines.lines
    assert "connected" in lines and "there is no network" in lines, lines
    secret = ("Exemple", "Mme", "Fièvre", "talon", "Maëlle", practice.thread, practice.nurse_id, "127.0.0.1")
    assert not [line for line in lines if any(word in line for word in secret)], lines


STEPS = [
    they_join,
    a_thread_is_opened,
    text_and_photo_arrive,
    a_task_is_taken,
    a_handover_is_acknowledged,
    what_is_written_offline_leaves_later,
    waiting_can_be_cancelled,
    many_calls_at_once_are_answered,
    errors_are_typed,
    a_push_is_described_without_a_device,
    closing_is_for_good,
    the_log_says_what_happens_and_not_what_was_written,
]


async def main():
    passed = 0
    with tempfile.TemporaryDirectory() as folder:
        practice = Practice()
        practice.lines = Lines()
        set_logger(practice.lines, LogLevel.DEBUG)
        practice.folder = folder
        practice.coordinator = await Device.open(folder, "coordinator")
        practice.nurse = await Device.open(folder, "nurse")
        for step in STEPS:
            try:
                await step(practice)
            except Exception:
                traceback.print_exc()
                print(f"FAILED {step.__name__}")
                break  # Each step goes on where the one before ended.
            passed += 1
            print(f"ok {step.__name__}", flush=True)
        for device in (practice.coordinator, practice.nurse):
            with contextlib.suppress(RelaisError.Fatal):  # Closed already, if all went well.
                await device.relais.shutdown_and_close()
    print(f"{passed} passed, {len(STEPS) - passed} failed")
    return 0 if passed == len(STEPS) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
