import Foundation

// Cancelling a task does not end a call of the library that it waits for. These calls can take long and have a handle
// to end them; here the handle is cancelled with the task.

extension Relais {
    /// Waits until the device is caught up and nothing waits, for at most `timeoutMs` milliseconds, and answers the
    /// state of then. Fails with `Retry` and the code `cancelled` when its task is cancelled; with `Fatal` after closing.
    public func waitUntilSynced(timeoutMs: UInt64) async throws -> SyncState {
        try await cancelledWithTask { cancellation in
            try await self.waitUntilSynced(timeoutMs: timeoutMs, cancellation: cancellation)
        }
    }

    /// The original of a photo, a JPEG. Waits for it for at most `timeoutMs` milliseconds. Fails with `Retry` and the
    /// code `not_here_yet` when it has not come by then, or `cancelled` when its task is cancelled; with `Rejected`
    /// when it cannot be had.
    public func photo(photo: String, timeoutMs: UInt64) async throws -> Data {
        try await cancelledWithTask { cancellation in
            try await self.photo(photo: photo, timeoutMs: timeoutMs, cancellation: cancellation)
        }
    }
}

private func cancelledWithTask<Answer: Sendable>(
    _ call: (Cancellation) async throws -> Answer
) async throws -> Answer {
    let cancellation = Cancellation()
    return try await withTaskCancellationHandler {
        try await call(cancellation)
    } onCancel: {
        cancellation.cancel()
    }
}
