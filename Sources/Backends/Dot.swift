// The two sums that every reference operation is made of. Their order is fixed and depends on the length
// alone, so that a token's numbers never depend on its neighbours.

/// Σ a·b in F32: sixteen running sums over the columns congruent modulo 16, then those in order.
///
/// The error is at most about n/16 + 16 roundings of the largest partial sum.
@inline(__always)
func dot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Float {
    var lanes = SIMD16<Float>(repeating: 0)
    var index = 0
    while index + 16 <= count {
        let x = UnsafeRawPointer(a + index).loadUnaligned(as: SIMD16<Float>.self)
        let y = UnsafeRawPointer(b + index).loadUnaligned(as: SIMD16<Float>.self)
        lanes += x * y
        index += 16
    }
    var sum: Double = 0
    for lane in 0..<16 { sum += Double(lanes[lane]) }
    while index < count {
        sum += Double(a[index] * b[index])
        index += 1
    }
    return Float(sum)
}

/// Σ a·b in F64, where the sum decides something: four running sums modulo 4, then those in order.
@inline(__always)
func wideDot(_ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>, _ count: Int) -> Double {
    var (s0, s1, s2, s3) = (0.0, 0.0, 0.0, 0.0)
    var index = 0
    while index + 4 <= count {
        s0 += Double(a[index]) * Double(b[index])
        s1 += Double(a[index + 1]) * Double(b[index + 1])
        s2 += Double(a[index + 2]) * Double(b[index + 2])
        s3 += Double(a[index + 3]) * Double(b[index + 3])
        index += 4
    }
    while index < count {
        s0 += Double(a[index]) * Double(b[index])
        index += 1
    }
    return s0 + s1 + s2 + s3
}
