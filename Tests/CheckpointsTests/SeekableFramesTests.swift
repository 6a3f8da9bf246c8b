// Files of seekable frames: every range reads back, plain zstd reads the whole, and the same bytes give the same file.

import Checkpoints
import Foundation
import TestSupport
import Testing

/// Writes bytes in pieces of given lengths, a frame ended where the length is negative.
@discardableResult
func writeFrames(
    _ bytes: [UInt8], to path: String, planes: BytePlanes = .none, pieces: [Int] = []
) throws -> WriteBehind.Sealed {
    let writer = try SeekableWriter(path: path, planes: planes)
    var start = 0
    for piece in pieces + [bytes.count] {
        let end = min(bytes.count, start + abs(piece))
        try Array(bytes[start..<end]).withUnsafeBytes { try writer.append($0) }
        if piece < 0 { try writer.endFrame() }
        start = end
    }
    #expect(writer.count == bytes.count)
    return try writer.seal()
}

/// Floats of a normal distribution, as bytes.
func floatBytes(_ count: Int, seed: UInt64) -> [UInt8] {
    var generator = TestSupport.SeededGenerator(seed: seed)
    return (0..<count).flatMap { _ in withUnsafeBytes(of: generator.normal()) { Array($0) } }
}

@Suite struct SeekableFramesTests {
    static let zstd = ["/usr/bin/zstd", "/usr/local/bin/zstd", "/opt/homebrew/bin/zstd"]
        .first { FileManager.default.isExecutableFile(atPath: $0) }

    static let widths = [1, 2, 4, 8, 16]

    @Test(arguments: widths) func everyRangeReadsBack(width: Int) throws {
        let folder = try TemporaryFolder()
        let planes = try #require(BytePlanes(width: width))
        // Two whole frames and a part that is no multiple of any width; frames ended early between.
        let bytes = floatBytes(2_600_000, seed: 7) + [1, 2, 3]
        let path = folder.path("a.zst")
        let sealed = try writeFrames(bytes, to: path, planes: planes, pieces: [1000, -24, 5_000_016, -16])
        #expect(try digestFile(path) == sealed)
        let reader = try SeekableReader(path: path)
        #expect(reader.count == bytes.count && reader.planes == planes)
        try reader.check()
        #expect(try reader.read(0..<bytes.count) == bytes)
        var generator = TestSupport.SeededGenerator(seed: 9)
        for _ in 0..<60 {
            let start = Int.random(in: 0...bytes.count, using: &generator)
            let longest = Int.random(in: 0..<8, using: &generator) == 0 ? bytes.count : 3000
            let end = min(bytes.count, start + Int.random(in: 0...longest, using: &generator))
            #expect(try reader.read(start..<end) == Array(bytes[start..<end]), "\(start)..<\(end)")
        }
        #expect(try reader.read(1023..<1025) == Array(bytes[1023..<1025]))
        #expect(try reader.read(bytes.count..<bytes.count) == [])
    }

    @Test func nothingIsAFileToo() throws {
        let folder = try TemporaryFolder()
        for planes in [BytePlanes.none, try #require(BytePlanes(width: 4))] {
            let path = folder.path("empty-\(planes.width).zst")
            try writeFrames([], to: path, planes: planes)
            let reader = try SeekableReader(path: path)
            #expect(try reader.count == 0 && reader.read(0..<0) == [])
        }
    }

    /// How the bytes came in makes no difference; where frames end does.
    @Test func sameBytesSameFile() throws {
        let folder = try TemporaryFolder()
        let bytes = floatBytes(1_300_000, seed: 3)
        let first = try writeFrames(bytes, to: folder.path("1"))
        let second = try writeFrames(bytes, to: folder.path("2"), pieces: [1, 0, 4_194_303, 77])
        let third = try writeFrames(bytes, to: folder.path("3"), pieces: [-1])
        #expect(first == second)
        #expect(third != first)
    }

    @Test func planesPackFloatsBetter() throws {
        let folder = try TemporaryFolder()
        let bytes = floatBytes(500_000, seed: 5)
        let plain = try writeFrames(bytes, to: folder.path("plain")).bytes
        let planes = try writeFrames(bytes, to: folder.path("planes"), planes: #require(BytePlanes(width: 4)))
        #expect(Double(planes.bytes) < 0.95 * Double(plain), "\(planes.bytes) of \(plain)")
    }

    /// An append of nothing but zeros packs to almost nothing and is one frame for each 4 MiB.
    @Test func framesAreBounded() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("zeros")
        let sealed = try writeFrames(Array(repeating: 0, count: 9 << 20), to: path)
        let file = try FileAccess.read(path, limit: 1 << 20)
        #expect(file.count == sealed.bytes && file.count < 4096)
        // The count of frames is the fifth byte from the table's descriptor.
        #expect(file[file.count - 9] == 3)
    }

    @Test func nothingIsLeftOfAWriterThatGoesAway() throws {
        let folder = try TemporaryFolder()
        do {
            let writer = try SeekableWriter(path: folder.path("lost"))
            try [UInt8](repeating: 7, count: 100).withUnsafeBytes { try writer.append($0) }
            #expect(try FileAccess.names(in: folder.path).count == 1)
        }
        #expect(try FileAccess.names(in: folder.path) == [])
    }

    /// The tool everyone has: it unpacks the whole, planes as planes, and finds damage.
    @Test(.enabled(if: zstd != nil)) func zstdReadsIt() throws {
        let zstd = try #require(Self.zstd)
        let folder = try TemporaryFolder()
        let bytes = floatBytes(1_200_000, seed: 11)
        try writeFrames(bytes, to: folder.path("a.zst"))
        let unpacked = try ProgramRun(zstd, ["-q", "-d", "a.zst", "-o", "a"], in: folder.path)
        #expect(unpacked.exit == 0, "\(unpacked.errors)")
        #expect(try FileAccess.read(folder.path("a"), limit: 1 << 24) == bytes)

        try writeFrames(bytes, to: folder.path("b.zst"), planes: #require(BytePlanes(width: 4)))
        let planes = try ProgramRun(zstd, ["-q", "-d", "b.zst", "-o", "b"], in: folder.path)
        #expect(planes.exit == 0, "\(planes.errors)")
        let content = try FileAccess.read(folder.path("b"), limit: 1 << 24)
        #expect(content.count == bytes.count)
        // The first plane of the first frame is the first byte of each of its 2^20 elements.
        #expect(content[..<1000] == ArraySlice((0..<1000).map { bytes[4 * $0] }))
        #expect(content[1 << 20] == bytes[1])

        var damaged = try FileAccess.read(folder.path("a.zst"), limit: 1 << 24)
        damaged[damaged.count / 2] ^= 4
        try Data(damaged).write(to: URL(fileURLWithPath: folder.path("a.zst")))
        #expect(try ProgramRun(zstd, ["-q", "-t", "a.zst"], in: folder.path).exit != 0)
    }

    /// A file of another program: frames of zstd with a table behind them.
    @Test(.enabled(if: zstd != nil)) func readsFramesOfZstd() throws {
        let zstd = try #require(Self.zstd)
        let folder = try TemporaryFolder()
        let bytes = floatBytes(30_000, seed: 13)
        var (file, entries): ([UInt8], [(Int, ArraySlice<UInt8>)]) = ([], [])
        for part in [bytes[..<50_000], bytes[50_000...]] {
            try Data(part).write(to: URL(fileURLWithPath: folder.path("part")))
            #expect(try ProgramRun(zstd, ["-q", "-19", "-f", "part"], in: folder.path).exit == 0)
            let packed = try FileAccess.read(folder.path("part.zst"), limit: 1 << 24)
            file += packed
            entries.append((packed.count, part))
        }
        file += seekTable(entries)
        try Data(file).write(to: URL(fileURLWithPath: folder.path("whole")))
        let reader = try SeekableReader(path: folder.path("whole"))
        #expect(try reader.read(49_990..<50_010) == Array(bytes[49_990..<50_010]))
        try reader.check()
    }
}
