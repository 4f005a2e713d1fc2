import Foundation
import RelaisCore
import XCTest

/// A coordinator and a nurse, from a set-up link to a closed database, against a real server. The same is played in
/// Kotlin and in Python. Everybody in it is fictitious.
///
/// `RELAIS_SETUP_LINK` is a set-up link of that server, `RELAIS_PHOTO` the path of a JPEG.
final class ScenarioTests: XCTestCase {
    func testTwoPeopleShareAThread() async throws {
        let environment = ProcessInfo.processInfo.environment
        let setupLink = try XCTUnwrap(environment["RELAIS_SETUP_LINK"], "RELAIS_SETUP_LINK is not set")
        let jpegPath = try XCTUnwrap(environment["RELAIS_PHOTO"], "RELAIS_PHOTO is not set")
        let jpeg = try Data(contentsOf: URL(fileURLWithPath: jpegPath))
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }

        let claire = try await Phone(name: "claire", folder: folder)
        let nadia = try await Phone(name: "nadia", folder: folder)
        // Whoever waits for something that never comes is told the end of it.
        let watchdog = watch([claire.relais, nadia.relais])
        defer { watchdog.cancel() }

        let people = try await enrol(claire, nadia, setupLink: setupLink)
        let thread = try await openThread(claire, nadia, people)
        try await exchange(claire, nadia, thread, jpeg)
        try await doTask(claire, nadia, thread, people)
        try await handOver(claire, nadia, thread, people)
        try await loseTheNetwork(claire, nadia, thread)
        try await followTheGuide(claire, thread, folder)
        try await shutDown(claire, nadia)
    }
}

private struct People {
    let claire: String
    let nadia: String
}

private func watch(_ opened: [Relais]) -> Task<Void, Never> {
    Task {
        do {
            try await Task.sleep(nanoseconds: 180_000_000_000)
        } catch {
            return  // The test has ended.
        }
        for relais in opened {
            try? await relais.shutdownAndClose()
        }
    }
}

private func enrol(_ claire: Phone, _ nadia: Phone, setupLink: String) async throws -> People {
    let unreadable = try await failure(of: "a bad link") {
        try await claire.relais.join(link: "https://relais.example/nothing", card: nil)
    }
    guard case .Rejected = unreadable else { throw unreadable }
    let coordinator = Card(familyName: "Lefèvre", givenName: "Claire", profession: 60, rpps: "99700218896")
    try await claire.relais.join(link: setupLink, card: coordinator)
    let nurse = Card(familyName: "Martin", givenName: "Nadia", profession: 60, rpps: "99700218896")
    let invitation = try await invite(nurse, by: claire)
    let claireIs = try await claire.relais.whoami()
    XCTAssertTrue(claireIs.coordinator)
    // The server must know the invitation before somebody comes with it.
    let synced = try await claire.relais.waitUntilSynced(timeoutMs: 60_000)
    XCTAssertTrue(synced.caughtUp)
    XCTAssertEqual(synced.waiting, 0)
    try await nadia.relais.join(link: invitation.link, card: nil)
    let nadiaIs = try await nadia.until("Nadia is confirmed") { relais -> WhoAmI? in
        guard try await relais.enrolment() == .enrolled else { return nil }
        let me = try await relais.whoami()
        return me.confirmed ? me : nil
    }
    XCTAssertEqual(nadiaIs.person, invitation.person)
    XCTAssertFalse(nadiaIs.coordinator)
    return People(claire: claireIs.person, nadia: nadiaIs.person)
}

/// Nobody can be invited before the practice is set up.
private func invite(_ card: Card, by coordinator: Phone) async throws -> Invitation {
    try await coordinator.until("the practice is set up") { relais -> Invitation? in
        do {
            return try await relais.invite(card: card)
        } catch RelaisError.Retry {
            return nil
        } catch RelaisError.ReEnrol {
            return nil
        }
    }
}

/// A third person comes in by what the guide tells.
private func followTheGuide(_ claire: Phone, _ thread: String, _ folder: URL) async throws {
    let doctor = Card(familyName: "Fictif", givenName: "Denis", profession: 10, rpps: "99700218896")
    let invitation = try await invite(doctor, by: claire)
    _ = try await claire.relais.waitUntilSynced(timeoutMs: 60_000)
    let path = folder.appendingPathComponent("doctor.db").path
    async let sent = firstMessage(
        path: path, secrets: Secrets(), network: SwitchedNetwork(), link: invitation.link)
    _ = try await claire.until("he has joined") { relais -> Person? in
        try await relais.people().first { $0.person == invitation.person && $0.confirmed }
    }
    let member = NewMember(
        person: invitation.person, role: .contributor, expiresAtMs: nil, roleText: "", basis: .careTeam,
        consentDate: nil, past: .nothing)
    try await claire.relais.addMember(thread: thread, member: member)
    guard case .sent(to: _, of: _)? = try await sent else { throw NeverCame(what: "his message") }
    _ = try await claire.until("his message") { relais -> ItemState? in
        message("Bonjour à tous", in: try await items(relais, thread))
    }
}

private func openThread(_ claire: Phone, _ nadia: Phone, _ people: People) async throws -> String {
    let member = NewMember(
        person: people.nadia, role: .contributor, expiresAtMs: nil, roleText: "", basis: .careTeam, consentDate: nil,
        past: .nothing)
    let new = NewThread(title: "Mme Durand", header: nil, members: [member])
    let thread = try await claire.relais.createThread(new: new)
    let title = try await nadia.until("Nadia is in the thread") { relais -> String? in
        try await relais.threads().first { $0.thread == thread && $0.state == .joined }?.title
    }
    XCTAssertEqual(title, "Mme Durand")
    return thread
}

private func exchange(_ claire: Phone, _ nadia: Phone, _ thread: String, _ jpeg: Data) async throws {
    _ = try await nadia.relais.sendMessage(
        thread: thread, text: "Bonjour, la plaie suinte.", priority: .normal, replyTo: nil)
    _ = try await nadia.relais.sendPhoto(
        thread: thread, photo: jpeg, caption: "Talon", bodySite: "talon", laterality: .left,
        wound: nil)
    _ = try await claire.until("the text") { relais -> ItemState? in
        message("Bonjour, la plaie suinte.", in: try await items(relais, thread))
    }
    let shown = try await claire.until("the photo") { relais -> ShownPhoto? in
        photo(in: try await items(relais, thread))
    }
    XCTAssertFalse(shown.thumbnail.isEmpty)
    XCTAssertEqual(shown.caption, "Talon")
    XCTAssertEqual(shown.laterality, .left)
    let original = try await claire.relais.photo(photo: shown.original, timeoutMs: 60_000)
    XCTAssertEqual([UInt8](original.prefix(2)), [0xFF, 0xD8], "a JPEG")
}

private func doTask(_ claire: Phone, _ nadia: Phone, _ thread: String, _ people: People) async throws {
    let new = NewTask(
        title: "Refaire le pansement", detail: "", owner: nil, priority: .normal, dueMs: nil, about: nil)
    let task = try await claire.relais.createTask(thread: thread, new: new)
    let title = try await nadia.until("the task") { relais -> String? in
        try await relais.tasks(thread: thread).first { $0.task == task && $0.status == .open }?.title
    }
    XCTAssertEqual(title, "Refaire le pansement")
    _ = try await nadia.relais.changeTask(thread: thread, task: task, change: .taken, reason: "")
    let actor = try await claire.until("the task is taken") { relais -> String? in
        try await relais.tasks(thread: thread).first { $0.task == task && $0.status == .taken }?.actor
    }
    XCTAssertEqual(actor, people.nadia)
}

private func handOver(_ claire: Phone, _ nadia: Phone, _ thread: String, _ people: People) async throws {
    let note = HandoverNote(
        situation: "Plaie du talon gauche", background: "Diabète", assessment: "Suinte plus qu'hier",
        request: "Avis sur le pansement", requestKind: .advice, deadlineMs: nil, receivers: [people.claire])
    let handover = try await nadia.relais.writeHandover(thread: thread, note: note)
    let read = try await claire.until("the handover") { relais -> HandoverNote? in
        try await relais.handovers(thread: thread).first { $0.event == handover }?.note
    }
    XCTAssertEqual(read, note)
    _ = try await claire.relais.acknowledgeHandover(
        thread: thread, handover: handover, synthesis: "Je passe demain matin.")
    let receivers = try await nadia.until("the handover is complete") { relais -> [HandoverReceiver]? in
        try await relais.handovers(thread: thread).first { $0.event == handover && $0.complete }?.receivers
    }
    XCTAssertEqual(receivers.map(\.person), [people.claire])
    XCTAssertEqual(receivers.map(\.synthesis), ["Je passe demain matin."])
}

private func loseTheNetwork(_ claire: Phone, _ nadia: Phone, _ thread: String) async throws {
    let text = "Écrit sans réseau"
    try await nadia.set(online: false)
    _ = try await nadia.relais.sendMessage(thread: thread, text: text, priority: .urgent, replyTo: nil)
    let offline = try await items(nadia.relais, thread)
    XCTAssertEqual(message(text, in: offline), .waiting)

    let relais = nadia.relais
    let waiting = Task {
        try await relais.waitUntilSynced(timeoutMs: 60_000)
    }
    waiting.cancel()
    let cancelled = try await failure(of: "a task that was cancelled") {
        try await waiting.value
    }
    guard case .Retry = cancelled else { throw cancelled }
    XCTAssertEqual(cancelled.code, "cancelled")

    try await nadia.set(online: true)
    _ = try await nadia.until("it is sent") { relais -> Bool? in
        let state = message(text, in: try await items(relais, thread))
        guard case .sent(to: _, of: _)? = state else { return nil }
        return true
    }
    _ = try await claire.until("it has arrived") { relais -> ItemState? in
        message(text, in: try await items(relais, thread))
    }
}

private func shutDown(_ claire: Phone, _ nadia: Phone) async throws {
    let second = try await failure(of: "a second opener") {
        try await Relais.open(path: claire.path, platform: claire.platform)
    }
    guard case .Retry = second else { throw second }
    XCTAssertEqual(second.code, "busy")

    for phone in [claire, nadia] {
        try await phone.relais.shutdownAndClose()
        await phone.hearTheEnd()
        let closed = try await failure(of: "a call after closing") {
            try await phone.relais.threads()
        }
        guard case .Fatal = closed else { throw closed }
        XCTAssertEqual(closed.code, "closed")
    }
    let again = try await Relais.open(path: claire.path, platform: claire.platform)
    let threads = try await again.threads()
    XCTAssertEqual(threads.map(\.title), ["Mme Durand"])
    try await again.shutdownAndClose()
}
