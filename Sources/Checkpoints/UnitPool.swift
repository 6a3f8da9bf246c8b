// Units of work side by side: files of an artefact, each sealed by itself.

import Diagnostics
import Dispatch
import Synchronization

/// Does units side by side, in the order in which they are given.
///
/// - Parameter atOnce: units in work at a time, at most.
/// - Returns: what each unit gave, in the order of the units.
/// - Throws: the first failure, after the units in work have ended; no further one is begun.
package func sideBySide<Unit: Sendable, Value: Sendable>(
    _ units: [Unit], atOnce: Int, _ body: @Sendable (Unit) throws(Failure) -> Value
) throws(Failure) -> [Value] {
    let results = Mutex<[Int: Value]>([:])
    let failure = Mutex<Failure?>(nil)
    let next = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: max(1, min(atOnce, units.count))) { _ in
        while failure.withLock({ $0 == nil }) {
            let turn = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard turn < units.count else { return }
            do throws(Failure) {
                let value = try body(units[turn])
                results.withLock { $0[turn] = value }
            } catch {
                failure.withLock { if $0 == nil { $0 = error } }
            }
        }
    }
    if let failure = failure.withLock({ $0 }) { throw failure }
    let done = results.withLock { $0 }
    return units.indices.compactMap { done[$0] }
}
