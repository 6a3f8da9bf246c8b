// Many more random texts than the repository holds, compared with the ids in a file that the generator of
// the vectors writes (`--stream`). Runs when INGOT_TOKENISATION_STREAM names that file.

import Checkpoints
import Foundation
import Testing
import Tokenisation

@Suite struct DifferentialTests {
    private static let stream = ProcessInfo.processInfo.environment["INGOT_TOKENISATION_STREAM"]

    @Test(.enabled(if: stream != nil)) func randomTextsAsTheLibrary() throws {
        let bytes = try FileAccess.read(try #require(Self.stream), limit: 1 << 31)
        var encoders = try Vectors.names.map { TokenEncoder(try Vectors.tokeniser($0)) }
        var differences = Differences()
        var position = 0
        func word() -> Int {
            defer { position += 4 }
            return (0..<4).reduce(0) { $0 | Int(bytes[position + $1]) << (8 * $1) }
        }
        var tokens = 0
        while position < bytes.count {
            let length = word()
            let text = String(decoding: bytes[position..<position + length], as: UTF8.self)
            position += length
            for index in encoders.indices {
                let count = word()
                let expected = (0..<count).map { _ in word() }
                let found = encoders[index].encode(text)
                tokens += found.count
                differences.compare(found, expected, "\(Vectors.names[index]) \(text.debugDescription)")
            }
        }
        print(
            "compared \(differences.compared) encodings, \(tokens) tokens: \(differences.count) differences")
        differences.check(atLeast: 1)
    }

    /// Tokens in a second over the training text of the fixture, after one round to fill the cache and
    /// before it; printed, not judged.
    @Test(.enabled(if: stream != nil)) func speed() throws {
        let path = Vectors.file("ling-tiny-icd").replacing("tokenizer.json", with: "train.jsonl")
        let text = String(decoding: try FileAccess.read(path, limit: 1 << 26), as: UTF8.self)
        let clock = ContinuousClock()
        for name in Vectors.names {
            let start = clock.now
            var encoder = TokenEncoder(try Vectors.tokeniser(name))
            print("\(name): read in \(clock.now - start)")
            for round in ["first", "second"] {
                var count = 0
                let time = clock.measure { count = encoder.encode(text).count }
                let seconds = Double(time.components.attoseconds) * 1e-18 + Double(time.components.seconds)
                print(
                    "\(name), \(round) round: \(count) tokens, \(Int(Double(count) / seconds / 1000))k tokens/s,",
                    "\(Int(Double(text.utf8.count) / seconds / 1e6)) MB/s")
            }
        }
    }
}
