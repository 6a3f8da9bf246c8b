// Files of seekable frames that lie, end early or are damaged: each is refused with its code, and none traps.

import Checkpoints
import Diagnostics
import Foundation
import TestSupport
import Testing

/// The low half of XXH64 with seed 0, written out once more from its specification.
///
/// - Source: xxHash, doc/xxhash_spec.md.
private func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
    let (p1, p2, p3): (UInt64, UInt64, UInt64) = (
        0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9
    )
    let (p4, p5): (UInt64, UInt64) = (0x85EB_CA77_C2B2_AE63, 0x27D4_EB2F_1656_67C5)
    func turn(_ x: UInt64, _ by: UInt64) -> UInt64 { x << by | x >> (64 - by) }
    func round(_ sum: UInt64, _ lane: UInt64) -> UInt64 { turn(sum &+ lane &* p2, 31) &* p1 }
    let input = Array(bytes)
    func word(_ at: Int, _ length: Int) -> UInt64 {
        (0..<length).reduce(0) { $0 | UInt64(input[at + $1]) << UInt64(8 * $1) }
    }
    var (at, sum): (Int, UInt64) = (0, p5)
    if input.count >= 32 {
        var lanes: [UInt64] = [p1 &+ p2, p2, 0, 0 &- p1]
        while at + 32 <= input.count {
            for lane in 0..<4 { lanes[lane] = round(lanes[lane], word(at + 8 * lane, 8)) }
            at += 32
        }
        sum = turn(lanes[0], 1) &+ turn(lanes[1], 7) &+ turn(lanes[2], 12) &+ turn(lanes[3], 18)
        for lane in lanes { sum = (sum ^ round(0, lane)) &* p1 &+ p4 }
    }
    sum &+= UInt64(input.count)
    while at + 8 <= input.count {
        sum = turn(sum ^ round(0, word(at, 8)), 27) &* p1 &+ p4
        at += 8
    }
    if at + 4 <= input.count {
        sum = turn(sum ^ (word(at, 4) &* p1), 23) &* p2 &+ p3
        at += 4
    }
    while at < input.count {
        sum = turn(sum ^ (UInt64(input[at]) &* p5), 11) &* p1
        at += 1
    }
    sum = (sum ^ sum >> 33) &* p2
    sum = (sum ^ sum >> 29) &* p3
    return UInt32(truncatingIfNeeded: sum ^ sum >> 32)
}

private func little(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

/// A table as the format's own page has it, apart from the writer.
func seekTable(
    _ frames: [(Int, ArraySlice<UInt8>)], counted: Int? = nil, descriptor: UInt8 = 0x80
) -> [UInt8] {
    little(0x184D_2A5E) + little(frames.count * 12 + 9)
        + frames.flatMap { little($0.0) + little($0.1.count) + little(Int(checksum($0.1))) }
        + little(counted ?? frames.count) + [descriptor] + little(0x8F92_EAB1)
}

@Suite struct SeekableDamageTests {
    private let folder: TemporaryFolder
    private let bytes = floatBytes(40_000, seed: 21)
    private let file: [UInt8]

    init() throws {
        folder = try TemporaryFolder()
        try writeFrames(bytes, to: folder.path("good"), pieces: [-60_000])
        file = try FileAccess.read(folder.path("good"), limit: 1 << 24)
    }

    /// The code of what is said about a file, nil when all of it reads as it was written.
    private func code(_ file: [UInt8]) throws -> String? {
        try Data(file).write(to: URL(fileURLWithPath: folder.path("bad")))
        do throws(Failure) {
            let reader = try SeekableReader(path: folder.path("bad"))
            let read = try reader.read(0..<reader.count)
            return read == bytes ? nil : "other bytes"
        } catch {
            return error.findings.first?.code.name
        }
    }

    private func changed(_ at: Int, _ value: [UInt8]) -> [UInt8] {
        var file = file
        let start = at < 0 ? file.count + at : at
        file.replaceSubrange(start..<start + value.count, with: value)
        return file
    }

    @Test func theTableIsThatOfTheFormat() throws {
        #expect(try code(file) == nil)
        // Two frames: 8 + 24 + 9 bytes.
        let table = Array(file.suffix(41))
        let first = Int(table[8]) | Int(table[9]) << 8 | Int(table[10]) << 16
        let expected = seekTable([
            (first, bytes[..<60_000]), (file.count - 41 - first, bytes[60_000...]),
        ])
        #expect(table == expected)
    }

    @Test func eachLieHasItsCode() throws {
        let table = file.count - 41
        let cases: [(String, [UInt8], String)] = [
            ("empty", [], "FRAME-001"),
            ("short", Array(file.prefix(10)), "FRAME-001"),
            ("cut off", Array(file.dropLast()), "FRAME-001"),
            ("cut in the middle", Array(file.prefix(file.count / 2)), "FRAME-001"),
            ("goes on", file + [0], "FRAME-001"),
            ("descriptor", changed(-5, [0x00]), "FRAME-001"),
            ("reserved bits", changed(-5, [0xC0]), "FRAME-001"),
            ("too many frames", changed(-9, [255, 255, 255, 255]), "FRAME-002"),
            ("one frame more", changed(-9, [3]), "FRAME-002"),
            ("one frame less", changed(-9, [1]), "FRAME-002"),
            ("table's magic", changed(table, [0x50]), "FRAME-002"),
            ("table's length", changed(table + 4, [0]), "FRAME-002"),
            ("packed size", changed(table + 8, [file[table + 8] ^ 1]), "FRAME-002"),
            ("packed size of 4 GB", changed(table + 8, [255, 255, 255, 255]), "FRAME-002"),
            ("plain size of 4 GB", changed(table + 12, [255, 255, 255, 255]), "FRAME-002"),
            ("longer than it is", changed(table + 12, [file[table + 12] ^ 1]), "FRAME-003"),
            ("shorter than it is", changed(table + 13, [0]), "FRAME-003"),
            ("checksum", changed(table + 16, [file[table + 16] ^ 1]), "FRAME-003"),
            ("frame's magic", changed(0, [0]), "FRAME-003"),
            ("a byte of a frame", changed(5000, [file[5000] ^ 16]), "FRAME-003"),
            ("a hole before", [0] + file, "FRAME-002"),
        ]
        for (name, file, expected) in cases {
            #expect(try code(file) == expected, "\(name)")
        }
    }

    /// Two frames the wrong way round in the table: sizes fit, contents do not.
    @Test func exchangedEntries() throws {
        let table = file.count - 33
        let (first, second) = (file[table..<table + 12], file[table + 12..<table + 24])
        #expect(try code(changed(table, Array(second) + Array(first))) == "FRAME-003")
    }

    @Test func widthsThatDoNotExist() throws {
        #expect(BytePlanes(width: 3) == nil && BytePlanes(width: 0) == nil && BytePlanes(width: 32) == nil)
        try writeFrames(bytes, to: folder.path("planes"), planes: #require(BytePlanes(width: 4)))
        var file = try FileAccess.read(folder.path("planes"), limit: 1 << 24)
        #expect(try code(file) == nil)
        for width: UInt8 in [0, 1, 3, 255] {
            file[11] = width
            #expect(try code(file) == "FRAME-002")
        }
        // Another width that exists: bytes would come in the wrong order, and the content is not checked again.
        file[11] = 2
        #expect(try code(file) == "other bytes")
    }

    @Test func rangesOutside() throws {
        let reader = try SeekableReader(path: folder.path("good"))
        for range in [0..<bytes.count + 1, bytes.count..<bytes.count + 1, bytes.count + 1..<bytes.count + 1] {
            do throws(Failure) {
                _ = try reader.read(range)
                Issue.record("\(range) was read")
            } catch { #expect(error.findings.first?.code.name == "FRAME-004") }
        }
    }

    /// Thousands of damaged files: each is refused, or reads as it was written.
    @Test func errorOrTheSameBytes() throws {
        var generator = TestSupport.SeededGenerator(seed: 23)
        var refused = 0
        for round in 0..<1000 {
            var file = file
            for _ in 0...Int.random(in: 0..<3, using: &generator) where !file.isEmpty {
                // Half of the damage is where it is most likely to deceive: in the table.
                let low = Bool.random(using: &generator) ? max(0, file.count - 41) : 0
                let at = Int.random(in: low..<file.count, using: &generator)
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: file[at] = UInt8.random(in: 0...255, using: &generator)
                case 1: file[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 2: file.remove(at: at)
                case 3: file.insert(0, at: at)
                default: file.removeSubrange(at..<min(file.count, at + 40))
                }
            }
            let code = try code(file)
            if code != nil { refused += 1 }
            #expect(code != "other bytes", "round \(round)")
        }
        #expect(refused > 950)
    }
}
