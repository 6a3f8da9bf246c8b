// Every scalar is of the class that the library's regular expression engines give it. Seen from outside, by
// where text is split and where a token that matches whole words is found.

import Documents
import Testing
import Tokenisation

@Suite struct ScalarClassTests {
    private func members(_ name: String) throws -> Set<UInt32> {
        var members: Set<UInt32> = []
        for pair in try Vectors.document("classes")[name].elements {
            members.formUnion(UInt32(pair.integers[0])...UInt32(pair.integers[1]))
        }
        return members
    }

    @Test func classesOfAllScalars() throws {
        let classes: [(ScalarClass, Set<UInt32>)] = [
            (.letter, try members("letter")), (.number, try members("number")),
            (.space, try members("space")),
        ]
        #expect(classes.map(\.1.count) == [141_028, 1911, 25])
        var differences = Differences()
        for value in UInt32(0)..<0x110000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let expected = classes.first { $0.1.contains(value) }?.0 ?? .other
            let found = ScalarClass(scalar)
            differences.compare(found == .newline ? .space : found, expected, "U+\(String(value, radix: 16))")
        }
        differences.check(atLeast: 1_100_000)
    }

    @Test func wordCharactersOfAllScalars() throws {
        let words = try members("word")
        #expect(words.count > 140_000)
        var encoder = TokenEncoder(try Vectors.tokeniser("synthetic"))
        let mask = try #require(encoder.tokeniser.id(of: "<mask>"))
        var differences = Differences()
        for value in UInt32(0)..<0x110000 {
            guard let scalar = Unicode.Scalar(value) else { continue }
            let found = encoder.encode(String(scalar) + "<mask>").contains(mask)
            differences.compare(found, !words.contains(value), "U+\(String(value, radix: 16))")
        }
        differences.check(atLeast: 1_100_000)
    }
}
