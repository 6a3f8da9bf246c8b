// Threads of a training. What one unit of work is never depends on how many there are, so neither do the bits.

import COpenBLAS
import Dispatch

/// A fixed number of threads.
struct Crew: Sendable {
    let count: Int

    init(threads: Int) {
        count = max(1, threads)
        // Its own threads would wait for ours, and split sums by their number.
        openblas_set_num_threads(1)
    }

    /// Runs all units, each once; a worker's number is below `count`.
    func run(units: Int, _ body: (_ unit: Int, _ worker: Int) -> Void) {
        let workers = min(count, units)
        guard workers > 1 else {
            for unit in 0..<units { body(unit, 0) }
            return
        }
        withoutActuallyEscaping(body) { body in
            let work = Shared(value: body)
            DispatchQueue.concurrentPerform(iterations: workers) { worker in
                for unit in stride(from: worker, to: units, by: workers) { work.value(unit, worker) }
            }
        }
    }
}

/// What all workers read; units write to places of their own.
private struct Shared<Value>: @unchecked Sendable { let value: Value }
