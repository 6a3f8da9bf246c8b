// The queue between two threads of a pipeline: it blocks when full or empty and can be broken by either end.

import Dispatch
import Synchronization

/// A first-in first-out queue of limited length between two threads.
package final class BoundedQueue<Element: Sendable>: Sendable {
    private struct State {
        var elements: [Element] = []
        var closed = false
    }

    private let state = Mutex(State())
    private let filled = DispatchSemaphore(value: 0)
    private let free: DispatchSemaphore

    package init(limit: Int) {
        // Counted up from zero: a semaphore must not be released below the value it was made with.
        free = DispatchSemaphore(value: 0)
        for _ in 0..<limit { free.signal() }
    }

    /// Waits for room; false when the queue was closed.
    package func push(_ element: Element) -> Bool {
        free.wait()
        let accepted = state.withLock {
            if !$0.closed { $0.elements.append(element) }
            return !$0.closed
        }
        filled.signal()
        if !accepted { free.signal() }
        return accepted
    }

    /// Waits for an element; nil when the queue is closed and empty.
    package func pop() -> Element? {
        filled.wait()
        let element = state.withLock { $0.elements.isEmpty ? nil : $0.elements.removeFirst() }
        // A closed queue stays readable as closed for the next caller.
        if element == nil { filled.signal() } else { free.signal() }
        return element
    }

    /// No more elements: wakes both ends.
    ///
    /// What is queued can still be taken.
    package func close() {
        state.withLock { $0.closed = true }
        filled.signal()
        free.signal()
    }
}
