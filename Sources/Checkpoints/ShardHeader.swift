// The header of a safetensors file: what tensors it holds and where their bytes lie. A file is the length N of
// the header (8 bytes, little-endian), N bytes of JSON, and the tensor data without gaps.

import Diagnostics
import Documents
import Glibc
import Tensors

/// One tensor of a shard.
package struct TensorRecord: Equatable, Sendable {
    package let name: String
    package let dtype: DType
    package let shape: Shape
    /// Bytes from the start of the file.
    package let dataRange: Range<Int>
}

/// A checked header: records lie one after another from the end of the header to the end of the file.
///
/// - Source: safetensors 0.8.0, `tensor.rs` and the format's description.
/// - Checked by: HeaderMatrixTests, HeaderMutationTests, Tests/Judges/differential_headers.py.
package struct ShardHeader: Equatable, Sendable {
    /// The longest header that the format allows, in bytes.
    package static let formatLimit = 100_000_000
    /// The longest header that the hub's page and huggingface_hub read, in bytes.
    package static let hubLimit = 25_000_000
    /// The largest dimension that the format's schema allows.
    package static let dimensionLimit: UInt64 = 1 << 48

    /// One pair of `__metadata__`.
    package struct Pair: Equatable, Sendable {
        package let key: String
        package let value: String

        package init(key: String, value: String) {
            self.key = key
            self.value = value
        }
    }

    /// In the order of the file's bytes; tensors without bytes in the order of the header.
    package let tensors: [TensorRecord]
    /// `__metadata__` in the order of the header.
    package let metadata: [Pair]
    /// Where the data starts: eight bytes and the header, with its padding.
    package let headerBytes: Int
    /// Bytes of the whole file.
    package let fileSize: Int

    /// Bytes of tensor data.
    package var dataBytes: Int { fileSize - headerBytes }

    /// The value of a key of `__metadata__`.
    package func metadata(_ key: String) -> String? { metadata.first { $0.key == key }?.value }

    /// Checks the length N that a file declares, before anything of that size is allocated.
    ///
    /// - Parameters:
    ///   - declared: N, in bytes.
    ///   - fileSize: bytes of the whole file, 8 at least.
    /// - Returns: N.
    package static func checkedLength(
        _ declared: UInt64, fileSize: Int, mode: HeaderMode
    ) throws(HeaderError) -> Int {
        guard fileSize >= 8 else { throw .fileTooShort(fileSize: fileSize) }
        guard declared <= UInt64(formatLimit) else {
            throw .headerTooLarge(declared: declared, limit: formatLimit)
        }
        guard Int(declared) <= fileSize - 8 else {
            throw .headerPastEnd(declared: declared, fileSize: fileSize)
        }
        guard mode == .reference || declared <= UInt64(hubLimit) else {
            throw .headerPastHubLimit(declared: declared, limit: hubLimit)
        }
        return Int(declared)
    }

    /// Reads a header from its N bytes.
    ///
    /// What is allocated is bounded by the text: a record comes only of an entry that was read.
    ///
    /// - Parameters:
    ///   - text: the N bytes between the length and the data.
    ///   - fileSize: bytes of the whole file.
    /// - Throws: the first rule broken, in the reference's order of checks; rules of `strict` come last.
    /// - Complexity: one pass over the text, and a sort when the header is not in the order of the data.
    package init(parsing text: UnsafeRawBufferPointer, fileSize: Int, mode: HeaderMode) throws(HeaderError) {
        let length = try Self.checkedLength(UInt64(text.count), fileSize: fileSize, mode: mode)
        var parser = HeaderParser(text)
        try parser.parse()
        let layout = HeaderLayout(headerBytes: 8 + length, fileSize: fileSize)
        tensors = try layout.place(parser.entries, wide: parser.wideShapes)
        if mode == .strict {
            if let objection = parser.objection { throw objection }
            try layout.checkAlignment(tensors)
        }
        metadata = parser.metadata
        headerBytes = 8 + length
        self.fileSize = fileSize
    }

    /// Reads a header from the bytes of a whole file that is in memory.
    package init(file: UnsafeRawBufferPointer, mode: HeaderMode) throws(HeaderError) {
        guard file.count >= 8 else { throw .fileTooShort(fileSize: file.count) }
        let declared = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
        let length = try Self.checkedLength(declared, fileSize: file.count, mode: mode)
        try self.init(
            parsing: UnsafeRawBufferPointer(rebasing: file[8..<(8 + length)]), fileSize: file.count,
            mode: mode)
    }

    /// Reads the header of a file.
    ///
    /// - Throws: a finding of area FILE when the file cannot be read, of area CKPT when a rule is broken.
    package static func read(path: String, mode: HeaderMode = .strict) throws(Failure) -> ShardHeader {
        let descriptor = try FileAccess.openForReading(path)
        defer { close(descriptor) }
        let size = try FileIdentity(descriptor: descriptor, path: path).size
        return try read(descriptor: descriptor, fileSize: size, path: path, mode: mode)
    }

    /// Reads the header of an open file.
    package static func read(
        descriptor: Int32, fileSize: Int, path: String, mode: HeaderMode
    ) throws(Failure) -> ShardHeader {
        do {
            var prefix = [UInt8](repeating: 0, count: min(8, fileSize))
            try FileAccess.read(descriptor, into: &prefix, at: 0, path: path)
            let declared = prefix.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            let length = try checkedLength(declared, fileSize: fileSize, mode: mode)
            var text = [UInt8](repeating: 0, count: length)
            try FileAccess.read(descriptor, into: &text, at: 8, path: path)
            let result: Result<ShardHeader, HeaderError> = text.withUnsafeBytes { bytes in
                do throws(HeaderError) {
                    return .success(try ShardHeader(parsing: bytes, fileSize: fileSize, mode: mode))
                } catch { return .failure(error) }
            }
            return try result.get()
        } catch let error as HeaderError {
            throw Failure(error.finding(file: path))
        } catch let failure as Failure {
            throw failure
        } catch {
            // Both kinds that the calls above throw are caught.
            throw FileAccess.failure(.readFailed, path, errorNumber: EIO)
        }
    }

    init(tensors: [TensorRecord], metadata: [Pair], headerBytes: Int, fileSize: Int) {
        self.tensors = tensors
        self.metadata = metadata
        self.headerBytes = headerBytes
        self.fileSize = fileSize
    }
}
