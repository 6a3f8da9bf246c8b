// The seek table at the end of a file of zstd frames: how long each frame is, packed and plain, and the checksum of
// its content. To any zstd program the table is a frame to be skipped, so the file as a whole is ordinary zstd.
//
//   frame ⋯ frame | 5E 2A 4D 18, bytes to come | (packed, plain, checksum) ⋯ | frames, descriptor, B1 EA 92 8F
//
// All numbers are 32 bits, the lowest byte first; the descriptor is one byte, 0x80: entries have checksums.
// Source: zstd, contrib/seekable_format/zstd_seekable_compression_format.md, version 0.1.0.

import CXXHash
import Diagnostics

/// What a file of seekable frames says of its frames.
///
/// - Checked by: SeekableFramesTests, SeekableDamageTests.
struct SeekTable: Equatable, Sendable {
    /// One frame.
    struct Entry: Equatable, Sendable {
        /// Bytes in the file.
        let packed: UInt32
        /// Bytes of its content; 0 for a frame to be skipped.
        let plain: UInt32
        /// XXH64 of its content with seed 0, the low half.
        let checksum: UInt32
    }

    /// The magic number of a skippable frame that is a seek table.
    static let frameMagic: UInt32 = 0x184D_2A5E
    /// The last four bytes of the file.
    static let magic: UInt32 = 0x8F92_EAB1
    static let withChecksums: UInt8 = 0x80
    static let headBytes = 8
    static let footBytes = 9
    static let entryBytes = 12
    /// Frames of one file; a table of them is 48 MiB.
    static let mostFrames = 1 << 22
    /// The longest content of one frame that is read: a reader holds one.
    static let longestFrame = 64 << 20

    let entries: [Entry]

    /// Bytes of the table of so many frames.
    static func bytes(frames: Int) -> Int { headBytes + frames * entryBytes + footBytes }

    /// The checksum of a frame's content.
    static func checksum(_ content: UnsafeRawBufferPointer) -> UInt32 {
        UInt32(truncatingIfNeeded: XXH64(content.baseAddress, content.count, 0))
    }

    // MARK: Writing

    /// The table as it stands in a file.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.bytes(frames: entries.count))
        func add(_ value: UInt32) {
            for shift in stride(from: 0, to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: value >> shift))
            }
        }
        add(Self.frameMagic)
        add(UInt32(entries.count * Self.entryBytes + Self.footBytes))
        for entry in entries {
            add(entry.packed)
            add(entry.plain)
            add(entry.checksum)
        }
        add(UInt32(entries.count))
        bytes.append(Self.withChecksums)
        add(Self.magic)
        return bytes
    }

    // MARK: Reading

    /// Reads the table of an open file, and checks that its frames fill the file.
    ///
    /// - Throws: FRAME-001 without a table with checksums; FRAME-002 for one that does not fit the file.
    init(_ descriptor: Int32, size: Int, path: String) throws(Failure) {
        func fault(_ code: DiagnosticCode, _ what: String, _ expected: String, _ found: String) -> Failure {
            Failure(
                Finding(
                    .error, code, what, file: path, expected: expected, found: found,
                    remedy: "make or copy this file again"))
        }
        guard size >= Self.bytes(frames: 0) else {
            throw fault(
                .seekTableMissing, "no seek table at the end of this file",
                "\(Self.bytes(frames: 0)) bytes at least", "\(grouped(size))")
        }
        var foot = [UInt8](repeating: 0, count: Self.footBytes)
        try FileAccess.read(descriptor, into: &foot, at: size - Self.footBytes, path: path)
        guard Self.number(foot, 5) == Self.magic else {
            throw fault(
                .seekTableMissing, "no seek table at the end of this file", "B1 EA 92 8F as the last bytes",
                foot[5...].map { String($0, radix: 16, uppercase: true) }.joined(separator: " "))
        }
        guard foot[4] == Self.withChecksums else {
            throw fault(
                .seekTableMissing, "the seek table has no checksums, or is of another version",
                "descriptor 0x80", "0x" + String(foot[4], radix: 16))
        }
        let count = Int(Self.number(foot, 0))
        guard count <= Self.mostFrames, Self.bytes(frames: count) <= size else {
            throw fault(
                .seekTableWrong, "the seek table has more frames than the file can hold",
                "at most \(grouped(min(Self.mostFrames, (size - 17) / Self.entryBytes)))", grouped(count))
        }
        var table = [UInt8](repeating: 0, count: Self.bytes(frames: count))
        let start = size - table.count
        try FileAccess.read(descriptor, into: &table, at: start, path: path)
        guard Self.number(table, 0) == Self.frameMagic,
            Int(Self.number(table, 4)) == table.count - Self.headBytes
        else {
            throw fault(
                .seekTableWrong, "the seek table does not start where its count of frames says",
                "a table of \(grouped(count)) frames at offset \(grouped(start))", "something else")
        }
        entries = (0..<count).map { index in
            let place = Self.headBytes + index * Self.entryBytes
            return Entry(
                packed: Self.number(table, place), plain: Self.number(table, place + 4),
                checksum: Self.number(table, place + 8))
        }
        // At most 2^22 numbers below 2^32: no sum overflows.
        let packed = entries.reduce(0) { $0 + Int($1.packed) }
        guard packed == start else {
            throw fault(
                .seekTableWrong, "the frames of the seek table do not fill the file",
                "\(grouped(start)) bytes before the table", "frames of \(grouped(packed)) bytes")
        }
        let limit = Self.longestFrame
        if let index = entries.firstIndex(where: { max($0.packed, $0.plain) > UInt32(limit) }) {
            throw fault(
                .seekTableWrong, "a frame is longer than a reader keeps in memory",
                "at most \(grouped(limit)) bytes, packed and plain",
                "frame \(index): \(grouped(Int(entries[index].packed))) and "
                    + "\(grouped(Int(entries[index].plain)))")
        }
    }

    init(entries: [Entry]) { self.entries = entries }

    private static func number(_ bytes: [UInt8], _ at: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
    }
}
