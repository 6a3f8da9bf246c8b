// Elements of one float type as another, for the small tensors around the matrices. BF16 is the narrowest target.

import Tensors

/// Converts elements; exact where the target is wider, rounded to nearest even to BF16.
///
/// - Parameters:
///   - source: `count` elements of BF16, F16 or F32, of any alignment.
///   - target: BF16 or F32.
func convertElements(
    _ source: UnsafeRawBufferPointer, _ type: DType, to target: DType, _ room: UnsafeMutableRawBufferPointer,
    count: Int
) {
    for index in 0..<count {
        let value: Float =
            switch type {
            case .bf16: BF16.decode(source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
            case .f16: F16.decode(source.loadUnaligned(fromByteOffset: index * 2, as: UInt16.self))
            default: Float(bitPattern: source.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self))
            }
        if target == .f32 {
            room.storeBytes(of: value.bitPattern, toByteOffset: index * 4, as: UInt32.self)
        } else {
            room.storeBytes(of: BF16.encode(value), toByteOffset: index * 2, as: UInt16.self)
        }
    }
}
