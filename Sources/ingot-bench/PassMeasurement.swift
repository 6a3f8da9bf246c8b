// prefill and decode: whole passes over a checkpoint of Ling-flash's width whose weights are in memory, against
// the machine's peak: the multiply-adds of all products in F32, the bytes of all weights touched.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Glibc
import ReferenceModel

struct PassMeasurement {
    let folder: String
    let backends: [any Backend]
    let turns: Int
    let threads: Int
    /// Bytes of weights that may stay in memory.
    let budget: Int

    func prefill(tokens: Int) throws(Failure) -> [Measurement] {
        let weights = try CheckpointWeights.open(folder, budget: budget)
        let configuration = weights.configuration
        let prompt = (0..<tokens).map { $0 * 7919 % configuration.vocabularySize }
        let operations = 2 * tokens * activeElements(configuration)
        let peak = MachinePeak(threads: threads)
        var results: [Measurement] = []
        for backend in backends {
            let pass = ForwardPass(configuration, weights: weights, backend: backend)
            // A reference takes minutes: it has its turn once.
            let times = try inTurns(backend is ReferenceBackend ? 1 : turns) { () throws(Failure) in
                try pass.run([TokenSequence(prompt)])
            } _: {
                peak.multiplyAdd(operations: operations)
            }
            var result = Measurement(
                name: "prefill.\(tokens).\(backend.name)", bytes: weights.bytesKept, subject: times.subject,
                baseline: times.baseline, baselineName: "F32 peak")
            let best = times.subject.min() ?? 1
            result.note =
                "\(Int(Double(tokens) / best)) tokens/s, \(Int(Double(operations) / best * 1e-9)) GFLOP/s"
            results.append(result)
        }
        return results
    }

    /// One token at a time, after a prompt of 64.
    func decode(tokens: Int) throws(Failure) -> [Measurement] {
        let weights = try CheckpointWeights.open(folder, budget: budget)
        let configuration = weights.configuration
        let prompt = (0..<64).map { $0 * 7919 % configuration.vocabularySize }
        let next = (0..<tokens).map { $0 * 104_729 % configuration.vocabularySize }
        // What nothing is kept of is read by every pass: so many bytes a pass touches.
        let counting = try CheckpointWeights.open(folder, budget: 0)
        let touched = try decode(counting, backends[0], prompt, next) { counting.bytesRead }
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: touched / tokens, alignment: 64)
        defer { room.deallocate() }
        _ = room.initializeMemory(as: UInt8.self, repeating: 1)
        let peak = MachinePeak(threads: threads)
        var results: [Measurement] = []
        for backend in backends where !(backend is ReferenceBackend) {
            let pass = ForwardPass(configuration, weights: weights, backend: backend)
            let cache = KeyValueCache(configuration)
            try pass.run([TokenSequence(prompt, cache: cache)], logits: .none)
            let times = try inTurns(turns) { () throws(Failure) in
                for token in next { try pass.run([TokenSequence([token], cache: cache)]) }
                cache.truncate(to: prompt.count)
            } _: {
                for _ in next { peak.read(UnsafeRawBufferPointer(room)) }
            }
            var result = Measurement(
                name: "decode.\(backend.name)", bytes: touched, subject: times.subject,
                baseline: times.baseline, baselineName: "reading")
            let best = times.subject.min() ?? 1
            result.note = "\(decimals(Double(tokens) / best, 1)) tokens/s"
            results.append(result)
        }
        return results
    }

    /// Bytes that the passes of some tokens read, as counted by a body before and after.
    private func decode(
        _ weights: CheckpointWeights, _ backend: any Backend, _ prompt: [Int], _ next: [Int],
        _ count: () -> Int
    ) throws(Failure) -> Int {
        let pass = ForwardPass(weights.configuration, weights: weights, backend: backend)
        let cache = KeyValueCache(weights.configuration)
        try pass.run([TokenSequence(prompt, cache: cache)], logits: .none)
        let before = count()
        for token in next { try pass.run([TokenSequence([token], cache: cache)]) }
        return count() - before
    }

    /// Elements of all matrices that one token is multiplied by.
    private func activeElements(_ configuration: BailingMoeV2Configuration) -> Int {
        TensorInventory(configuration).entries.reduce(0) { sum, entry in
            guard entry.shape.rank == 2, entry.role != .embedding, entry.layer ?? 0 < configuration.layerCount
            else { return sum }
            guard entry.expert != nil else { return sum + entry.parameterCount }
            // All experts together count as those of one token.
            return entry.expert ?? 0 < configuration.expertsPerToken ? sum + entry.parameterCount : sum
        }
    }

    private func inTurns(
        _ turns: Int, _ subject: () throws(Failure) -> Void, _ baseline: () -> Void
    ) throws(Failure) -> (subject: [Double], baseline: [Double]) {
        var times: ([Double], [Double]) = ([], [])
        try subject()
        baseline()
        let clock = ContinuousClock()
        for _ in 0..<turns {
            let start = clock.now
            try subject()
            let middle = clock.now
            baseline()
            times.0.append((middle - start) / .seconds(1))
            times.1.append((clock.now - middle) / .seconds(1))
        }
        return times
    }
}
