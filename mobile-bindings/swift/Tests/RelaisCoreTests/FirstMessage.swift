import Foundation
import RelaisCore

/// From the link of an invitation to a first message, as docs/mobile.md tells it; answers the message's state.
func firstMessage(path: String, secrets: SecretStore, network: Connectivity, link: String) async throws -> ItemState? {
    // guide: open
    let platform = Platform(secrets: secrets, connectivity: network, clock: nil)
    let relais = try await Relais.open(path: path, platform: platform)
    // guide: join
    try await relais.join(link: link, card: nil)
    // guide: wait
    var thread = ""
    for await _ in try relais.events() {
        if let joined = try await joinedThread(relais) {
            thread = joined
            break
        }
    }
    // guide: send
    let event = try await relais.sendMessage(
        thread: thread, text: "Bonjour à tous", priority: .normal, replyTo: nil)
    // guide: show
    var sent: ItemState?
    for await _ in try relais.events() {
        let page = try await relais.timelineBefore(thread: thread, beforeSeq: nil, limit: 50)
        sent = page.items.first { said($0, event) }?.state
        if case .sent(to: _, of: _)? = sent { break }
    }
    // guide: close
    try await relais.shutdownAndClose()
    // guide: end
    return sent
}

// guide: look
/// The thread that this device is in; nothing before it is let in.
private func joinedThread(_ relais: Relais) async throws -> String? {
    guard try await relais.enrolment() == .enrolled else { return nil }
    return try await relais.threads().first { $0.state == .joined }?.thread
}

/// Whether an item of a timeline is this event.
private func said(_ item: TimelineItem, _ event: String) -> Bool {
    guard case .event(event: let id, content: _) = item.body else { return false }
    return id == event
}
// guide: end
