// Every row of what the reference reader accepts and refuses, in both modes, with the very case that is thrown.

import Checkpoints
import Documents
import Tensors
import Testing

/// One header, and what each mode says: nil is accepted.
struct HeaderCase: CustomTestStringConvertible, Sendable {
    let id: String
    let file: [UInt8]
    let reference: HeaderError?
    let strict: HeaderError?

    /// The same answer in both modes.
    init(_ id: String, _ file: [UInt8], _ both: HeaderError?) {
        self.init(id, file, reference: both, strict: both)
    }

    init(_ id: String, _ file: [UInt8], reference: HeaderError? = nil, strict: HeaderError?) {
        self.id = id
        self.file = file
        self.reference = reference
        self.strict = strict
    }

    var testDescription: String { id }
}

/// One U8 tensor of a byte, or an entry given in its place.
private func one(
    _ name: String = "a", dtype: String = "\"U8\"", shape: String = "[1]", offsets: String = "[0,1]",
    extra: String = ""
) -> String {
    "{\"\(name)\":{\"dtype\":\(dtype),\"shape\":\(shape),\"data_offsets\":\(offsets)\(extra)}}"
}

private func file(_ text: String, _ data: Int = 1) -> [UInt8] { shardFile(padded(text), data: data) }

private func two(_ a: String, _ b: String, dtype: String = "U8", shapes: (String, String) = ("[1]", "[1]"))
    -> String
{
    "{\"a\":{\"dtype\":\"\(dtype)\",\"shape\":\(shapes.0),\"data_offsets\":\(a)},"
        + "\"b\":{\"dtype\":\"\(dtype)\",\"shape\":\(shapes.1),\"data_offsets\":\(b)}}"
}

private func json(_ rule: JSONError.Rule, _ offset: Int) -> HeaderError {
    .notJSON(JSONError(rule, at: offset))
}

private let lengthCases: [HeaderCase] = [
    HeaderCase("no bytes", [], .fileTooShort(fileSize: 0)),
    HeaderCase("seven bytes", [2, 0, 0, 0, 0, 0, 0], .fileTooShort(fileSize: 7)),
    HeaderCase("N = 0", shardFile(""), json(.unexpectedEnd, 0)),
    HeaderCase(
        "N above 100 MB", shardFile("{}", declared: 100_000_001),
        .headerTooLarge(declared: 100_000_001, limit: 100_000_000)),
    HeaderCase(
        "N = 2^64 − 1", shardFile("{}", declared: .max), .headerTooLarge(declared: .max, limit: 100_000_000)),
    HeaderCase(
        "N = 100 MB in a small file", shardFile("{}", declared: 100_000_000),
        .headerPastEnd(declared: 100_000_000, fileSize: 10)),
    HeaderCase("N one past the end", shardFile("{}", declared: 3), .headerPastEnd(declared: 3, fileSize: 10)),
    HeaderCase("empty header object", file("{}", 0), nil),
    HeaderCase("trailing white space", shardFile("{} \t\r\n  "), nil),
    HeaderCase("leading space", file(" {}", 0), strict: .leadingWhitespace),
    HeaderCase("leading newline and tab", file("\n\t{}", 0), strict: .leadingWhitespace),
    HeaderCase("unaligned header", shardFile("{}"), strict: .headerUnaligned(headerBytes: 10)),
]

private let textCases: [HeaderCase] = [
    HeaderCase("only a brace", shardFile("{"), json(.unexpectedEnd, 1)),
    HeaderCase("a list", file("[]", 0), .notObject),
    HeaderCase("a number", file("1", 0), .notObject),
    HeaderCase("trailing NUL", shardFile("{}\0"), json(.trailingBytes, 2)),
    HeaderCase("trailing junk", shardFile("{} x"), json(.trailingBytes, 3)),
    HeaderCase("byte order mark", shardFile("\u{FEFF}{}"), json(.unexpectedByte(0xEF), 0)),
    HeaderCase("comment", shardFile("{/**/}"), json(.unexpectedByte(0x2F), 1)),
    HeaderCase("trailing comma", file(String(one().dropLast()) + ",}"), json(.unexpectedByte(0x7D), 53)),
    HeaderCase("raw control character", file(one("a\u{1}")), json(.controlCharacter(1), 3)),
    HeaderCase("lone surrogate escape", file(one("\\ud800")), json(.loneSurrogate, 8)),
    HeaderCase("surrogates in the wrong order", file(one("\\udc00\\ud800")), json(.loneSurrogate, 8)),
    HeaderCase("surrogate pair", file(one("\\ud83d\\ude00")), nil),
    HeaderCase("not UTF-8", shardFile([0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x31, 0x7D]), .notUTF8),
    HeaderCase("surrogate as UTF-8", shardFile([0x7B, 0x22, 0xED, 0xA0, 0x80, 0x22, 0x7D]), .notUTF8),
    HeaderCase("overlong UTF-8", shardFile([0x7B, 0x22, 0xC0, 0x80, 0x22, 0x7D]), .notUTF8),
]

private let metadataCases: [HeaderCase] = [
    HeaderCase("metadata", file(#"{"__metadata__":{"format":"pt"}}"#, 0), nil),
    HeaderCase("metadata null", file(#"{"__metadata__":null}"#, 0), nil),
    HeaderCase("metadata escaped", file(#"{"__metadat\u0061__":{"format":"pt"}}"#, 0), nil),
    HeaderCase(
        "metadata value a number", file(#"{"__metadata__":{"k":1}}"#, 0), .metadataNotStrings(key: "k")),
    HeaderCase("metadata a list", file(#"{"__metadata__":["k"]}"#, 0), .metadataNotStrings(key: nil)),
    HeaderCase("metadata twice", file(#"{"__metadata__":{},"__metadata__":{}}"#, 0), .metadataTwice),
    HeaderCase("metadata null twice", file(#"{"__metadata__":null,"__metadata__":null}"#, 0), .metadataTwice),
    HeaderCase(
        "metadata key twice", file(#"{"__metadata__":{"k":"1","\u006b":"2"}}"#, 0),
        strict: .metadataKeyTwice(key: "k")),
]

private let entryCases: [HeaderCase] = [
    HeaderCase("one tensor", file(one()), nil),
    HeaderCase("entry a number", file(#"{"a":1}"#), .entryNotObject(tensor: "a")),
    HeaderCase("entry a list", file(#"{"a":["U8",[1],[0,1]]}"#), strict: .entryAsArray(tensor: "a")),
    HeaderCase(
        "entry a short list", file(#"{"a":["U8",[1]]}"#), .fieldMissing(tensor: "a", field: "data_offsets")),
    HeaderCase("entry a long list", file(#"{"a":["U8",[1],[0,1],0]}"#), .entryNotObject(tensor: "a")),
    HeaderCase("escaped field", file(one().replacing("dtype", with: "d\\u0074ype")), nil),
    HeaderCase(
        "extra field", file(one(extra: ",\"x\":[{}]")), strict: .fieldUnknown(tensor: "a", field: "x")),
    HeaderCase(
        "extra field twice", file(one(extra: ",\"x\":1,\"x\":1")),
        strict: .fieldUnknown(tensor: "a", field: "x")),
    HeaderCase(
        "extra field beyond a double", file(one(extra: ",\"x\":1e309")), .numberOutOfRange(offset: 56)),
    HeaderCase(
        "nested at the limit", file(one(extra: ",\"x\":" + nested(125))),
        strict: .fieldUnknown(tensor: "a", field: "x")),
    HeaderCase(
        "nested past the limit", file(one(extra: ",\"x\":" + nested(126))), json(.tooDeep(limit: 128), 182)),
    HeaderCase("field twice", file(one(extra: ",\"shape\":[1]")), .fieldTwice(tensor: "a", field: "shape")),
    HeaderCase(
        "field twice, escaped", file(one(extra: ",\"dtyp\\u0065\":\"U8\"")),
        .fieldTwice(tensor: "a", field: "dtype")),
    HeaderCase(
        "no shape", file(#"{"a":{"dtype":"U8","data_offsets":[0,1]}}"#),
        .fieldMissing(tensor: "a", field: "shape")),
    HeaderCase(
        "no dtype", file(#"{"a":{"shape":[1],"data_offsets":[0,1]}}"#),
        .fieldMissing(tensor: "a", field: "dtype")),
    HeaderCase("empty entry", file(#"{"a":{}}"#), .fieldMissing(tensor: "a", field: "dtype")),
    HeaderCase("dtype an object", file(one(dtype: "{\"U8\":null}")), strict: .dtypeAsObject(tensor: "a")),
    HeaderCase("dtype an object of an object", file(one(dtype: "{\"U8\":{}}")), .dtypeNotString(tensor: "a")),
    HeaderCase("dtype an empty object", file(one(dtype: "{}")), .dtypeNotString(tensor: "a")),
    HeaderCase(
        "dtype an object of two", file(one(dtype: "{\"U8\":null,\"U8\":null}")), .dtypeNotString(tensor: "a")),
    HeaderCase("dtype a number", file(one(dtype: "5")), .dtypeNotString(tensor: "a")),
    HeaderCase("dtype lower case", file(one(dtype: "\"u8\"")), .dtypeUnknown(tensor: "a", found: "u8")),
    HeaderCase("dtype unknown", file(one(dtype: "\"U128\"")), .dtypeUnknown(tensor: "a", found: "U128")),
    HeaderCase("dtype escaped", file(one(dtype: "\"\\u00558\"")), nil),
    HeaderCase("three offsets", file(one(offsets: "[0,1,1]")), .offsetsMalformed(tensor: "a")),
    HeaderCase("one offset", file(one(offsets: "[0]")), .offsetsMalformed(tensor: "a")),
    HeaderCase("offsets an object", file(one(offsets: "{\"0\":0,\"1\":1}")), .offsetsMalformed(tensor: "a")),
    HeaderCase("offset negative", file(one(offsets: "[-1,1]")), .offsetsMalformed(tensor: "a")),
    HeaderCase("shape null", file(one(shape: "null")), .shapeMalformed(tensor: "a")),
]

private func nested(_ depth: Int) -> String {
    String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
}

private let nameCases: [HeaderCase] = [
    HeaderCase("empty name", file(one("")), strict: .nameEmpty),
    HeaderCase("NUL in a name", file(one("a\\u0000b")), strict: .nameInvisible(tensor: "a\0b", scalar: 0)),
    HeaderCase(
        "DEL in a name", file(one("a\u{7F}")), strict: .nameInvisible(tensor: "a\u{7F}", scalar: 0x7F)),
    HeaderCase(
        "turned text in a name", file(one("a\u{202E}b")),
        strict: .nameInvisible(tensor: "a\u{202E}b", scalar: 0x202E)),
    HeaderCase("slash in a name", file(one("../a")), strict: .namePathLike(tensor: "../a")),
    HeaderCase("backslash in a name", file(one("a\\\\b")), strict: .namePathLike(tensor: "a\\b")),
    HeaderCase("dots as a name", file(one("..")), strict: .namePathLike(tensor: "..")),
    HeaderCase("accents in a name", file(one("é")), nil),
    HeaderCase(
        "accents composed in two ways",
        file(
            two("[0,1]", "[1,2]").replacing("\"a\"", with: "\"\u{E9}\"")
                .replacing("\"b\"", with: "\"e\u{301}\""), 2), strict: .tensorTwice(tensor: "\u{E9}")),
    HeaderCase(
        "tensor twice, the last is sound",
        file(two("[0,9]", "[0,1]").replacing("\"b\"", with: "\"a\"")), strict: .tensorTwice(tensor: "a")),
    HeaderCase(
        "tensor twice, escaped", file(two("[0,1]", "[0,1]").replacing("\"b\"", with: "\"\\u0061\"")),
        strict: .tensorTwice(tensor: "a")),
    HeaderCase(
        "tensor twice, the last elsewhere", file(two("[0,1]", "[1,2]").replacing("\"b\"", with: "\"a\""), 2),
        .gap(tensor: "a", expected: 0, found: 1)),
    HeaderCase(
        "tensor twice, the first malformed",
        file(two("[0]", "[0,1]").replacing("\"b\"", with: "\"a\"")), .offsetsMalformed(tensor: "a")),
]

private let wide: UInt64 = 18_446_744_073_709_551_615

private let shapeCases: [HeaderCase] = [
    HeaderCase("scalar", file(one(shape: "[]")), nil),
    HeaderCase(
        "rank 65", file(one(shape: "[" + [String](repeating: "1", count: 65).joined(separator: ",") + "]")),
        nil),
    HeaderCase("dimension negative", file(one(shape: "[-1]")), .shapeMalformed(tensor: "a")),
    HeaderCase("dimension −0", file(one(shape: "[-0]")), .shapeMalformed(tensor: "a")),
    HeaderCase("dimension 1.0", file(one(shape: "[1.0]")), .shapeMalformed(tensor: "a")),
    HeaderCase("dimension 1e0", file(one(shape: "[1e0]")), .shapeMalformed(tensor: "a")),
    HeaderCase("dimension 01", file(one(shape: "[01]")), json(.malformedNumber, 29)),
    HeaderCase("dimension a string", file(one(shape: "[\"1\"]")), .shapeMalformed(tensor: "a")),
    HeaderCase("dimension 2^64", file(one(shape: "[18446744073709551616]")), .shapeMalformed(tensor: "a")),
    HeaderCase(
        "zero first hides an overflow", file(one(shape: "[0,\(wide),\(wide)]", offsets: "[0,0]"), 0),
        strict: .dimensionTooLarge(tensor: "a", dimension: wide, limit: 1 << 48)),
    HeaderCase(
        "zero last does not", file(one(shape: "[\(wide),\(wide),0]", offsets: "[0,0]"), 0),
        .shapeOverflows(tensor: "a", dtype: .u8, dimensions: [wide, wide, 0])),
    HeaderCase(
        "past Int, then zero", file(one(shape: "[281474976710656,32768,0]", offsets: "[0,0]"), 0),
        strict: .shapeOverflows(tensor: "a", dtype: .u8, dimensions: [1 << 48, 1 << 15, 0])),
    HeaderCase(
        "wraps to four", file(one(shape: "[4194305,4194305,211106198978564]"), 4),
        .shapeOverflows(tensor: "a", dtype: .u8, dimensions: [4_194_305, 4_194_305, 211_106_198_978_564])),
    HeaderCase(
        "bits overflow", file(one(dtype: "\"F64\"", shape: "[288230376151711744]", offsets: "[0,0]"), 0),
        .shapeOverflows(tensor: "a", dtype: .f64, dimensions: [1 << 58])),
    HeaderCase(
        "dimension above 2^48", file(one(shape: "[0,281474976710657]", offsets: "[0,0]"), 0),
        strict: .dimensionTooLarge(tensor: "a", dimension: 1 << 48 + 1, limit: 1 << 48)),
    HeaderCase(
        "F4 of odd count", file(one(dtype: "\"F4\"", shape: "[3]"), 1),
        .partialByte(tensor: "a", dtype: .f4, shape: [3])),
    HeaderCase("F6 of four", file(one(dtype: "\"F6_E2M3\"", shape: "[4]", offsets: "[0,3]"), 3), nil),
]

private let layoutCases: [HeaderCase] = [
    HeaderCase("two tensors", file(two("[0,1]", "[1,2]"), 2), nil),
    HeaderCase("unsorted header", file(two("[1,2]", "[0,1]"), 2), nil),
    HeaderCase("several of no bytes", file(two("[0,0]", "[0,0]", shapes: ("[0]", "[0,5]")), 0), nil),
    HeaderCase("gap at the front", file(one(offsets: "[1,2]"), 2), .gap(tensor: "a", expected: 0, found: 1)),
    HeaderCase("gap in the middle", file(two("[0,1]", "[2,3]"), 3), .gap(tensor: "b", expected: 1, found: 2)),
    HeaderCase(
        "overlap", file(two("[0,2]", "[1,3]", shapes: ("[2]", "[2]")), 3),
        .overlap(tensor: "b", expected: 2, found: 1)),
    HeaderCase("same range", file(two("[0,1]", "[0,1]")), .overlap(tensor: "b", expected: 1, found: 0)),
    HeaderCase(
        "end before begin", file(two("[0,1]", "[1,0]")), .endsBeforeItBegins(tensor: "b", begin: 1, end: 0)),
    HeaderCase(
        "offsets near 2^64", file(one(offsets: "[0,\(wide)]")),
        .sizeDiffers(tensor: "a", dtype: .u8, shape: [1], expected: 1, found: wide)),
    HeaderCase(
        "shape and offsets differ", file(one(shape: "[2]")),
        .sizeDiffers(tensor: "a", dtype: .u8, shape: [2], expected: 2, found: 1)),
    HeaderCase("truncated", file(one(), 0), .truncated(expected: 65, found: 64)),
    HeaderCase(
        "2^61 − 1 bytes claimed",
        file(one(shape: "[2305843009213693951]", offsets: "[0,2305843009213693951]")),
        .truncated(expected: 2_305_843_009_213_693_951 + 104, found: 105)),
    HeaderCase("trailing bytes", file(one(), 2), .trailingBytes(expected: 65, found: 66)),
    HeaderCase(
        "unaligned tensor",
        file(
            #"{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},"b":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}}"#,
            5),
        strict: .tensorUnaligned(tensor: "b", dtype: .f32, begin: 1)),
]

@Suite struct HeaderMatrixTests {
    static let cases =
        lengthCases + textCases + metadataCases + entryCases + nameCases + shapeCases + layoutCases

    @Test(arguments: cases) func bothModes(_ example: HeaderCase) {
        for (mode, expected) in [(HeaderMode.reference, example.reference), (.strict, example.strict)] {
            switch readHeader(example.file, mode) {
            case .success(let header):
                #expect(expected == nil, "\(mode) accepted it")
                #expect(brokenPromise(header) == nil)
            case .failure(let error): #expect(error == expected, "\(mode)")
            }
        }
    }

    /// Every dtype of the format is known, at its width.
    @Test(arguments: DType.allCases) func everyElementType(_ dtype: DType) throws {
        let text = one(dtype: "\"\(dtype.rawValue)\"", shape: "[8]", offsets: "[0,\(dtype.bits)]")
        let header = try readHeader(file(text, dtype.bits), .strict).get()
        #expect(header.tensors.map(\.dtype) == [dtype])
        #expect(header.tensors[0].dataRange == header.headerBytes..<(header.headerBytes + dtype.bits))
    }

    @Test func theLastOfTwoWins() throws {
        let text = two("[0,9]", "[0,2]", shapes: ("[9]", "[2]")).replacing("\"b\"", with: "\"a\"")
        let header = try readHeader(file(text, 2), .reference).get()
        #expect(header.tensors.map(\.shape) == [[2]])
        let pairs = try readHeader(file(#"{"__metadata__":{"k":"1","j":"0","k":"2"}}"#, 0), .reference).get()
        #expect(pairs.metadata == [.init(key: "k", value: "2"), .init(key: "j", value: "0")])
    }

    @Test func headersAboveTheHubsLimit() {
        let text = Array("{}".utf8) + [UInt8](repeating: 0x20, count: ShardHeader.hubLimit)
        #expect(
            readHeader(shardFile(text), .strict)
                == .failure(.headerPastHubLimit(declared: 25_000_002, limit: 25_000_000)))
        #expect(throws: Never.self) { try readHeader(shardFile(text), .reference).get() }
    }

    /// Each rule has its own code and a finding with both sides, or says what to do.
    @Test func findingsNameTheRule() {
        var codes: [String: String] = [:]
        for case let error? in Self.cases.flatMap({ [$0.reference, $0.strict] })
            + [.headerPastHubLimit(declared: 25_000_002, limit: 25_000_000)]
        {
            let finding = error.finding(file: "model.safetensors")
            #expect(finding.expected != nil && finding.found != nil && finding.remedy != nil)
            let rule = String("\(error)".prefix { $0 != "(" })
            let known = codes.updateValue(rule, forKey: finding.code.name)
            #expect(known == nil || known == rule, "\(finding.code) stands for \(rule) and \(known ?? "")")
        }
        #expect(codes.count == 37)
    }

    @Test func truncationReadsAsItShould() {
        let error = HeaderError.truncated(expected: 9_345_678_912, found: 9_345_600_000)
        let lines = error.finding(file: "model-00007-of-00022.safetensors").text.split(separator: "\n")
        #expect(lines[0].hasPrefix("error: shard ends before its tensor data does "))
        #expect(lines[0].hasSuffix("CKPT-006"))
        #expect(lines[2] == "  expected  9,345,678,912 bytes from the header")
        #expect(lines[3] == "  found     9,345,600,000 bytes (78,912 short)")
    }
}
