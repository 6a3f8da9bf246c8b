// Where the tensors of a header lie: one after another, without gap or overlap, to the end of the file.

import Tensors

/// The place checks of a header, in the reference's order.
///
/// - Source: safetensors 0.8.0 `Metadata::validate` and the end of `SafeTensors::read_metadata`.
struct HeaderLayout {
    /// Where the data starts, bytes from the start of the file.
    let headerBytes: Int
    /// Bytes of the whole file.
    let fileSize: Int

    /// Sorts entries by their offsets, checks each, and gives the records.
    ///
    /// Tensors without bytes share an offset; they keep the order of the header, where the reference's order
    /// changes from run to run.
    func place(
        _ entries: [HeaderEntry], wide: [Int: [UInt64]]
    ) throws(HeaderError) -> [TensorRecord] {
        var start: UInt64 = 0
        let order = Self.order(entries)
        for index in order {
            let entry = entries[index]
            guard entry.begin == start else {
                throw entry.begin > start
                    ? .gap(tensor: entry.name, expected: start, found: entry.begin)
                    : .overlap(tensor: entry.name, expected: start, found: entry.begin)
            }
            guard entry.end >= entry.begin else {
                throw .endsBeforeItBegins(tensor: entry.name, begin: entry.begin, end: entry.end)
            }
            start = entry.end
            try checkSize(entry, wide: wide[index])
        }
        // 2^64 bytes are never reached: no tensor above has 2^61, and none lies beyond the one before it. The
        // sum may still pass UInt64 when offsets near its end are filled, so it is made with care.
        let (size, overflow) = start.addingReportingOverflow(UInt64(headerBytes))
        guard !overflow, size <= UInt64(fileSize) else {
            throw .truncated(expected: overflow ? .max : size, found: fileSize)
        }
        guard size == UInt64(fileSize) else { throw .trailingBytes(expected: size, found: fileSize) }
        return order.map { index in
            let entry = entries[index]
            return TensorRecord(
                name: entry.name, dtype: entry.dtype, shape: entry.shape,
                dataRange: (headerBytes + Int(entry.begin))..<(headerBytes + Int(entry.end)))
        }
    }

    /// The order of the data; sorting is left out where the header has it already.
    private static func order(_ entries: [HeaderEntry]) -> [Int] {
        let order = Array(entries.indices)
        func precedes(_ a: Int, _ b: Int) -> Bool {
            (entries[a].begin, entries[a].end, a) < (entries[b].begin, entries[b].end, b)
        }
        let isSorted = zip(order, order.dropFirst()).allSatisfy { precedes($0, $1) }
        return isSorted ? order : order.sorted(by: precedes)
    }

    private func checkSize(_ entry: HeaderEntry, wide: [UInt64]?) throws(HeaderError) {
        guard let elements = entry.elements,
            case let (bits, overflow) = elements.multipliedReportingOverflow(by: UInt64(entry.dtype.bits)),
            !overflow
        else {
            throw .shapeOverflows(
                tensor: entry.name, dtype: entry.dtype,
                dimensions: wide ?? entry.shape.dimensions.map { UInt64($0) })
        }
        guard bits % 8 == 0 else {
            throw .partialByte(tensor: entry.name, dtype: entry.dtype, shape: entry.shape)
        }
        guard bits / 8 == entry.end - entry.begin else {
            throw .sizeDiffers(
                tensor: entry.name, dtype: entry.dtype, shape: entry.shape, expected: bits / 8,
                found: entry.end - entry.begin)
        }
    }

    /// Throws unless the data, and each tensor, starts at a multiple of what its elements need.
    func checkAlignment(_ tensors: [TensorRecord]) throws(HeaderError) {
        guard headerBytes % 8 == 0 else { throw .headerUnaligned(headerBytes: headerBytes) }
        for tensor in tensors where tensor.dataRange.lowerBound % tensor.dtype.alignment != 0 {
            throw .tensorUnaligned(
                tensor: tensor.name, dtype: tensor.dtype,
                begin: UInt64(tensor.dataRange.lowerBound - headerBytes))
        }
    }
}

/// Gives equal shapes one storage: a model's many tensors have few shapes.
struct ShapePool {
    private var recent: [Shape] = []
    private var oldest = 0

    /// The shape of these dimensions; those beyond Int are clamped to its maximum.
    mutating func shape(_ dimensions: [UInt64]) -> Shape {
        for shape in recent where shape.rank == dimensions.count {
            if zip(shape.dimensions, dimensions).allSatisfy({ UInt64($0) == $1 }) { return shape }
        }
        let shape = Shape(dimensions.map { Int(clamping: $0) })
        if recent.count < 16 {
            recent.append(shape)
        } else {
            recent[oldest] = shape
            oldest = (oldest + 1) % 16
        }
        return shape
    }
}
