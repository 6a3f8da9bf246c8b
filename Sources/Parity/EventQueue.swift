// The way from a side that runs in its own thread to the comparison.

import Checkpoints
import Diagnostics
import Dispatch
import Synchronization

/// Events of one side, one at a time, and how its run ended.
package final class EventQueue: Sendable {
    private let events = BoundedQueue<ParityEvent>(limit: 1)
    private let failure = Mutex<Failure?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    package init() {}

    /// Waits until the comparison has taken the event before.
    package func push(_ event: ParityEvent) { _ = events.push(event) }

    /// The next event; nil when the side is done.
    func pop() -> ParityEvent? { events.pop() }

    /// Runs a side in a thread of its own.
    func start(_ body: @escaping @Sendable (EventQueue) throws(Failure) -> Void) {
        DispatchQueue(label: "ingot.parity.side").async {
            do throws(Failure) { try body(self) } catch { self.failure.withLock { $0 = error } }
            self.events.close()
            self.ended.signal()
        }
    }

    /// Waits for the side's end; throws what stopped it.
    ///
    /// Events that nobody took are dropped.
    func finish() throws(Failure) {
        events.close()
        ended.wait()
        if let failure = failure.withLock({ $0 }) { throw failure }
    }
}
