/// Batches that wait for a reader. One who is further behind reads everything again anyway.
private let waiting = 64

extension Relais {
    /// What happens from now on, in batches, in order. The first batch is `.missed` alone, so that what is read at each
    /// batch is read from the start. The stream ends when this object is closed; ending the loop over
    /// it, or the task of that loop, ends the subscription. One loop may read it; a second one asks for its own stream.
    ///
    /// A reader who falls far behind loses the oldest batches and gets `.missed` in their place. Fails with `Fatal` after
    /// closing.
    public func events() throws -> AsyncStream<[RelaisEvent]> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: [RelaisEvent].self,
            bufferingPolicy: .bufferingNewest(waiting)
        )
        let subscription = try self.subscribe(listener: Batches(continuation))
        continuation.onTermination = { _ in subscription.cancel() }
        continuation.yield([.missed])
        return stream
    }
}

/// Hands each batch to a stream. The library calls it once at a time.
private final class Batches: EventListener {
    private let continuation: AsyncStream<[RelaisEvent]>.Continuation

    init(_ continuation: AsyncStream<[RelaisEvent]>.Continuation) {
        self.continuation = continuation
    }

    func onEvents(events: [RelaisEvent]) throws {
        if case .dropped = continuation.yield(events) {
            // It takes the last place, so that whatever was dropped before it is made good by it. What it pushes out
            // itself is told by it too.
            continuation.yield([.missed])
        }
    }

    func onClosed() throws {
        continuation.finish()
    }
}
