// What kind of numbers the scales of a checkpoint are. The model authors' exporter writes powers of two for
// some roles and plain numbers for others, with nothing in the config to say which; engines that want
// powers of two quantise the plain ones a second time at load.

import Checkpoints
import Diagnostics
import Documents
import Tensors

/// The kind of a set of scales.
package enum ScaleKind: String, Sendable {
    case powersOfTwo = "powers of two"
    case plain
    /// Some tensors hold powers of two alone, others do not.
    case mixed
}

/// Counts over the scale tensors of one role.
package struct ScaleTally: Equatable, Sendable {
    /// Scale tensors seen.
    package fileprivate(set) var tensors = 0
    /// Tensors of which every scale is a power of two.
    package fileprivate(set) var powerOfTwoTensors = 0
    /// Scales seen.
    package fileprivate(set) var values = 0
    /// Scales of either zero.
    package fileprivate(set) var zeros = 0
    /// Finite scales below zero.
    package fileprivate(set) var negatives = 0
    /// Scales that are infinite or not a number.
    package fileprivate(set) var nonFinite = 0
    /// The first weight whose scales no weight can have.
    package fileprivate(set) var firstImpossible: String?

    /// The kind of this role's scales.
    package var kind: ScaleKind {
        powerOfTwoTensors == tensors ? .powersOfTwo : powerOfTwoTensors == 0 ? .plain : .mixed
    }

    /// Scales that no weight can have.
    package var impossible: Int { zeros + negatives + nonFinite }
}

/// Looks at every scale of a checkpoint, one tensor after the other, without keeping any.
///
/// A power of two here is a normal F32 with an empty mantissa: what an exponent byte can hold and what
/// DeepGEMM asserts. Subnormal numbers count as plain.
/// - Source: DeepGEMM utils/math.py; vLLM 0.33.0 quantization/utils/fp8_utils.py.
/// - Checked by: ScaleAuditTests.
package struct ScaleAudit: Sendable {
    private var tallies: [TensorRole: ScaleTally] = [:]
    /// Scales of inputs and of the cache that cannot be, by their tensors' names, and how many were seen.
    private var impossible: [String] = []
    private var storedCount = 0

    /// Nothing seen yet.
    package init() {}

    /// Looks at the scales of one weight.
    ///
    /// - Parameters:
    ///   - bytes: the tensor's data, little endian, of any alignment.
    ///   - dtype: F32, BF16 or F8_E8M0; other types are counted as not finite.
    ///   - entry: the weight they belong to.
    /// - Complexity: one pass; nothing is allocated.
    package mutating func observe(_ bytes: UnsafeRawBufferPointer, dtype: DType, of entry: InventoryEntry) {
        var counts = Counts()
        switch dtype {
        case .f32:
            counts.values = bytes.count / 4
            for index in 0..<counts.values {
                counts.add(
                    UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)))
            }
        case .bf16:
            counts.values = bytes.count / 2
            for index in 0..<counts.values {
                let bits = UInt16(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
                counts.add(UInt32(bits) << 16)
            }
        case .e8m0:
            counts.values = bytes.count
            // 255 is the one code that is not a number; every other is a power of two.
            counts.nonFinite = bytes.count { $0 == 0xFF }
        default:
            counts.values = 1
            counts.nonFinite = 1
        }
        tallies[entry.role, default: ScaleTally()].add(counts, entry)
    }

    /// Looks at a scale of inputs or of the cache.
    package mutating func observe(_ bytes: UnsafeRawBufferPointer, dtype: DType, named name: String) {
        storedCount += 1
        let values = floats(Array(bytes), dtype)
        if values.isEmpty || !values.allSatisfy({ $0.isFinite && $0 > 0 }) { impossible.append(name) }
    }

    /// Looks at the scales of one weight, given as numbers.
    package mutating func observe(_ scales: [Float], of entry: InventoryEntry) {
        scales.withUnsafeBytes { observe($0, dtype: .f32, of: entry) }
    }

    /// The roles seen, in the order of `TensorRole.allCases`.
    package var roles: [(role: TensorRole, tally: ScaleTally)] {
        TensorRole.allCases.compactMap { role in tallies[role].map { (role, $0) } }
    }

    /// The kind over all roles; nil when nothing was seen.
    package var kind: ScaleKind? {
        let kinds = Set(tallies.values.map(\.kind))
        return kinds.count > 1 ? .mixed : kinds.first
    }

    /// Scales seen.
    package var valueCount: Int { tallies.values.reduce(0) { $0 + $1.values } }

    // MARK: Findings

    /// What there is to say about the scales under a layout.
    package func findings(_ layout: FP8Layout) -> [Finding] {
        var findings = roles.filter { $0.tally.impossible > 0 }.map { role, tally in
            Finding(
                .error, .scaleValueImpossible,
                "scales that no weight can have: these blocks read as zero or as not a number",
                tensor: tally.firstImpossible, expected: "finite numbers above zero, \(role.title)",
                found: "\(grouped(tally.zeros)) zero, \(grouped(tally.negatives)) negative and "
                    + "\(grouped(tally.nonFinite)) not finite of \(grouped(tally.values))",
                remedy: "quantise again from the BF16 checkpoint")
        }
        if let first = impossible.first {
            findings.append(
                Finding(
                    .error, .scaleValueImpossible,
                    "scales that no input and no cache can have: what they scale reads as zero or as not a number",
                    tensor: first, expected: "a finite number above zero",
                    found: "zero, negative or not finite in \(grouped(impossible.count)) of "
                        + "\(grouped(storedCount)) scales of inputs and of the cache",
                    remedy: "calibrate and quantise again"))
        }
        if let finding = kindFinding(layout) { findings.append(finding) }
        return findings
    }

    private func kindFinding(_ layout: FP8Layout) -> Finding? {
        guard let kind, case .block = layout.granularity else { return nil }
        let breakdown = roles.map { "\($0.role.name): \($0.tally.kind.rawValue)" }.joined(separator: "\n")
        switch (kind, layout.saysPowersOfTwo) {
        case (.powersOfTwo, true): return nil
        case (.powersOfTwo, false):
            return Finding(
                .note, .scaleKindsMixed, "every scale is a power of two and the config does not say so",
                file: "config.json", field: "quantization_config.scale_fmt", expected: "ue8m0",
                found: "no such key",
                remedy: "add \"scale_fmt\": \"ue8m0\" for engines that ask for it")
        case (_, true):
            return Finding(
                .error, .scaleKindsMixed, "the config says powers of two and some scales are not",
                file: "config.json", field: "quantization_config.scale_fmt",
                expected: "powers of two in every role, by scale_fmt ue8m0", found: breakdown,
                remedy: "quantise again with power-of-two scales, or remove scale_fmt")
        case (.plain, false):
            return Finding(
                .note, .scaleKindsMixed,
                "vLLM 0.33 on Hopper and engines on Blackwell quantise these weights a second time at load",
                expected: "powers of two, which they load unchanged", found: "plain scales",
                remedy: "quantise with power-of-two scales for those targets")
        case (.mixed, false):
            return Finding(
                .warning, .scaleKindsMixed,
                "scales of two kinds: vLLM 0.33 on Hopper and engines on Blackwell quantise the plain ones a second time",
                expected: "one kind in every role", found: breakdown,
                remedy: "quantise with power-of-two scales for those targets; others read both kinds")
        }
    }
}

/// Counts over one tensor.
private struct Counts {
    var values = 0
    var plain = 0
    var zeros = 0
    var negatives = 0
    var nonFinite = 0

    @inline(__always)
    mutating func add(_ bits: UInt32) {
        let exponent = bits >> 23 & 0xFF
        let mantissa = bits & 0x7F_FFFF
        let isZero = bits & 0x7FFF_FFFF == 0
        let isNonFinite = exponent == 0xFF
        zeros += isZero ? 1 : 0
        nonFinite += isNonFinite ? 1 : 0
        negatives += bits >> 31 == 1 && !isZero && !isNonFinite ? 1 : 0
        plain += mantissa != 0 || exponent == 0 ? 1 : 0
    }
}

extension ScaleTally {
    fileprivate mutating func add(_ counts: Counts, _ entry: InventoryEntry) {
        tensors += 1
        powerOfTwoTensors += counts.plain + counts.nonFinite + counts.negatives == 0 ? 1 : 0
        values += counts.values
        zeros += counts.zeros
        negatives += counts.negatives
        nonFinite += counts.nonFinite
        if firstImpossible == nil, counts.zeros + counts.negatives + counts.nonFinite > 0 {
            firstImpossible = entry.name
        }
    }
}
