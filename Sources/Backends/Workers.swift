// Work spread over a fixed number of threads. What is one unit, and so the bits of the result, never depends
// on how many threads there are.

import Dispatch
import Synchronization

/// A fixed number of threads for units that write to places of their own.
package struct Workers: Sendable {
    package let count: Int

    /// - Parameter count: threads, the caller's among them; at least one.
    package init(count: Int) { self.count = max(1, count) }

    /// Runs all units, each once.
    ///
    /// - Parameter body: gets a unit and the number of its worker, below `count` and below the number of units.
    package func run(units: Int, _ body: (_ unit: Int, _ worker: Int) -> Void) {
        each(of: units) { worker, units in for unit in units { body(unit, worker) } }
    }

    /// Runs all units; each worker takes scratch once.
    func run<Element>(
        units: Int, pool: ScratchPool<Element>, elements: Int,
        _ body: (_ unit: Int, _ scratch: UnsafeMutablePointer<Element>) -> Void
    ) {
        each(of: units) { _, units in
            let room = pool.take(count: elements)
            for unit in units { body(unit, room.base) }
            pool.give(room)
        }
    }

    /// Calls once for each worker, with every count-th unit; all at the same time.
    private func each(of units: Int, _ body: (_ worker: Int, _ units: StrideTo<Int>) -> Void) {
        let workers = min(count, units)
        withoutActuallyEscaping(body) { body in
            let work = Shared(value: body)
            @Sendable func share(_ worker: Int) {
                work.value(worker, stride(from: worker, to: units, by: workers))
            }
            if workers > 1 {
                DispatchQueue.concurrentPerform(iterations: workers, execute: share)
            } else if workers == 1 {
                share(0)
            }
        }
    }
}

/// What all workers read; units write to places of their own.
private struct Shared<Value>: @unchecked Sendable { let value: Value }

/// Memory that a worker fills and reads.
final class Scratch<Element>: @unchecked Sendable {
    let base: UnsafeMutablePointer<Element>
    let count: Int

    init(count: Int) {
        // Whole cache lines: loads and stores of the kernels never cross two.
        base = UnsafeMutableRawPointer.allocate(
            byteCount: max(1, count) * MemoryLayout<Element>.stride, alignment: 64
        ).bindMemory(to: Element.self, capacity: max(1, count))
        self.count = count
    }

    deinit { base.deallocate() }
}

/// Scratch that goes from call to call: fresh pages cost more than a small product.
final class ScratchPool<Element>: Sendable {
    private let idle = Mutex<[Scratch<Element>]>([])

    /// Room for so many elements, its content arbitrary; to be given back.
    func take(count: Int) -> Scratch<Element> {
        idle.withLock { idle in
            idle.firstIndex { $0.count >= count }.map { idle.remove(at: $0) }
        } ?? Scratch(count: count)
    }

    /// Takes room back; the largest few stay.
    func give(_ scratch: Scratch<Element>) {
        idle.withLock { idle in
            idle.append(scratch)
            idle.sort { $0.count < $1.count }
            if idle.count > Self.limit { idle.removeFirst() }
        }
    }

    /// More threads than this allocate anew.
    private static var limit: Int { 8 }
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
