// Header bytes for tensors to be written: the same tensors give the same bytes on every run and machine.

import Documents
import Tensors

/// A tensor to be written: all that a header says of it but its place.
package struct TensorDescription: Equatable, Sendable {
    package let name: String
    package let dtype: DType
    package let shape: Shape

    package init(name: String, dtype: DType, shape: Shape) {
        self.name = name
        self.dtype = dtype
        self.shape = shape
    }

    /// Bytes of the tensor; nil on overflow or when its bits do not fill whole bytes.
    package var byteCount: Int? { shape.byteCount(dtype) }
}

extension ShardHeader {
    /// What every shard says of itself; transformers and the hub expect it.
    package static let writtenMetadata = [Pair(key: "format", value: "pt")]

    /// The first bytes of a file, up to its tensor data, and the header they say.
    ///
    /// Metadata keys are sorted, tensors stand in the given order, and the header is padded with spaces so
    /// that the data start at a multiple of 8 bytes.
    ///
    /// - Parameters:
    ///   - tensors: in the order in which their bytes will stand; see `fileOrder`.
    /// - Throws: what strict mode has against the header, which is read back before it is given: a name, a
    ///   size, a start that is not aligned.
    /// - Source: safetensors 0.8.0 `prepare`, but for the order, which is the caller's.
    package static func written(
        _ tensors: [TensorDescription], metadata: [Pair] = writtenMetadata
    ) throws(HeaderError) -> (bytes: [UInt8], header: ShardHeader) {
        var text = "{"
        if !metadata.isEmpty { write(metadata.sorted { $0.key < $1.key }, to: &text) }
        var end = 0
        var names: Set<ExactName> = []
        for tensor in tensors {
            guard let count = tensor.shape.elementCount else { throw tensor.overflow }
            guard let size = tensor.byteCount else {
                throw count.multipliedReportingOverflow(by: tensor.dtype.bits).overflow
                    ? tensor.overflow
                    : .partialByte(tensor: tensor.name, dtype: tensor.dtype, shape: tensor.shape)
            }
            let (next, overflow) = end.addingReportingOverflow(size)
            // A file of 2^62 bytes is beyond any file system; its size would not survive the sums to come.
            guard !overflow, next < 1 << 62 else { throw tensor.overflow }
            // Read back, a name that stands twice would show as a gap where the first one was.
            guard names.insert(ExactName(tensor.name)).inserted else {
                throw .tensorTwice(tensor: tensor.name)
            }
            if text.utf8.count > 1 { text += "," }
            write(tensor, begin: end, end: next, to: &text)
            end = next
        }
        text += "}"
        let padding = (8 - text.utf8.count % 8) % 8
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + text.utf8.count + padding)
        let length = UInt64(text.utf8.count + padding)
        for shift in stride(from: 0, to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: length >> shift))
        }
        bytes.append(contentsOf: text.utf8)
        bytes.append(contentsOf: repeatElement(UInt8(ascii: " "), count: padding))
        return (bytes, try readBack(bytes, fileSize: bytes.count + end))
    }

    private static func write(_ metadata: [Pair], to text: inout String) {
        text += "\"__metadata__\":{"
        for (index, pair) in metadata.enumerated() {
            if index > 0 { text += "," }
            JSONValue.quote(pair.key, to: &text)
            text += ":"
            JSONValue.quote(pair.value, to: &text)
        }
        text += "}"
    }

    private static func write(_ tensor: TensorDescription, begin: Int, end: Int, to text: inout String) {
        JSONValue.quote(tensor.name, to: &text)
        text += ":{\"dtype\":\"\(tensor.dtype.rawValue)\",\"shape\":["
        text += tensor.shape.dimensions.map(String.init).joined(separator: ",")
        text += "],\"data_offsets\":[\(begin),\(end)]}"
    }

    private static func readBack(_ bytes: [UInt8], fileSize: Int) throws(HeaderError) -> ShardHeader {
        let result: Result<ShardHeader, HeaderError> = bytes.withUnsafeBytes { buffer in
            do throws(HeaderError) {
                let text = UnsafeRawBufferPointer(rebasing: buffer[8...])
                return .success(try ShardHeader(parsing: text, fileSize: fileSize, mode: .strict))
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// The order in which tensors can stand in a file so that each starts aligned and no hole is left.
    ///
    /// Tensors whose length is a multiple of 8 bytes keep the given order; the others follow them by falling
    /// alignment, in the given order among equals: each length is then a multiple of every alignment to come.
    ///
    /// - Returns: indices into the given tensors, each once.
    package static func fileOrder(_ tensors: [TensorDescription]) -> [Int] {
        func isWhole(_ index: Int) -> Bool { (tensors[index].byteCount ?? 0) % 8 == 0 }
        let odd = tensors.indices.filter { !isWhole($0) }
            .sorted { (-tensors[$0].dtype.alignment, $0) < (-tensors[$1].dtype.alignment, $1) }
        return tensors.indices.filter(isWhole) + odd
    }
}

extension TensorDescription {
    fileprivate var overflow: HeaderError {
        .shapeOverflows(
            tensor: name, dtype: dtype, dimensions: shape.dimensions.map { UInt64(clamping: $0) })
    }
}
