// A hundred thousand broken headers: each is refused or read, and none traps. What is read keeps its promises,
// and what strict mode reads the reference mode reads alike.

import Checkpoints
import Testing

@Suite struct HeaderMutationTests {
    private static let seeds: [[UInt8]] = [
        shardFile(
            padded(
                #"{"__metadata__":{"format":"pt"},"w":{"dtype":"BF16","shape":[2,4],"data_offsets":[0,16]},"#
                    + #""s":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}}"#), data: 20),
        shardFile(
            #"{"a":["U8",[1],[0,1]],"\ud83d\ude00":{"dtype":{"F4":null},"shape":[2],"data_offsets":[1,2]}}"#,
            data: 2),
        shardFile(
            #"{"z":{"dtype":"I64","shape":[0,18446744073709551615],"data_offsets":[0,0],"x":[1e308,{}]}}"#),
        shardFile(" {}\n"),
    ]

    private static let tokens = [
        "{", "}", "[", "]", ":", ",", "\"", "\\", "\\u0061", "\\ud800", "null", "true", "-", "0", "9",
        "1e999", ".5",
        "18446744073709551615", "18446744073709551616", "9223372036854775808", "281474976710657", "\u{0}",
        "é",
        "\"dtype\":\"F64\",", "\"shape\":[8],", "\"data_offsets\":[0,0],", "\"__metadata__\":null,", " ",
    ].map { Array($0.utf8) }

    @Test func errorOrValidNeverATrap() {
        var generator = SeededGenerator(seed: 44)
        var read = [0, 0]
        for round in 0..<100_000 {
            let file = mutated(Self.seeds[round % Self.seeds.count], &generator)
            let strict = readHeader(file, .strict)
            let reference = readHeader(file, .reference)
            for (place, result) in [strict, reference].enumerated() {
                guard case .success(let header) = result else { continue }
                read[place] += 1
                if let broken = brokenPromise(header) { Issue.record("round \(round): \(broken)") }
            }
            if case .success = strict, strict != reference {
                Issue.record("round \(round): the modes differ")
            }
        }
        // Some mutations leave a header sound; without any this test would look at refusals only.
        #expect(read[0] > 500 && read[1] > 2 * read[0])
    }

    private func mutated(_ seed: [UInt8], _ generator: inout SeededGenerator) -> [UInt8] {
        var text = Array(seed[8...])
        for _ in 0...Int.random(in: 0..<3, using: &generator) {
            guard !text.isEmpty else { break }
            let at = Int.random(in: 0..<text.count, using: &generator)
            let end = min(text.count, at + Int.random(in: 1...12, using: &generator))
            switch Int.random(in: 0..<7, using: &generator) {
            case 0: text[at] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            case 1: text.insert(contentsOf: Self.tokens.randomElement(using: &generator) ?? [], at: at)
            case 2: text.removeSubrange(at..<end)
            case 3: text.insert(contentsOf: text[at..<end], at: at)
            case 4: text.swapAt(at, end - 1)
            case 5:
                let digits = text.indices.filter { (0x30...0x39).contains(text[$0]) }
                guard let digit = digits.randomElement(using: &generator) else { continue }
                let token = Self.tokens.randomElement(using: &generator) ?? []
                text.replaceSubrange(
                    digit...digit, with: Bool.random(using: &generator) ? token : [text[digit] ^ 1])
            default: text = Array(text[..<max(at, text.count - 4)])
            }
        }
        // Mostly the length is that of the header before, which leaves it sound; sometimes it is anything.
        let declared = UInt64(littleEndian: seed.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) })
        let data = max(0, seed.count - 8 - Int(declared))
        switch Int.random(in: 0..<20, using: &generator) {
        case 0: return shardFile(text, declared: .random(in: 0...300, using: &generator))
        case 1: return shardFile(text, declared: .random(in: 0 ... .max, using: &generator))
        case 2: return Array(shardFile(text).prefix(Int.random(in: 0...40, using: &generator)))
        default:
            let length = max(0, text.count - data)
            return shardFile(text, declared: UInt64(length))
        }
    }
}
