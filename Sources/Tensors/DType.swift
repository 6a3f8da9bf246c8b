// The element types of safetensors 0.8, with their widths and the order in which its writer aligns them.

/// An element type, by its safetensors name.
///
/// - Source: safetensors 0.8 `Dtype`; the cases stand in its order, which is also its alignment order.
package enum DType: String, CaseIterable, Sendable, Comparable {
    case bool = "BOOL"
    case f4 = "F4"
    case f6E2M3 = "F6_E2M3"
    case f6E3M2 = "F6_E3M2"
    case u8 = "U8"
    case i8 = "I8"
    case e5m2 = "F8_E5M2"
    case e4m3 = "F8_E4M3"
    case e8m0 = "F8_E8M0"
    case e4m3FNUZ = "F8_E4M3FNUZ"
    case e5m2FNUZ = "F8_E5M2FNUZ"
    case i16 = "I16"
    case u16 = "U16"
    case f16 = "F16"
    case bf16 = "BF16"
    case i32 = "I32"
    case u32 = "U32"
    case f32 = "F32"
    case c64 = "C64"
    case f64 = "F64"
    case i64 = "I64"
    case u64 = "U64"

    /// Bits of one element.
    package var bits: Int {
        switch self {
        case .f4: 4
        case .f6E2M3, .f6E3M2: 6
        case .bool, .u8, .i8, .e5m2, .e4m3, .e8m0, .e4m3FNUZ, .e5m2FNUZ: 8
        case .i16, .u16, .f16, .bf16: 16
        case .i32, .u32, .f32: 32
        case .c64, .f64, .i64, .u64: 64
        }
    }

    /// Bytes at whose multiples an element of this type should start: its width, one byte at least.
    package var alignment: Int { max(1, bits / 8) }

    package static func < (a: DType, b: DType) -> Bool { a.bits < b.bits }
}
