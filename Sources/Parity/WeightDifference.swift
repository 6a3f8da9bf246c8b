// How far a weight of one side is from the other's: sums over pieces of 128 rows, so that one wrong scale is
// not lost among a million right numbers.
//
// Legend: N rows, K columns; a the left side's numbers, b the right side's.

import Backends
import Diagnostics
import Glibc
import ReferenceModel
import Tensors

/// Sums over some numbers of two weights.
package struct WeightSums: Equatable, Sendable {
    /// Σ (b − a)².
    package var difference = 0.0
    /// Σ a².
    package var left = 0.0
    /// Σ b².
    package var right = 0.0
    /// Σ a·b.
    package var product = 0.0
    /// Numbers of the right side that are infinite or none.
    package var notFinite = 0

    /// √(Σ (b − a)² / Σ a²); 0 for two of zeros, infinite for zeros on the left alone.
    package var relative: Double {
        if notFinite > 0 { return .infinity }
        if difference == 0 { return 0 }
        return left > 0 ? (difference / left).squareRoot() : .infinity
    }

    /// Σ a·b / √(Σ a² · Σ b²); 0 where either is all zeros.
    package var cosine: Double {
        left > 0 && right > 0 ? product / (left.squareRoot() * right.squareRoot()) : 0
    }

    /// The factor that brings a closest to b, Σ a·b / Σ a²; 0 for zeros.
    package var ratio: Double { left > 0 ? product / left : 0 }

    static func += (a: inout WeightSums, b: WeightSums) {
        a.difference += b.difference
        a.left += b.left
        a.right += b.right
        a.product += b.product
        a.notFinite += b.notFinite
    }
}

/// What was found about one weight.
package struct WeightDifference: Equatable, Sendable {
    package let key: WeightKey
    package let left: WeightDescription
    package let right: WeightDescription
    /// Whether type, bytes and scales are the same.
    package var isSameBytes = true
    package var sums = WeightSums()
    /// The relative difference of the worst 128 rows, and which.
    package var worstBand = 0.0
    package var worstRows = 0..<0

    /// Whether a side stores codes.
    package var hasCodes: Bool { left.dtype == .e4m3 || right.dtype == .e4m3 }

    /// Whether both store it in one type.
    package var isSameType: Bool { left.dtype == right.dtype }

    mutating func add(_ band: WeightSums, rows: Range<Int>) {
        sums += band
        if band.relative > worstBand { (worstBand, worstRows) = (band.relative, rows) }
    }

    /// What the quantity that judges this weight is.
    package var quantity: Quantity { hasCodes ? .weightsCodes : .weightsPlain }
}

/// Sums over `count` numbers.
func weightSums(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> WeightSums {
    typealias Lanes = SIMD16<Float>
    var sums = WeightSums()
    var start = 0
    // Lanes of F32 over pieces short enough for their roundings not to matter, then F64.
    while start < count {
        let end = min(count, start + 2048)
        var (d, l, r, p) = (Lanes.zero, Lanes.zero, Lanes.zero, Lanes.zero)
        var index = start
        while index + 16 <= end {
            let x = UnsafeRawPointer(a + index).loadUnaligned(as: Lanes.self)
            let y = UnsafeRawPointer(b + index).loadUnaligned(as: Lanes.self)
            let e = y - x
            d += e * e
            l += x * x
            r += y * y
            p += x * y
            index += 16
        }
        sums.difference += Double(d.sum())
        sums.left += Double(l.sum())
        sums.right += Double(r.sum())
        sums.product += Double(p.sum())
        while index < end {
            let (x, y) = (Double(a[index]), Double(b[index]))
            sums.difference += (y - x) * (y - x)
            sums.left += x * x
            sums.right += y * y
            sums.product += x * y
            index += 1
        }
        start = end
    }
    if !sums.right.isFinite || !sums.difference.isFinite {
        for index in 0..<count where !b[index].isFinite { sums.notFinite += 1 }
        if sums.notFinite == 0 { sums = wideSums(a, b, count) }
    } else if sums.difference == 0 || sums.left == 0, memcmp(a, b, 4 * count) != 0 {
        sums = wideSums(a, b, count)
    }
    return sums
}

/// The same in F64 throughout, for squares that F32 cannot hold.
private func wideSums(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> WeightSums {
    var sums = WeightSums()
    for index in 0..<count {
        let (x, y) = (Double(a[index]), Double(b[index]))
        sums.difference += (y - x) * (y - x)
        sums.left += x * x
        sums.right += y * y
        sums.product += x * y
    }
    return sums
}
