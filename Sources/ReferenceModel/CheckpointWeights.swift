// Weights straight from a checkpoint, in the format they are stored in. What fits the budget stays in memory
// from its first use; the rest is read again by every pass. What came first stays: a pass goes through the
// model in a circle, where letting the oldest go would keep nothing.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Dispatch
import Synchronization
import Tensors

/// The weights of a checkpoint.
///
/// - Checked by: GoldenTests, FormatTests, MemoryTests.
package final class CheckpointWeights: WeightSource {
    package let checkpoint: Checkpoint
    package let configuration: BailingMoeV2Configuration
    /// Bytes of weights that may stay in memory between uses.
    package let budget: Int

    let stored: [WeightKey: StoredWeight]
    private let readers: [BulkReader]
    private let pool = BufferPool()
    private struct Kept {
        var weights: [WeightKey: WeightMatrix] = [:]
        var bytes = 0
        var bytesRead = 0

        func holds(expert: Int, _ layer: Int) -> Bool {
            MLPProjection.allCases.allSatisfy {
                weights[WeightKey(.expert($0), layer: layer, expert: expert)] != nil
            }
        }
    }
    private let kept = Mutex(Kept())

    /// - Parameters:
    ///   - quantised: the inventory as the checkpoint stores it.
    ///   - budget: bytes that may stay in memory; 0 keeps nothing.
    ///   - keepsParts: whether a part of a model that does not fit is kept: worth it for many passes, not for one.
    package init(
        _ checkpoint: Checkpoint, _ quantised: QuantisedInventory, budget: Int, keepsParts: Bool = true
    ) throws(Failure) {
        self.checkpoint = checkpoint
        configuration = quantised.inventory.configuration
        self.budget = keepsParts || checkpoint.dataBytes <= budget ? budget : 0
        stored = try StoredWeight.find(in: checkpoint, quantised)
        var readers: [BulkReader] = []
        for shard in checkpoint.shards.indices {
            readers.append(try BulkReader(path: checkpoint.path(ofShard: shard)))
        }
        self.readers = readers
    }

    /// Opens a folder.
    ///
    /// - Throws: what a pass cannot do without; the rest is for `ingot validate` to say, so that a damaged
    ///   artefact can still be compared.
    package static func open(
        _ folder: String, budget: Int, keepsParts: Bool = true
    ) throws(Failure) -> CheckpointWeights {
        let checkpoint = try Checkpoint.open(folder)
        let judgement = try CheckpointJudge().judge(checkpoint)
        guard let match = judgement.match else { throw Failure(judgement.findings) }
        return try CheckpointWeights(checkpoint, match.quantised, budget: budget, keepsParts: keepsParts)
    }

    /// Bytes of weights read from the files so far, scales left out.
    package var bytesRead: Int { kept.withLock { $0.bytesRead } }

    /// Bytes of weights in memory.
    package var bytesKept: Int { kept.withLock { $0.bytes } }

    /// Throws when a shard was written or replaced since it was opened; to be called after a pass.
    package func checkUnchanged() throws(Failure) { for reader in readers { try reader.checkUnchanged() } }

    // MARK: WeightSource

    package func weight(_ key: WeightKey) throws(Failure) -> WeightMatrix {
        if let weight = kept.withLock({ $0.weights[key] }) { return weight }
        let stored = place(of: key)
        let weight = try read(stored, rows: 0..<stored.rows)
        keep(weight, key)
        return weight
    }

    package func rows(_ indices: [Int], of key: WeightKey) throws(Failure) -> WeightMatrix {
        let stored = place(of: key)
        let width = stored.columns * stored.record.dtype.bits / 8
        guard let format = plainFormat(stored) else { throw noCodes(stored) }
        let loan = pool.lend(capacity: BulkReader.capacity(for: width))
        var bytes: [UInt8] = []
        bytes.reserveCapacity(indices.count * width)
        for index in indices {
            precondition(index >= 0 && index < stored.rows, "row \(index) of \(stored.rows)")
            let start = stored.record.dataRange.lowerBound + index * width
            bytes += try readers[stored.shard].read(start..<start + width, into: loan.buffer)
        }
        kept.withLock { $0.bytesRead += bytes.count }
        return WeightMatrix(format: format, rows: indices.count, columns: stored.columns, bytes: bytes)
    }

    /// Bytes of one strip.
    private static let stripBytes = 32 << 20

    package func strips(
        of key: WeightKey, _ body: (Range<Int>, WeightMatrix) throws(Failure) -> Void
    ) throws(Failure) {
        let stored = place(of: key)
        let size = stored.record.dataRange.count
        if size <= Self.stripBytes || size <= budget { return try body(0..<stored.rows, try weight(key)) }
        guard plainFormat(stored) != nil else { throw noCodes(stored) }
        let width = stored.columns * stored.record.dtype.bits / 8
        let height = max(1, Self.stripBytes / width)
        for first in stride(from: 0, to: stored.rows, by: height) {
            let rows = first..<min(first + height, stored.rows)
            try body(rows, try read(stored, rows: rows))
        }
    }

    package func experts(
        _ experts: [Int], layer: Int, _ body: (Int, MLPWeights) throws(Failure) -> Void
    ) throws(Failure) {
        if kept.withLock({ kept in experts.allSatisfy { kept.holds(expert: $0, layer) } }) {
            for expert in experts { try body(expert, try self.expert(expert, layer)) }
            return
        }
        // One expert is multiplied while the next two are read.
        let queue = BoundedQueue<Result<MLPWeights, Failure>>(limit: 2)
        defer { queue.close() }
        readAhead(experts, layer, queue)
        for expert in experts {
            guard let next = queue.pop() else { preconditionFailure("the reader ended before its list") }
            try body(expert, try next.get())
        }
    }

    private func readAhead(
        _ experts: [Int], _ layer: Int, _ queue: BoundedQueue<Result<MLPWeights, Failure>>
    ) {
        DispatchQueue(label: "ingot.experts").async {
            for expert in experts {
                var result: Result<MLPWeights, Failure>
                do throws(Failure) { result = .success(try self.expert(expert, layer)) } catch {
                    result = .failure(error)
                }
                guard queue.push(result) else { return }
                if case .failure = result { return }
            }
        }
    }

    private func expert(_ expert: Int, _ layer: Int) throws(Failure) -> MLPWeights {
        MLPWeights(
            gate: try weight(WeightKey(.expert(.gate), layer: layer, expert: expert)),
            up: try weight(WeightKey(.expert(.up), layer: layer, expert: expert)),
            down: try weight(WeightKey(.expert(.down), layer: layer, expert: expert)))
    }

    // MARK: Reading

    func place(of key: WeightKey) -> StoredWeight {
        guard let stored = stored[key] else {
            preconditionFailure("\(key.role.name) of layer \(key.layer ?? -1) is no weight of this model")
        }
        return stored
    }

    func read(_ stored: StoredWeight, rows: Range<Int>) throws(Failure) -> WeightMatrix {
        let width = stored.columns * stored.record.dtype.bits / 8
        let start = stored.record.dataRange.lowerBound
        let range = start + rows.lowerBound * width..<start + rows.upperBound * width
        let loan = pool.lend(capacity: BulkReader.capacity(for: range.count))
        let bytes = try readers[stored.shard].read(range, into: loan.buffer)
        kept.withLock { $0.bytesRead += range.count }
        var format = plainFormat(stored)
        if let scales = stored.scales {
            let values = try checkpoint.scales(scales.record, shard: scales.shard)
            format = .e4m3(
                stored.blockScales(values, scales.granularity).fromRow(rows.lowerBound, count: rows.count))
        }
        guard let format else { throw noCodes(stored) }
        return WeightMatrix(
            format: format, rows: rows.count, columns: stored.columns, bytes: bytes, owner: loan,
            inputScale: try inputScale(stored))
    }

    private func inputScale(_ stored: StoredWeight) throws(Failure) -> Float? {
        guard let (shard, record) = stored.inputScale else { return nil }
        let value = try checkpoint.scales(record, shard: shard).first ?? 0
        guard value.isFinite, value > 0 else {
            throw Failure(
                Finding(
                    .error, .scaleValueImpossible, "a scale of inputs that no input can have",
                    file: checkpoint.shards[shard].name, tensor: record.name,
                    expected: "a finite number above zero", found: "\(value)",
                    remedy: "calibrate and quantise again"))
        }
        return value
    }

    private func plainFormat(_ stored: StoredWeight) -> WeightMatrix.Format? {
        switch stored.record.dtype {
        case .f32: .f32
        case .bf16: .bf16
        case .f16: .f16
        default: nil
        }
    }

    private func noCodes(_ stored: StoredWeight) -> Failure {
        Failure(
            Finding(
                .error, .roleNeverQuantised, "this weight is read row by row and holds codes",
                tensor: stored.name, expected: "F32, BF16 or F16", found: stored.record.dtype.rawValue,
                remedy: "quantise the checkpoint again and leave this weight as it is"))
    }

    /// Keeps a weight when there is room; a copy, because a buffer of the pool is larger.
    private func keep(_ weight: WeightMatrix, _ key: WeightKey) {
        let size = weight.bytes.count
        kept.withLock { kept in
            guard kept.bytes + size <= budget, kept.weights[key] == nil else { return }
            kept.weights[key] = WeightMatrix(
                format: weight.format, rows: weight.rows, columns: weight.columns,
                bytes: Array(weight.bytes), inputScale: weight.inputScale)
            kept.bytes += size
        }
    }
}
