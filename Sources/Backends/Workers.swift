// Work spread over a fixed number of threads. What is one unit, and so the bits of the result, never depends
// on how many threads there are.

import Dispatch

/// A fixed number of threads for units that write to places of their own.
struct Workers: Sendable {
    let count: Int

    /// Runs all units; each worker makes its scratch once and takes every count-th unit.
    func run<Scratch>(units: Int, scratch: () -> Scratch, _ body: (Int, inout Scratch) -> Void) {
        let workers = min(count, units)
        guard workers > 1 else {
            var room = scratch()
            for unit in 0..<units { body(unit, &room) }
            return
        }
        withoutActuallyEscaping(scratch) { scratch in
            withoutActuallyEscaping(body) { body in
                let work = Shared(value: (scratch: scratch, body: body))
                DispatchQueue.concurrentPerform(iterations: workers) { worker in
                    var room = work.value.scratch()
                    for unit in stride(from: worker, to: units, by: workers) { work.value.body(unit, &room) }
                }
            }
        }
    }

    /// Runs units that need no room of their own.
    func run(units: Int, _ body: (Int) -> Void) { run(units: units, scratch: {}) { unit, _ in body(unit) } }
}

/// What all workers read; units write to places of their own.
private struct Shared<Value>: @unchecked Sendable { let value: Value }

/// Memory that a worker fills and reads.
final class Scratch<Element> {
    let base: UnsafeMutablePointer<Element>

    init(count: Int) { base = .allocate(capacity: max(1, count)) }

    deinit { base.deallocate() }
}

extension Matrix {
    /// Lends the elements; not called for none.
    func withElements(_ body: (UnsafePointer<Float>) -> Void) {
        values.withUnsafeBufferPointer { if let base = $0.baseAddress, !$0.isEmpty { body(base) } }
    }
}

extension KeyValues {
    /// Lends keys and values, [P, G·D] each; not called for none.
    func withElements(_ body: (UnsafePointer<Float>, UnsafePointer<Float>) -> Void) {
        keys.withUnsafeBufferPointer { keys in
            values.withUnsafeBufferPointer { values in
                if let keys = keys.baseAddress, let values = values.baseAddress, count > 0 {
                    body(keys, values)
                }
            }
        }
    }
}
