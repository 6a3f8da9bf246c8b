// Ids and texts equal to those of the Hugging Face library.

import Checkpoints
import Documents
import TestSupport
import Testing
import Tokenisation

@Suite struct TokeniserVectorTests {
    @Test(arguments: Vectors.names) func encodesAsTheLibrary(_ name: String) throws {
        var encoder = TokenEncoder(try Vectors.tokeniser(name))
        var differences = Differences()
        for entry in try Vectors.document("encode")[name].elements {
            let text = try #require(entry.elements.first?.string)
            let found = entry.elements[1].integers
            let plain = entry.elements.count > 2 ? entry.elements[2].integers : found
            // Twice: with the words unseen and seen.
            for _ in 0..<2 {
                differences.compare(encoder.encode(text), found, text.debugDescription)
                differences.compare(
                    encoder.encode(text, specialTokens: .plainText), plain, "plain \(text.debugDescription)")
            }
        }
        differences.check(atLeast: 6000)
    }

    @Test(arguments: Vectors.names) func decodesAsTheLibrary(_ name: String) throws {
        let tokeniser = try Vectors.tokeniser(name)
        var differences = Differences()
        for entry in try Vectors.document("decode")[name].elements {
            let ids = entry.elements[0].integers
            let all = try #require(entry.elements[1].string)
            let skipped = entry.elements.count > 2 ? entry.elements[2].string ?? "" : all
            differences.compare(text: tokeniser.decode(ids), all, "\(ids)")
            differences.compare(text: tokeniser.decode(ids, skippingSpecialTokens: true), skipped, "\(ids)")
            for skipping in [false, true] {
                var stream = StreamDecoder(tokeniser, skippingSpecialTokens: skipping)
                let pieces = ids.map { stream.append($0) } + [stream.finish()]
                differences.compare(text: pieces.joined(), skipping ? skipped : all, "stream \(ids)")
            }
        }
        differences.check(atLeast: 4000)
    }

    @Test(arguments: Vectors.names) func decodingUndoesEncoding(_ name: String) throws {
        var encoder = TokenEncoder(try Vectors.tokeniser(name))
        var differences = Differences()
        for entry in try Vectors.document("encode")[name].elements {
            let text = try #require(entry.elements.first?.string)
            let ids = encoder.encode(text, specialTokens: .plainText)
            // Tokens that take white space with them do not give it back.
            if name == "synthetic", text.contains("<left>") || text.contains("<both>") { continue }
            differences.compare(text: encoder.tokeniser.decode(ids), text, "\(ids)")
        }
        differences.check(atLeast: 1000)
    }

    @Test func goldenRowsOfTheFixture() throws {
        let path = Repository.checkpoint("ling-tiny-icd") + "/golden/golden.json"
        let golden = try JSONValue(parsing: FileAccess.read(path, limit: 1 << 22))
        guard case .object(let cases) = golden["cases"] else {
            Issue.record("no cases")
            return
        }
        let tokeniser = try Vectors.tokeniser("ling-tiny-icd")
        #expect(cases.members.count >= 3)
        for (_, row) in cases.members.map({ ($0.key, $0.value) }) {
            let text = try #require(row["text"].string)
            let ids = row["tokens"].integers
            #expect(tokeniser.encode(text) == ids)
            #expect(tokeniser.decode(ids) == text)
        }
    }

    @Test func streamGivesWholeCharactersOnly() throws {
        let tokeniser = try Vectors.tokeniser("ling-tiny-icd")
        let text = "漢字 👩‍👩‍👧‍👦 é"
        var stream = StreamDecoder(tokeniser)
        let pieces = tokeniser.encode(text).map { stream.append($0) }
        #expect(pieces.contains("漢") && pieces.joined() == text && stream.finish().isEmpty)
        let bytes = tokeniser.encode("漢")
        #expect(bytes.count == 3)
        #expect(tokeniser.decode(bytes.prefix(2)) == "\u{FFFD}")
        var broken = StreamDecoder(tokeniser)
        #expect(bytes.prefix(2).map { broken.append($0) } == ["", ""] && broken.finish() == "\u{FFFD}")
    }

    @Test func longWordsTakeNoQuadraticTime() throws {
        let tokeniser = try Vectors.tokeniser("ling-tiny-icd")
        let text = String(repeating: "diabetes", count: 100_000)
        let ids = tokeniser.encode(text)
        #expect(tokeniser.decode(ids) == text)
        #expect(tokeniser.encode(String(repeating: " \n", count: 500_000)).count > 0)
    }

    @Test func namesAndNumbers() throws {
        let tokeniser = try Vectors.tokeniser("ling-tiny-icd")
        #expect(tokeniser.count == 2042 && tokeniser.idBound == 2042 && tokeniser.mergeCount == 1779)
        #expect(tokeniser.token(2039) == "<|role_end|>" && tokeniser.id(of: "<|role_end|>") == 2039)
        #expect(tokeniser.isSpecial(2039) && !tokeniser.isSpecial(2040))
        #expect(tokeniser.token(2042) == nil && tokeniser.token(-1) == nil && tokeniser.bytes(of: -5).isEmpty)
        #expect(tokeniser.findings.isEmpty)
        let gaps = try Vectors.tokeniser("synthetic")
        #expect(gaps.idBound > gaps.count && gaps.findings.isEmpty)
    }

    @Test func idsAreCheckedAgainstTheVocabularyAndTheEmbedding() throws {
        let tokeniser = try Vectors.tokeniser("ling-tiny-icd")
        #expect(tokeniser.check([0, 2041]).isEmpty)
        let unknown = tokeniser.check([2042, -1, 2042, 5])
        #expect(unknown.map(\.code) == [.tokenIdUnknown] && unknown[0].found == "-1, 2042")
        #expect(tokeniser.check(embeddingRows: 2042).isEmpty)
        #expect(tokeniser.check(embeddingRows: 2048).map(\.level) == [.note])
        #expect(tokeniser.check(embeddingRows: 2000).map(\.level) == [.error])
        #expect(tokeniser.check(embeddingRows: -1).map(\.level) == [.error])
    }
}
