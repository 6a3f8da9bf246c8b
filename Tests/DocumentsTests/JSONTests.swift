// The JSON reader and writer: what is taken, what is refused and where, and that nothing is lost.

import Documents
import TestSupport
import Testing

private func parse(_ text: String) throws(JSONError) -> JSONValue {
    try JSONValue(parsing: Array(text.utf8))
}

struct JSONTests {
    struct Case: CustomTestStringConvertible, Sendable {
        let text: String
        let rule: JSONError.Rule
        let offset: Int
        var testDescription: String { text }

        init(_ text: String, _ rule: JSONError.Rule, _ offset: Int) {
            self.text = text
            self.rule = rule
            self.offset = offset
        }
    }

    static let cases = [
        Case("", .unexpectedEnd, 0), Case("[1", .unexpectedEnd, 2), Case("{\"a\"", .unexpectedEnd, 4),
        Case("\"abc", .unexpectedEnd, 4), Case("[1,]", .unexpectedByte(0x5D), 3),
        Case("{,}", .unexpectedByte(0x2C), 1), Case("[1 2]", .unexpectedByte(0x32), 3),
        Case("nul", .unexpectedEnd, 3), Case("01", .malformedNumber, 1), Case("1.", .unexpectedEnd, 2),
        Case("1.x", .malformedNumber, 2), Case("-", .unexpectedEnd, 1), Case("1e+", .unexpectedEnd, 3),
        Case("+1", .unexpectedByte(0x2B), 0), Case("'a'", .unexpectedByte(0x27), 0),
        Case("\u{FEFF}{}", .byteOrderMark, 0), Case("1 2", .trailingBytes, 2),
        Case("{} //", .trailingBytes, 3),
        Case("{\"a\":1,\"a\":2}", .duplicateKey("a"), 7),
        Case("{\"a\":1,\"\\u0061\":2}", .duplicateKey("a"), 7), Case("\"a\nb\"", .controlCharacter(10), 2),
    ]

    @Test(arguments: cases) func isRefused(_ item: Case) {
        #expect(throws: JSONError(item.rule, at: item.offset)) { try parse(item.text) }
    }

    @Test(arguments: [
        "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\", "\"\\ud83d\"", "\"\\ude00\"", "\"\\ud83dx\"",
        "\"\\ud83d\\u0041\"",
    ])
    func badEscapes(_ text: String) {
        #expect(throws: JSONError.self) { try parse(text) }
    }

    @Test func escapesAndSurrogates() throws {
        #expect(try parse(#""\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#) == .string("\"\\/\u{8}\u{C}\n\r\té😀"))
        #expect(throws: JSONError(.notUTF8, at: 0)) { try JSONValue(parsing: [0x22, 0xFF, 0x22]) }
    }

    @Test func depth() throws {
        func nested(_ levels: Int) -> String {
            String(repeating: "[", count: levels) + String(repeating: "]", count: levels)
        }
        _ = try parse(nested(JSONScanner.depthLimit - 1))
        #expect(throws: JSONError.self) { try parse(nested(JSONScanner.depthLimit)) }
        #expect(throws: JSONError.self) { try parse(String(repeating: "[", count: 1_000_000)) }
        // Siblings are not depth.
        _ = try parse("[" + Array(repeating: "[]", count: 1000).joined(separator: ",") + "]")
    }

    /// Numbers and member order survive as they were written.
    @Test func roundTrip() throws {
        let text =
            #"{"z":1.50,"a":[1e-6,-0,12345678901234567890,{}],"é":null,"t":true,"s":"\u0001\n\"\\é"}"#
        let value = try parse(text)
        #expect(value.text(.compact) == text)
        #expect(try parse(value.text()) == value)
        #expect(try parse("[]").text() == "[]" && parse("{ }").text() == "{}")
    }

    /// Whatever bytes come, the answer is an error or a value, never a trap.
    @Test func mutations() throws {
        let seed = Array(#"{"a":[1.5e3,"x\u00e9\ud83d\ude00",null,true,{"b":-0.1}],"c":"d"}"#.utf8)
        var generator = SeededGenerator(seed: 4)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0...generator.next() % 3 {
                let at = Int(generator.next() % UInt64(bytes.count))
                switch generator.next() % 3 {
                case 0: bytes[at] = UInt8(truncatingIfNeeded: generator.next())
                case 1: bytes.remove(at: at)
                default: bytes.insert(UInt8(truncatingIfNeeded: generator.next()), at: at)
                }
            }
            guard let value = try? JSONValue(parsing: bytes) else { continue }
            accepted += 1
            #expect(try parse(value.text(.compact)) == value)
        }
        #expect(accepted > 100)
    }
}

struct StrictReaderTests {
    private func reader(_ text: String) throws -> StrictReader { try StrictReader(parse(text)) }

    @Test func unknownKeysAreNamedWithANearMiss() throws {
        let reader = try reader(#"{"block_shpae":[1]}"#)
        _ = reader.value("block_shape")
        #expect(throws: DocumentError.self) { try reader.finish() }
        do { try reader.finish() } catch {
            #expect(error.path == "block_shpae")
            #expect(error.remedy == "did you mean \"block_shape\"?")
        }
    }

    @Test func missingKeysSayWhatIsThere() throws {
        let reader = try reader(#"{"nmae":"x"}"#)
        do {
            _ = try reader.string("name")
            Issue.record("read")
        } catch {
            #expect(error.what == "a required key is missing")
            #expect(error.remedy == "rename \"nmae\" to \"name\"")
        }
    }

    @Test func kinds() throws {
        let reader = try reader(#"{"a":{"b":[{"c":1.5}]},"i":3,"f":1.0,"n":null}"#)
        #expect(try reader.integer("i") == 3)
        #expect(throws: DocumentError.self) { try reader.integer("f") }
        #expect(throws: DocumentError.self) { try reader.string("i") }
        #expect(throws: DocumentError.self) { try reader.bool("i") }
        #expect(!reader.has("n") && !reader.has("m") && reader.has("i"))
        let inner = try reader.object("a").objects("b")[0]
        do { _ = try inner.integer("c") } catch { #expect(error.path == "a.b[0].c" && error.found == "1.5") }
        try reader.finish()
    }

    @Test func nearMisses() {
        #expect(nearMiss("fp8-blok", among: ["fp8-block", "fp8-channel"]) == "fp8-block")
        #expect(nearMiss("qauntise", among: ["quantise", "explain"]) == "quantise")
        #expect(nearMiss("xyz", among: ["quantise", "explain"]) == nil)
        #expect(nearMiss("", among: ["a"]) == "a" || nearMiss("", among: ["abc"]) == nil)
    }
}
