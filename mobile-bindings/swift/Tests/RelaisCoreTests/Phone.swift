import Foundation
import RelaisCore

/// How often something is looked for before it counts as never coming.
private let looks = 500

/// What was looked for and never came.
struct NeverCame: Error {
    let what: String
}

/// Secrets that live as long as the test: the Keychain needs an app that is signed.
final class Secrets: SecretStore, @unchecked Sendable {
    private let lock = NSLock()
    private var secrets: [String: Data] = [:]

    func load(name: String) throws -> Data? {
        lock.withLock { secrets[name] }
    }

    func store(name: String, secret: Data) throws {
        lock.withLock { secrets[name] = secret }
    }

    func delete(name: String) throws {
        lock.withLock { secrets[name] = nil }
    }
}

/// A network that comes and goes when the test says so.
final class SwitchedNetwork: Connectivity, @unchecked Sendable {
    private let lock = NSLock()
    private var online = true

    func isOnline() throws -> Bool {
        lock.withLock { online }
    }

    func set(online now: Bool) {
        lock.withLock { online = now }
    }
}

/// Somebody's phone: an open database, and what it is told.
final class Phone {
    let relais: Relais
    let path: String
    let platform: Platform
    private let network: SwitchedNetwork
    private var batches: AsyncStream<[RelaisEvent]>.Iterator

    init(name: String, folder: URL) async throws {
        let network = SwitchedNetwork()
        let path = folder.appendingPathComponent(name + ".db").path
        let platform = Platform(secrets: Secrets(), connectivity: network, clock: nil)
        let relais = try await Relais.open(path: path, platform: platform)
        self.batches = try relais.events().makeAsyncIterator()
        self.relais = relais
        self.path = path
        self.platform = platform
        self.network = network
    }

    /// What `look` finds, looking again whenever the phone is told something.
    func until<Found>(_ what: String, _ look: (Relais) async throws -> Found?) async throws -> Found {
        for _ in 0..<looks {
            if let found = try await look(relais) {
                return found
            }
            guard await batches.next() != nil else { break }
        }
        throw NeverCame(what: what)
    }

    /// The network comes or goes.
    func set(online: Bool) async throws {
        network.set(online: online)
        try await relais.networkChanged()
    }

    /// Until nothing is told any more, which is so once the phone was closed.
    func hearTheEnd() async {
        while await batches.next() != nil {}
    }
}

/// What a call failed with; a call that succeeds fails the test.
func failure<Answer>(of what: String, _ call: () async throws -> Answer) async throws -> RelaisError {
    do {
        _ = try await call()
    } catch let error as RelaisError {
        return error
    }
    throw NeverCame(what: "the failure of " + what)
}
