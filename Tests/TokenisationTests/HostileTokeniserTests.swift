// A tokenizer.json that is wrong is refused with a finding of the right code, and never traps.

import Checkpoints
import Diagnostics
import Documents
import TestSupport
import Testing
import Tokenisation

@Suite struct HostileTokeniserTests {
    /// A small valid tokenizer.json: all bytes, two merges, one added token.
    static func valid() -> JSONObject {
        var vocabulary = JSONObject()
        for (index, character) in alphabet.enumerated() { vocabulary[String(character)] = .integer(index) }
        vocabulary["ab"] = 256
        vocabulary["abc"] = 257
        let pattern =
            #"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+"#
        let document: JSONValue = [
            "version": "1.0", "truncation": nil, "padding": nil,
            "added_tokens": [
                [
                    "id": 258, "content": "<end>", "single_word": false, "lstrip": false, "rstrip": false,
                    "normalized": false, "special": true,
                ]
            ],
            "normalizer": nil,
            "pre_tokenizer": [
                "type": "Sequence",
                "pretokenizers": [
                    [
                        "type": "Split", "pattern": ["Regex": .string(pattern)], "behavior": "Isolated",
                        "invert": false,
                    ],
                    [
                        "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true,
                        "use_regex": false,
                    ],
                ],
            ],
            "post_processor": nil,
            "decoder": [
                "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true,
            ],
            "model": [
                "type": "BPE", "dropout": nil, "unk_token": nil, "continuing_subword_prefix": nil,
                "end_of_word_suffix": nil, "fuse_unk": false, "byte_fallback": false,
                "ignore_merges": false, "vocab": .object(vocabulary), "merges": [["a", "b"], ["ab", "c"]],
            ],
        ]
        guard case .object(let object) = document else { return JSONObject() }
        return object
    }

    static let alphabet: [Unicode.Scalar] = {
        var next: UInt32 = 0x100
        return (UInt32(0)..<256).compactMap { byte in
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF: return Unicode.Scalar(byte)
            default:
                next += 1
                return Unicode.Scalar(next - 1)
            }
        }
    }()

    private func read(_ object: JSONObject) -> Result<Tokeniser, Failure> {
        let bytes = Array(JSONValue.object(object).text(.compact).utf8)
        do throws(Failure) { return .success(try Tokeniser(parsing: bytes, file: "tokenizer.json")) } catch {
            return .failure(error)
        }
    }

    /// The codes of the errors; empty when it is read.
    private func errors(_ object: JSONObject) -> [String] {
        if case .failure(let failure) = read(object) {
            #expect(failure.findings.allSatisfy { !$0.what.isEmpty })
            return failure.findings.filter { $0.level == .error }.map(\.code.name)
        }
        return []
    }

    /// Sets the value at a path of keys and indices; nil removes it.
    private func set(_ value: JSONValue?, at path: [String], in document: JSONValue) -> JSONValue {
        guard let key = path.first else { return value ?? .null }
        let rest = Array(path.dropFirst())
        switch document {
        case .object(var object):
            object[key] = rest.isEmpty ? value : set(value, at: rest, in: object[key] ?? .null)
            return .object(object)
        case .array(var elements):
            guard let index = Int(key), elements.indices.contains(index) else { return document }
            if rest.isEmpty, value == nil {
                elements.remove(at: index)
            } else {
                elements[index] = set(value, at: rest, in: elements[index])
            }
            return .array(elements)
        default: return value ?? .null
        }
    }

    private func changed(_ path: String, _ value: JSONValue?) -> JSONObject {
        edited([(path.split(separator: "/").map(String.init), value)])
    }

    private func edited(_ edits: [([String], JSONValue?)]) -> JSONObject {
        let document = edits.reduce(JSONValue.object(Self.valid())) { set($1.1, at: $1.0, in: $0) }
        if case .object(let object) = document { return object }
        return JSONObject()
    }

    @Test func theValidOneIsRead() throws {
        let tokeniser = try read(Self.valid()).get()
        #expect(tokeniser.encode("abc ab<end>a") == [257, 32, 256, 258, 97])
        #expect(tokeniser.findings.isEmpty)
    }

    static let cases: [(String, JSONValue?, String)] = [
        ("model", nil, "TOK-001"), ("model", [], "TOK-001"), ("model/vocab", nil, "TOK-001"),
        ("model/vocab", [], "TOK-001"), ("model/merges", nil, "TOK-001"), ("model/merges", "a b", "TOK-001"),
        ("model/type", "WordPiece", "TOK-002"), ("model/type", nil, "TOK-001"),
        ("model/unk_token", "<unk>", "TOK-002"), ("model/byte_fallback", true, "TOK-002"),
        ("model/byte_fallback", "yes", "TOK-001"), ("model/dropout", .real(0.1), "TOK-002"),
        ("model/end_of_word_suffix", "</w>", "TOK-002"), ("model/continuing_subword_prefix", "##", "TOK-002"),
        ("model/vocab/a", -1, "TOK-004"), ("model/vocab/a", .real(1.5), "TOK-004"),
        ("model/vocab/a", "97", "TOK-004"), ("model/vocab/a", 98, "TOK-004"),
        ("model/vocab/a", .integer(1 << 40), "TOK-004"), ("model/vocab/ab", nil, "TOK-005"),
        ("model/vocab/abc", .integer(UInt64.max), "TOK-004"), ("model/merges/0", "a b", "TOK-001"),
        ("model/merges/1", ["a"], "TOK-001"), ("model/merges/1", ["a", "b", "c"], "TOK-001"),
        ("model/merges/1", ["a", 7], "TOK-001"), ("model/merges/1", ["a", "zz"], "TOK-005"),
        ("model/merges/1", nil, ""), ("normalizer", ["type": "NFC"], "TOK-002"),
        ("normalizer", ["type": "Sequence", "normalizers": []], ""), ("normalizer", "NFC", "TOK-001"),
        ("pre_tokenizer", nil, "TOK-001"), ("pre_tokenizer", ["type": "ByteLevel"], "TOK-003"),
        ("pre_tokenizer/pretokenizers", [], "TOK-003"), ("pre_tokenizer/pretokenizers/1", nil, "TOK-003"),
        ("pre_tokenizer/pretokenizers/0/pattern/Regex", #"\w+"#, "TOK-003"),
        ("pre_tokenizer/pretokenizers/0/pattern", ["String": " "], "TOK-003"),
        ("pre_tokenizer/pretokenizers/0/behavior", "Removed", "TOK-003"),
        ("pre_tokenizer/pretokenizers/0/invert", nil, "TOK-001"),
        ("pre_tokenizer/pretokenizers/1/add_prefix_space", true, "TOK-003"),
        ("pre_tokenizer/pretokenizers/1/use_regex", nil, "TOK-003"),
        ("pre_tokenizer/pretokenizers/1/trim_offsets", nil, "TOK-001"),
        ("decoder", nil, "TOK-001"), ("decoder", ["type": "Metaspace"], "TOK-002"),
        ("post_processor", ["type": "BertProcessing"], "TOK-002"),
        ("post_processor", ["type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true], ""),
        (
            "post_processor",
            [
                "type": "TemplateProcessing",
                "single": [["SpecialToken": ["id": "<end>", "type_id": 0]], ["Sequence": ["id": "A"]]],
            ], "TOK-002"
        ),
        ("post_processor", ["type": "TemplateProcessing", "single": [["Sequence": ["id": "A"]]]], ""),
        ("post_processor", ["type": "Sequence", "processors": [["type": "ByteLevel"], 7]], "TOK-001"),
        ("added_tokens", nil, ""), ("added_tokens", ["x"], "TOK-001"),
        ("added_tokens/0/id", 300, "TOK-006"), ("added_tokens/0/id", nil, "TOK-001"),
        ("added_tokens/0/content", "", "TOK-006"), ("added_tokens/0/special", nil, "TOK-001"),
        ("added_tokens/0/content", "ab", "TOK-006"), ("version", "2.0", "TOK-002"),
        ("truncation", ["max_length": 7], ""), ("surprise", 1, ""),
    ]

    @Test(arguments: cases.indices) func oneThingWrong(_ index: Int) {
        let (path, value, code) = Self.cases[index]
        let found = errors(changed(path, value))
        if code.isEmpty {
            #expect(found.isEmpty, "\(path)")
        } else {
            #expect(found.contains(code), "\(path): \(found)")
        }
    }

    @Test func warningsOfAFileThatIsRead() throws {
        #expect(try read(changed("surprise", 1)).get().findings.map(\.code.name) == ["TOK-009"])
        #expect(
            try read(changed("truncation", ["max_length": 7])).get().findings.map(\.code.name) == ["TOK-009"])
        let lossy = try read(edited([(["model", "vocab", "z"], nil), (["added_tokens"], [])])).get()
        #expect(lossy.findings.map(\.code.name) == ["TOK-007"])
        #expect(lossy.encode("azb") == [256])
    }

    @Test func twoAddedTokensOfOneText() {
        guard case .array(let tokens)? = Self.valid()["added_tokens"] else { return }
        #expect(errors(changed("added_tokens", .array(tokens + tokens))).contains("TOK-006"))
    }

    @Test func ignoringMergesTakesWholeWords() throws {
        let object = edited([
            (["model", "ignore_merges"], true), (["model", "vocab", "xyz"], 259), (["added_tokens"], []),
        ])
        let tokeniser = try read(object).get()
        #expect(tokeniser.encode("xyz abcx") == [259, 32, 257, 120])
    }

    @Test func notJSONAndNoFile() throws {
        for text in ["", "{", "null", "[]", "\u{FEFF}{}", String(repeating: "[", count: 100_000)] {
            #expect(throws: Failure.self) { try Tokeniser(parsing: Array(text.utf8), file: "t") }
        }
        #expect(throws: Failure.self) { try Tokeniser(folder: Repository.path("docs")) }
    }

    /// Bytes of the valid file changed, removed and doubled: a finding or a tokeniser that works.
    @Test func mutationsNeverTrap() {
        let bytes = Array(JSONValue.object(Self.valid()).text(.compact).utf8)
        var generator = SeededGenerator(seed: 7)
        var read = 0
        for _ in 0..<3000 {
            var mutated = bytes
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let at = Int.random(in: 0..<mutated.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: mutated[at] = UInt8.random(in: 0...255, using: &generator)
                case 1: mutated.remove(at: at)
                case 2: mutated.insert(mutated[at], at: at)
                default:
                    mutated[at] = Array("0123456789{}[]\",:-".utf8).randomElement(using: &generator) ?? 48
                }
            }
            guard let tokeniser = try? Tokeniser(parsing: mutated, file: "t") else { continue }
            read += 1
            let ids = tokeniser.encode("abc <end> 漢字 don't\n\n x")
            #expect(tokeniser.check(ids).isEmpty)
            _ = tokeniser.decode(ids)
        }
        #expect(read > 10)
    }
}
