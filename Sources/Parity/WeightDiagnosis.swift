// What happened to a weight that differs by more than its storage explains: the mistakes that converters are
// known to make, each tried against the numbers.

import Architectures
import Backends
import Diagnostics
import Glibc
import ReferenceModel

/// Names the likely cause of a weight's difference.
struct WeightDiagnosis {
    let left: CheckpointWeights
    let right: CheckpointWeights

    /// Cosine from which two weights are taken for one: E4M3 rounding leaves 0.9996, independent ones have 0.
    private static let sameCosine = 0.99
    /// How near to a power of two a factor has to be.
    private static let factorSlack = 0.02
    /// Part of its own difference that a weight may have to the one it was taken from.
    private static let closer = 0.25
    /// Experts of a layer that are tried as the source of an exchanged one.
    private static let expertLimit = 256

    /// A sentence on what it looks like; nil when nothing known fits.
    func cause(of weight: WeightDifference) throws(Failure) -> String? {
        if weight.sums.notFinite > 0 {
            return "\(grouped(weight.sums.notFinite)) numbers are infinite or none"
        }
        if weight.sums.right == 0 { return "it holds nothing but zeros on the right side" }
        if weight.sums.left == 0 { return "it holds nothing but zeros on the left side" }
        if weight.sums.cosine > Self.sameCosine {
            if let factor = Self.power(of: weight.sums.ratio) {
                return "every number is \(factor) times what it should be: a scale off by a power of two, "
                    + "or a factor applied twice"
            }
        }
        if let other = try twin(of: weight) { return other }
        if let block = try block(of: weight) { return block }
        if weight.sums.cosine > Self.sameCosine { return rounding(of: weight) }
        if abs(weight.sums.cosine) < 0.1 {
            return
                "its numbers have nothing to do with the left side's: another tensor's data, another order "
                + "of rows, or codes read without their scales"
        }
        return nil
    }

    /// What a plain weight that points the right way went through.
    private func rounding(of weight: WeightDifference) -> String? {
        let sums = weight.sums
        if !(0.9...1.1).contains(sums.ratio) {
            return "every number is \(decimals(sums.ratio, 3)) times what it should be: codes read without "
                + "their scales, or a factor applied where none belongs"
        }
        guard !weight.hasCodes else { return nil }
        // Rounding is everywhere alike; what is exchanged or overwritten is somewhere.
        if weight.worstBand > Self.uneven * sums.relative {
            return "most of the difference is in rows \(weight.worstRows.lowerBound) to "
                + "\(weight.worstRows.upperBound - 1): rows exchanged or overwritten"
        }
        guard Self.codeRounding.contains(sums.relative) else { return nil }
        return "its numbers look rounded to FP8 and back"
            + (weight.key.role.isQuantisable
                ? "" : "; no scheme quantises this: \(weight.key.role.title)")
    }

    /// How much worse than the whole weight its worst rows are where the difference is not everywhere.
    private static let uneven = 2.0

    /// Relative RMS that rounding to E4M3 leaves: half a step of three bits of mantissa at most, 2^-4.
    private static let codeRounding = 0.01...0.0625

    /// The power of two that a factor is, as text; nil when it is none, or 1.
    private static func power(of ratio: Double) -> String? {
        guard ratio > 0 else { return nil }
        let exponent = log2(ratio)
        let whole = exponent.rounded()
        guard whole != 0, abs(exponent - whole) < factorSlack else { return nil }
        return whole > 0 ? grouped(1 << Int(min(whole, 60))) : "1/\(grouped(1 << Int(min(-whole, 60))))"
    }

    // MARK: Exchanged tensors

    /// The weight of the left side that the right side has here in place of its own.
    private func twin(of weight: WeightDifference) throws(Failure) -> String? {
        let key = weight.key
        // Norms are all alike: another one is the source only where it is far closer than the own one.
        var best = (relative: Self.closer * weight.sums.relative, text: String?.none)
        for (other, text) in candidates(key) {
            guard let description = left.description(of: other), description.rows == weight.left.rows,
                description.columns == weight.left.columns
            else { continue }
            let sums = try sums(of: key, with: other, weight)
            if sums.cosine > Self.sameCosine, sums.relative < best.relative {
                best = (sums.relative, "it holds the left side's \(description.name): \(text)")
            }
        }
        return best.text
    }

    private func candidates(_ key: WeightKey) -> [(WeightKey, String)] {
        var result: [(WeightKey, String)] = []
        func add(_ role: TensorRole, layer: Int?, expert: Int?, _ text: String) {
            let other = WeightKey(role, layer: layer, expert: expert)
            if other != key { result.append((other, text)) }
        }
        let swapped: TensorRole? =
            switch key.role {
            case .expert(.gate): .expert(.up)
            case .expert(.up): .expert(.gate)
            case .sharedExpert(.gate): .sharedExpert(.up)
            case .sharedExpert(.up): .sharedExpert(.gate)
            case .denseMLP(.gate): .denseMLP(.up)
            case .denseMLP(.up): .denseMLP(.gate)
            case .queryNorm: .keyNorm
            case .keyNorm: .queryNorm
            case .inputNorm: .postAttentionNorm
            case .postAttentionNorm: .inputNorm
            case .embedding: .outputHead
            case .outputHead: .embedding
            default: nil
            }
        if let swapped { add(swapped, layer: key.layer, expert: key.expert, "the two are exchanged") }
        if let layer = key.layer {
            for step in [-1, 1] where layer + step >= 0 {
                add(key.role, layer: layer + step, expert: key.expert, "layer ids are off by one")
            }
            if key.expert != nil {
                for expert in 0..<min(left.configuration.expertCount, Self.expertLimit) {
                    add(key.role, layer: layer, expert: expert, "experts are in another order")
                }
            }
        }
        return result
    }

    /// Sums over the first rows of a weight of the right side and another of the left side.
    private func sums(
        of key: WeightKey, with other: WeightKey, _ weight: WeightDifference
    ) throws(Failure) -> WeightSums {
        let rows = 0..<min(weight.left.rows, WeightComparison.bandRows)
        let a = try left.slab(other, rows: rows).quicklyDecoded(0..<rows.count)
        let b = try right.slab(key, rows: rows).quicklyDecoded(0..<rows.count)
        return a.withUnsafeBufferPointer { a in
            b.withUnsafeBufferPointer { b in
                guard let x = a.baseAddress, let y = b.baseAddress else { return WeightSums() }
                return weightSums(x, y, a.count)
            }
        }
    }

    // MARK: One scale of many

    /// The block of the worst rows that differs most, when a power of two explains it.
    private func block(of weight: WeightDifference) throws(Failure) -> String? {
        let height = max(weight.left.blockRows, weight.right.blockRows)
        let first = weight.worstRows.lowerBound / height * height
        let rows = first..<min(weight.left.rows, max(weight.worstRows.upperBound, first + height))
        guard !rows.isEmpty else { return nil }
        let right = try right.slab(weight.key, rows: rows)
        guard case .e4m3(let scales) = right.format else { return nil }
        let a = try left.slab(weight.key, rows: rows).quicklyDecoded(0..<rows.count)
        let b = right.quicklyDecoded(0..<rows.count)
        let k = weight.left.columns
        var worst = (sums: WeightSums(), row: 0, column: 0)
        for top in stride(from: 0, to: rows.count, by: scales.blockRows) {
            for start in stride(from: 0, to: k, by: scales.blockColumns) {
                let width = min(scales.blockColumns, k - start)
                var sums = WeightSums()
                for row in top..<min(rows.count, top + scales.blockRows) {
                    a.withUnsafeBufferPointer { a in
                        b.withUnsafeBufferPointer { b in
                            guard let x = a.baseAddress, let y = b.baseAddress else { return }
                            sums += weightSums(x + row * k + start, y + row * k + start, width)
                        }
                    }
                }
                if sums.relative > worst.sums.relative {
                    worst = (sums, (first + top) / scales.blockRows, start / scales.blockColumns)
                }
            }
        }
        guard worst.sums.cosine > Self.sameCosine, let factor = Self.power(of: worst.sums.ratio) else {
            return nil
        }
        return "the scale [\(worst.row), \(worst.column)] is \(factor) times what it should be"
    }
}
