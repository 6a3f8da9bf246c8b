// Cosines and sines of a head's rotation, for as many positions as any text had so far.

import Glibc

/// cos and sin of position × frequency, D/2 of each a position.
struct RotaryRows {
    private var cosines: [Float] = []
    private var sines: [Float] = []
    private var count = 0

    /// Makes rows for positions below a limit.
    ///
    /// Angles are F32 products, as engines take them.
    mutating func reach(_ limit: Int, _ configuration: HeadConfiguration) {
        let pairs = configuration.headDimension / 2
        let inverse = (0..<pairs).map { pair in
            Float(pow(configuration.ropeTheta, -2 * Double(pair) / Double(configuration.headDimension)))
        }
        while count < limit {
            for frequency in inverse {
                let angle = Double(Float(count) * frequency)
                cosines.append(Float(cos(angle)))
                sines.append(Float(sin(angle)))
            }
            count += 1
        }
    }

    func withTables(_ body: (UnsafePointer<Float>?, UnsafePointer<Float>?) -> Void) {
        cosines.withUnsafeBufferPointer { cosines in
            sines.withUnsafeBufferPointer { sines in body(cosines.baseAddress, sines.baseAddress) }
        }
    }
}
