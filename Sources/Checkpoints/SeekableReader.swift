// Reads any range of a file of seekable frames: only the frames that hold it are unpacked, one at a time, and each
// is checked against the table before a byte of it is given.

import CZstd
import Diagnostics
import Glibc

/// A file of seekable frames, opened.
///
/// For one thread at a time; several can be open on the same file.
///
/// - Checked by: SeekableFramesTests, SeekableDamageTests.
package final class SeekableReader {
    package let path: String
    /// Bytes of content.
    package let count: Int
    /// How bytes are ordered in frames; what is read is in its own order again.
    package let planes: BytePlanes
    private let descriptor: Int32
    private let context: OpaquePointer
    private let entries: [SeekTable.Entry]
    /// Where each frame starts in the file and in the content.
    private let packedStarts: [Int]
    private let plainStarts: [Int]
    private let packed: AlignedBuffer
    private let sorted: AlignedBuffer?
    /// The content of the frame that was unpacked last: neighbours are often asked for in turn.
    private let plain: AlignedBuffer
    private var unpacked: Int?

    /// Opens a file and checks its table; frames are checked when they are read.
    ///
    /// - Throws: FRAME-001, FRAME-002.
    package init(path: String) throws(Failure) {
        self.path = path
        let file = try Self.open(path)
        descriptor = file.descriptor
        entries = file.table.entries
        planes = file.planes
        packedStarts = Self.starts(entries.map(\.packed))
        plainStarts = Self.starts(entries.map(\.plain))
        count = (plainStarts.last ?? 0) + Int(entries.last?.plain ?? 0)
        packed = AlignedBuffer(capacity: Int(entries.map(\.packed).max() ?? 0))
        plain = AlignedBuffer(capacity: Int(entries.map(\.plain).max() ?? 0))
        sorted = planes.width > 1 ? AlignedBuffer(capacity: plain.bytes.count) : nil
        guard let context = ZSTD_createDCtx() else { preconditionFailure("out of memory for zstd") }
        self.context = context
    }

    deinit {
        ZSTD_freeDCtx(context)
        close(descriptor)
    }

    private static func open(_ path: String) throws(Failure) -> (
        descriptor: Int32, table: SeekTable, planes: BytePlanes
    ) {
        let descriptor = try FileAccess.openForReading(path)
        do throws(Failure) {
            let size = try FileIdentity(descriptor: descriptor, path: path).size
            let table = try SeekTable(descriptor, size: size, path: path)
            var planes = BytePlanes.none
            // Only a first frame without content can speak of planes.
            if let first = table.entries.first, first.plain == 0,
                Int(first.packed) == BytePlanes.frameBytes
            {
                var head = [UInt8](repeating: 0, count: BytePlanes.frameBytes)
                try FileAccess.read(descriptor, into: &head, at: 0, path: path)
                guard let told = BytePlanes(frame: head) else {
                    throw Failure(
                        Finding(
                            .error, .seekTableWrong, "the first frame has no content and says nothing known",
                            file: path, expected: "how bytes are ordered in the frames",
                            found: head.map { String($0, radix: 16) }.joined(separator: " "),
                            remedy: "make or copy this file again"))
                }
                planes = told
            }
            return (descriptor, table, planes)
        } catch {
            close(descriptor)
            throw error
        }
    }

    private static func starts(_ sizes: [UInt32]) -> [Int] {
        var end = 0
        return sizes.map { size in
            defer { end += Int(size) }
            return end
        }
    }

    // MARK: Reading

    /// The bytes of a range of the content.
    ///
    /// - Throws: FRAME-004 for a range that ends beyond it; FRAME-003 for a damaged frame.
    package func read(_ range: Range<Int>) throws(Failure) -> [UInt8] {
        try check(range)
        var bytes = [UInt8](repeating: 0, count: range.count)
        let failure = bytes.withUnsafeMutableBytes { buffer -> Failure? in
            do throws(Failure) {
                try fill(buffer, from: range.lowerBound)
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Fills a buffer with the bytes of the content from an offset.
    ///
    /// - Throws: FRAME-004 for a range that ends beyond it; FRAME-003 for a damaged frame.
    package func read(from offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws(Failure) {
        let (end, overflow) = offset.addingReportingOverflow(buffer.count)
        try check(min(offset, end)..<(overflow ? .max : end))
        try fill(buffer, from: offset)
    }

    /// Reads every frame and gives nothing: whether the file is whole.
    package func check() throws(Failure) {
        for index in entries.indices { try unpack(index) }
    }

    private func check(_ range: Range<Int>) throws(Failure) {
        guard range.lowerBound >= 0, range.upperBound <= count else {
            throw Failure(
                Finding(
                    .error, .frameRangeOutside, "bytes are asked for that the frames do not hold", file: path,
                    expected: "offsets up to \(grouped(count))",
                    found: "\(grouped(range.lowerBound)) to \(grouped(range.upperBound))",
                    remedy: "make or copy this file again, with what describes it"))
        }
    }

    private func fill(_ buffer: UnsafeMutableRawBufferPointer, from offset: Int) throws(Failure) {
        var done = 0
        var index = frame(holding: offset)
        while done < buffer.count {
            try unpack(index)
            let start = offset + done - plainStarts[index]
            let end = min(Int(entries[index].plain), start + buffer.count - done)
            if start < end {
                UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: plain.bytes[start..<end]))
                done += end - start
            }
            index += 1
        }
    }

    /// The last frame that starts at an offset or before.
    private func frame(holding offset: Int) -> Int {
        var (low, high) = (0, plainStarts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if plainStarts[middle] <= offset { low = middle } else { high = middle }
        }
        return low
    }

    /// Unpacks a frame and checks it, unless it was the last one to be.
    private func unpack(_ index: Int) throws(Failure) {
        guard unpacked != index else { return }
        unpacked = nil
        let entry = entries[index]
        let source = UnsafeMutableRawBufferPointer(rebasing: packed.bytes[..<Int(entry.packed)])
        let got = FileAccess.readFully(descriptor, source, at: packedStarts[index])
        guard got == source.count else {
            throw FileAccess.failure(.readFailed, path, errorNumber: got < 0 ? errno : EIO)
        }
        let length = Int(entry.plain)
        let target = sorted?.bytes ?? plain.bytes
        let size = ZSTD_decompressDCtx(
            context, target.baseAddress, length, source.baseAddress, source.count)
        guard ZSTD_isError(size) == 0 else {
            throw damaged(index, "a frame of zstd", String(cString: ZSTD_getErrorName(size)))
        }
        guard size == length else {
            throw damaged(index, "\(grouped(length)) bytes of content", grouped(size))
        }
        let content = UnsafeRawBufferPointer(rebasing: target[..<length])
        let checksum = SeekTable.checksum(content)
        guard checksum == entry.checksum else {
            throw damaged(
                index, "checksum \(String(entry.checksum, radix: 16))", String(checksum, radix: 16))
        }
        if sorted != nil {
            planes.join(content, into: UnsafeMutableRawBufferPointer(rebasing: plain.bytes[..<length]))
        }
        unpacked = index
    }

    private func damaged(_ index: Int, _ expected: String, _ found: String) -> Failure {
        Failure(
            Finding(
                .error, .frameDamaged,
                "frame \(index), at offset \(grouped(packedStarts[index])), is damaged",
                file: path, expected: expected, found: found, remedy: "make or copy this file again"))
    }
}
