import Foundation
import Network

/// Whether the phone has a network, as the system sees it. Give one to `Platform`, and let it follow the object that
/// was opened with it:
///
///     let network = NetworkPath()
///     let platform = Platform(secrets: KeychainSecretStore(), connectivity: network, clock: nil)
///     let relais = try await Relais.open(path: path, platform: platform)
///     network.follow(relais)
public final class NetworkPath: Connectivity, @unchecked Sendable {
    // Everything that varies is read and written with this lock held, hence @unchecked Sendable.
    private let lock = NSLock()
    /// Until the system has said something, a network is assumed.
    private var online = true
    private var known = false
    private var untold = false
    private var told: AsyncStream<Void>.Continuation?
    private let monitor = NWPathMonitor()

    /// Asks the system from now on.
    public init() {
        monitor.pathUpdateHandler = { [weak self] path in
            self?.changed(online: path.status != .unsatisfied)
        }
        monitor.start(queue: DispatchQueue(label: "eu.relais.network-path"))
    }

    deinit {
        monitor.cancel()
        told?.finish()
    }

    /// Whether a server could be reached, as far as the phone knows.
    public func isOnline() throws -> Bool {
        lock.withLock { online }
    }

    /// Tells `relais` from now on when the network came, went or is another one, and what it was not told since it was
    /// opened. Does not keep it alive. An object that was followed before is not told any more.
    public func follow(_ relais: Relais) {
        // One change that waits is enough, because the state is read afterwards; and one call after the other, because
        // of two at once the one that read an old state could end last.
        let (changes, continuation) = AsyncStream.makeStream(
            of: Void.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        lock.withLock {
            told?.finish()
            told = continuation
            if untold {
                untold = false
                continuation.yield()
            }
        }
        Task { [weak relais] in
            for await _ in changes {
                guard let relais else { return }
                // It fails only after closing; then there is nobody to tell.
                try? await relais.networkChanged()
            }
        }
    }

    private func changed(online now: Bool) {
        lock.withLock {
            // The system begins with the state that there is: news only when it is not what was assumed.
            let news = known || now != online
            known = true
            online = now
            guard news else { return }
            if let told {
                told.yield()
            } else {
                untold = true
            }
        }
    }
}
