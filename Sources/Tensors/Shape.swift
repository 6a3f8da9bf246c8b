// Shapes and the sizes that follow from them, with overflow reported where a file could cause it.

/// The dimensions of a tensor, outermost first.
///
/// A scalar has none.
package struct Shape: Hashable, Sendable, CustomStringConvertible {
    package let dimensions: [Int]

    package init(_ dimensions: [Int]) { self.dimensions = dimensions }

    package var rank: Int { dimensions.count }

    /// The number of elements; nil when it does not fit Int.
    package var elementCount: Int? {
        var product = 1
        for dimension in dimensions {
            let (next, overflow) = product.multipliedReportingOverflow(by: dimension)
            if overflow { return nil }
            product = next
        }
        return product
    }

    /// Bytes of a tensor of this shape; nil on overflow or when its bits do not fill whole bytes.
    package func byteCount(_ dtype: DType) -> Int? {
        guard let count = elementCount else { return nil }
        let (bits, overflow) = count.multipliedReportingOverflow(by: dtype.bits)
        return overflow || bits % 8 != 0 ? nil : bits / 8
    }

    /// `[1024, 4096]`.
    package var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }
}

extension Shape: ExpressibleByArrayLiteral {
    package init(arrayLiteral elements: Int...) { self.init(elements) }
}
