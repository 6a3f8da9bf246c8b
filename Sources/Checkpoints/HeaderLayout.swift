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
            // By field: a copy of the entry would count its name and shape once more, for each tensor.
            let (begin, end) = (entries[index].begin, entries[index].end)
            guard begin == start else {
                throw begin > start
                    ? .gap(tensor: entries[index].name, expected: start, found: begin)
                    : .overlap(tensor: entries[index].name, expected: start, found: begin)
            }
            guard end >= begin else {
                throw .endsBeforeItBegins(tensor: entries[index].name, begin: begin, end: end)
            }
            start = end
            try checkSize(entries[index], wide: wide[index])
        }
        // 2^64 bytes are never reached: no tensor above has 2^61, and none lies beyond the one before it. The
        // sum may still pass UInt64 when offsets near its end are filled, so it is made with care.
        let (size, overflow) = start.addingReportingOverflow(UInt64(headerBytes))
        guard !overflow, size <= UInt64(fileSize) else {
            throw .truncated(expected: overflow ? .max : size, found: fileSize)
        }
        guard size == UInt64(fileSize) else { throw .trailingBytes(expected: size, found: fileSize) }
        return order.map { index in
            TensorRecord(
                name: entries[index].name, dtype: entries[index].dtype, shape: entries[index].shape,
                dataRange: (headerBytes + Int(entries[index].begin))..<(headerBytes + Int(entries[index].end))
            )
        }
    }

    /// The order of the data; sorting is left out where the header has it already.
    private static func order(_ entries: [HeaderEntry]) -> [Int] {
        var order = Array(entries.indices)
        var isSorted = true
        for index in entries.indices.dropFirst() where isSorted {
            isSorted = !isBefore(entries[index], entries[index - 1])
        }
        if !isSorted {
            order.sort {
                isBefore(entries[$0], entries[$1]) || (!isBefore(entries[$1], entries[$0]) && $0 < $1)
            }
        }
        return order
    }

    private static func isBefore(_ a: HeaderEntry, _ b: HeaderEntry) -> Bool {
        a.begin != b.begin ? a.begin < b.begin : a.end < b.end
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
        // By index: an iterator would copy, and so count, every name and shape.
        for index in tensors.indices
        where tensors[index].dataRange.lowerBound % tensors[index].dtype.alignment != 0 {
            throw .tensorUnaligned(
                tensor: tensors[index].name, dtype: tensors[index].dtype,
                begin: UInt64(tensors[index].dataRange.lowerBound - headerBytes))
        }
    }
}

/// Gives equal shapes one storage: a model's many tensors have few shapes.
struct ShapePool {
    private var recent: [Shape] = []
    private var oldest = 0

    /// The shape of these dimensions; those beyond Int are clamped to its maximum.
    mutating func shape(_ dimensions: [UInt64]) -> Shape {
        for index in recent.indices where Self.matches(recent[index], dimensions) { return recent[index] }
        let shape = Shape(dimensions.map { Int(clamping: $0) })
        if recent.count < 16 {
            recent.append(shape)
        } else {
            recent[oldest] = shape
            oldest = (oldest + 1) % 16
        }
        return shape
    }

    private static func matches(_ shape: Shape, _ dimensions: [UInt64]) -> Bool {
        guard shape.rank == dimensions.count else { return false }
        for axis in dimensions.indices where UInt64(shape.dimensions[axis]) != dimensions[axis] {
            return false
        }
        return true
    }
}
