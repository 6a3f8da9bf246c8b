// A backend that counts what comes out of another one: infinities, NaN and the largest finite number of each
// operation. One pass over every result; the results are the other backend's, bit for bit.

import Synchronization

/// An operation of a pass, as reports name it.
package enum WatchedOperation: String, CaseIterable, Sendable {
    case rows = "embedding rows"
    case norm
    case product
    case rotation
    case attention
    case gatedUnit = "gated unit"
    /// F32 whatever the numerics.
    case routerLogits = "router logits"
    case expertSum = "expert sum"
    case sum = "residual sum"
}

/// What came out of an operation.
package struct OverflowTally: Equatable, Sendable {
    /// Numbers seen.
    package private(set) var elements = 0
    package private(set) var infinities = 0
    package private(set) var notNumbers = 0
    /// The largest finite magnitude.
    package private(set) var largest: Float = 0

    package init() {}

    /// Counts numbers.
    package mutating func add(_ values: AlignedFloats) {
        var (infinite, broken, top) = (0, 0, UInt32(0))
        values.withUnsafeBufferPointer { values in
            for value in values {
                let magnitude = value.bitPattern & 0x7FFF_FFFF
                infinite &+= magnitude == Self.infinity ? 1 : 0
                broken &+= magnitude > Self.infinity ? 1 : 0
                // The bits of magnitudes are in the order of the magnitudes.
                top = max(top, magnitude < Self.infinity ? magnitude : 0)
            }
        }
        elements += values.count
        infinities += infinite
        notNumbers += broken
        largest = max(largest, Float(bitPattern: top))
    }

    /// Counts what another one has counted.
    package mutating func add(_ other: OverflowTally) {
        elements += other.elements
        infinities += other.infinities
        notNumbers += other.notNumbers
        largest = max(largest, other.largest)
    }

    /// Whether any number was not finite.
    package var hasOverflow: Bool { infinities + notNumbers > 0 }

    private static let infinity = Float.infinity.bitPattern
}

/// What the operations of a backend gave since the last look.
package final class OverflowWatch: Sendable {
    private let seen = Mutex<[WatchedOperation: OverflowTally]>([:])

    package init() {}

    /// Counts a result.
    func note(_ operation: WatchedOperation, _ result: Matrix) {
        var tally = OverflowTally()
        tally.add(result.values)
        seen.withLock { seen in seen[operation, default: OverflowTally()].add(tally) }
    }

    /// What was counted, in the order in which the operations stand in a layer; counting begins anew.
    package func drain() -> [(operation: WatchedOperation, tally: OverflowTally)] {
        let counted = seen.withLock { seen in
            defer { seen = [:] }
            return seen
        }
        return WatchedOperation.allCases.compactMap { operation in
            counted[operation].map { (operation, $0) }
        }
    }
}

/// A backend under watch.
///
/// The sum over experts is counted when it is rounded: the F32 parts before are no result.
///
/// - Checked by: ConformanceTests, OverflowTests.
package struct WatchedBackend: Backend {
    package let watch: OverflowWatch
    private let base: any Backend

    package init(_ base: any Backend, watch: OverflowWatch) {
        self.base = base
        self.watch = watch
    }

    package var name: String { base.name }
    package var numerics: Numerics { base.numerics }

    private func noted(_ operation: WatchedOperation, _ result: Matrix) -> Matrix {
        watch.note(operation, result)
        return result
    }

    package func rows(_ indices: [Int], of table: WeightMatrix) -> Matrix {
        noted(.rows, base.rows(indices, of: table))
    }

    package func rmsNorm(_ x: Matrix, weight: WeightMatrix, epsilon: Double) -> Matrix {
        noted(.norm, base.rmsNorm(x, weight: weight, epsilon: epsilon))
    }

    package func product(_ x: Matrix, _ weight: WeightMatrix) -> Matrix {
        noted(.product, base.product(x, weight))
    }

    package func rotate(
        _ x: inout Matrix, headDimension: Int, table: RotaryTable, positions: [Int]
    ) {
        base.rotate(&x, headDimension: headDimension, table: table, positions: positions)
        watch.note(.rotation, x)
    }

    package func attention(queries: Matrix, keyValues: KeyValues, heads: AttentionHeads) -> Matrix {
        noted(.attention, base.attention(queries: queries, keyValues: keyValues, heads: heads))
    }

    package func swiGLU(gate: Matrix, up: Matrix) -> Matrix {
        noted(.gatedUnit, base.swiGLU(gate: gate, up: up))
    }

    package func routerLogits(_ y: Matrix, _ gate: WeightMatrix) -> Matrix {
        noted(.routerLogits, base.routerLogits(y, gate))
    }

    package func selectExperts(logits: Matrix, bias: [Float], rule: RouterRule) -> Routes {
        base.selectExperts(logits: logits, bias: bias, rule: rule)
    }

    package func accumulate(_ part: Matrix, weights: [Float], tokens: [Int], into sum: inout Matrix) {
        base.accumulate(part, weights: weights, tokens: tokens, into: &sum)
    }

    package func rounded(_ sum: Matrix) -> Matrix { noted(.expertSum, base.rounded(sum)) }

    package func add(_ a: Matrix, _ b: Matrix) -> Matrix { noted(.sum, base.add(a, b)) }
}
