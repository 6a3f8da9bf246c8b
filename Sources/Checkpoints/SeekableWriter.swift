// Writes bytes of any number as zstd frames with a seek table behind them: any range can be read back without the
// rest, and `zstd -d` reads the whole. Memory does not grow but by twelve bytes a frame.

import CZstd
import Diagnostics
import Glibc

/// A file of seekable frames that is being written from front to back.
///
/// The file appears under its name when it is sealed; a writer that goes away before removes what it wrote. The same
/// bytes in the same frames give the same file with the same version of zstd, however they are cut into appends.
///
/// - Checked by: SeekableFramesTests.
package final class SeekableWriter {
    /// Bytes of content of one frame.
    ///
    /// Twice as long gains below one in a hundred; what a reader of few bytes unpacks doubles.
    package static let frameBytes = 4 << 20
    /// How hard zstd tries.
    ///
    /// Floats in planes do not gain by more: the levels above differ in matches, which floats hardly have.
    static let level: Int32 = 1

    private let path: String
    private let temporary: String
    private let planes: BytePlanes
    private let descriptor: Int32
    private let context: OpaquePointer
    private let frame: AlignedBuffer
    private let sorted: AlignedBuffer?
    private let packed: AlignedBuffer
    private var used = 0
    private var written = 0
    private var entries: [SeekTable.Entry] = []
    private var digest = FileDigest()
    private var isSealed = false
    /// Bytes appended so far: where the next ones will stand.
    package private(set) var count = 0

    /// Creates the file under a temporary name beside its own.
    ///
    /// - Parameter planes: how bytes are ordered in frames; elements must not straddle calls of `endFrame`.
    package init(path: String, planes: BytePlanes = .none) throws(Failure) {
        guard let context = ZSTD_createCCtx() else { preconditionFailure("out of memory for zstd") }
        self.context = context
        ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, Self.level)
        // For `zstd -t`, which does not know of the table's.
        ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)
        self.path = path
        self.planes = planes
        temporary = path + ".writing-\(getpid())"
        frame = AlignedBuffer(capacity: Self.frameBytes)
        sorted = planes.width > 1 ? AlignedBuffer(capacity: Self.frameBytes) : nil
        packed = AlignedBuffer(capacity: ZSTD_compressBound(Self.frameBytes))
        unlink(temporary)
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw FileAccess.failure(.cannotCreate, path) }
        if planes.width > 1 {
            let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
            try put(planes.frame, plain: 0, checksum: SeekTable.checksum(nothing))
        }
    }

    deinit {
        ZSTD_freeCCtx(context)
        guard descriptor >= 0 else { return }
        if !isSealed { unlink(temporary) }
        close(descriptor)
    }

    /// Appends bytes.
    package func append(_ bytes: UnsafeRawBufferPointer) throws(Failure) {
        var start = 0
        while start < bytes.count {
            let end = min(bytes.count, start + Self.frameBytes - used)
            UnsafeMutableRawBufferPointer(rebasing: frame.bytes[used...])
                .copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            used += end - start
            count += end - start
            start = end
            if used == Self.frameBytes { try endFrame() }
        }
    }

    /// Lets the next bytes start a frame: they can then be read without those before.
    package func endFrame() throws(Failure) {
        guard used > 0 else { return }
        var content = UnsafeRawBufferPointer(rebasing: frame.bytes[..<used])
        if let sorted {
            let target = UnsafeMutableRawBufferPointer(rebasing: sorted.bytes[..<used])
            planes.split(content, into: target)
            content = UnsafeRawBufferPointer(target)
        }
        let size = ZSTD_compress2(
            context, packed.bytes.baseAddress, packed.bytes.count, content.baseAddress, content.count)
        guard ZSTD_isError(size) == 0 else {
            throw Failure(
                Finding(
                    .error, .writeFailed, "bytes could not be packed", file: path,
                    cause: String(cString: ZSTD_getErrorName(size))))
        }
        used = 0
        try put(
            UnsafeRawBufferPointer(rebasing: packed.bytes[..<size]), plain: content.count,
            checksum: SeekTable.checksum(content))
    }

    private func put(_ bytes: some Collection<UInt8>, plain: Int, checksum: UInt32) throws(Failure) {
        guard entries.count < SeekTable.mostFrames else {
            throw Failure(
                Finding(
                    .error, .fileTooLarge, "more frames than one file can have", file: path,
                    expected: "at most \(grouped(SeekTable.mostFrames))", found: "one more",
                    remedy: "write several files"))
        }
        entries.append(
            SeekTable.Entry(packed: UInt32(bytes.count), plain: UInt32(plain), checksum: checksum))
        try write(bytes)
    }

    private func write(_ bytes: some Collection<UInt8>) throws(Failure) {
        // Arrays and buffers alike have their bytes in one place.
        let number = bytes.withContiguousStorageIfAvailable { elements -> Int32? in
            let raw = UnsafeRawBufferPointer(elements)
            digest.update(raw)
            return FileAccess.writeFully(descriptor, raw)
        }
        if let number = number ?? nil {
            throw FileAccess.failure(.writeFailed, path, errorNumber: number)
        }
        written += bytes.count
    }

    /// Writes what is left and the table, syncs, and gives the file its name.
    ///
    /// - Returns: size and SHA-256 of the file.
    package func seal() throws(Failure) -> WriteBehind.Sealed {
        precondition(!isSealed, "a file was sealed twice")
        try endFrame()
        let table = SeekTable(entries: entries).encoded
        try write(table)
        guard fsync(descriptor) == 0 else { throw FileAccess.failure(.writeFailed, path) }
        try FileAccess.rename(temporary, to: path)
        isSealed = true
        return WriteBehind.Sealed(bytes: written, digest: digest.finish())
    }
}
