// The text of an index, read in one pass: 96,000 entries without a tree of values.

import Diagnostics
import Documents

/// Reads the text of an index.
struct IndexParser {
    /// Why reading ends early.
    enum Stop: Error {
        case finding(Finding)
        case json(JSONError)
    }

    private(set) var shards: [String] = []
    private(set) var entries: [CheckpointIndex.Entry] = []
    private(set) var totalSize: Int?
    private(set) var totalParameters: Int?
    private(set) var unknownKeys: [String] = []

    private let text: UnsafeRawBufferPointer
    private let file: String
    private var scanner: JSONScanner
    private var placeOf: [String: Int] = [:]

    init(_ text: UnsafeRawBufferPointer, file: String) {
        self.text = text
        self.file = file
        scanner = JSONScanner(text)
    }

    mutating func parse() throws(Stop) {
        guard isUTF8(text) else { throw .json(JSONError(.notUTF8, at: 0)) }
        entries.reserveCapacity(text.count / 128)
        var keys: Set<String> = []
        var hasMap = false
        try object("", keys: &keys) { parser, key throws(Stop) in
            switch key {
            case "metadata": try parser.readMetadata()
            case "weight_map":
                hasMap = true
                try parser.readMap()
            default: try parser.passOver(key)
            }
        }
        do { try scanner.finish() } catch { throw .json(error) }
        guard hasMap else {
            throw refuse(
                .indexWrongForm, "index has no weight map", "weight_map", "\"weight_map\"", "no such key")
        }
        guard !entries.isEmpty else {
            throw refuse(.indexEmpty, "index names no tensor", "weight_map", "at least one tensor", "none")
        }
    }

    private mutating func readMetadata() throws(Stop) {
        var keys: Set<String> = []
        try object("metadata", keys: &keys) { parser, key throws(Stop) in
            switch key {
            case "total_size": parser.totalSize = try parser.readTotal("metadata.total_size")
            case "total_parameters":
                parser.totalParameters = try parser.readTotal("metadata.total_parameters")
            default: try parser.passOver("metadata.\(key)")
            }
        }
    }

    private mutating func readTotal(_ field: String) throws(Stop) -> Int {
        let found = try json { scanner throws(JSONError) in try JSONValue.read(&scanner) }
        // Some exporters write the total as 193273528320.0: a whole number all the same.
        if case .number(let number) = found {
            if let integer = number.integer, integer >= 0 { return integer }
            if let whole = number.double.flatMap({ Int(exactly: $0) }), whole >= 0 { return whole }
        }
        throw refuse(
            .indexTotalMalformed, "a total of the index is not a whole number", field,
            "a whole number from 0 to 2^63 − 1", found.text(.compact))
    }

    private mutating func readMap() throws(Stop) {
        var seen: Set<String> = []
        seen.reserveCapacity(text.count / 128)
        try object("weight_map", keys: &seen) { parser, tensor throws(Stop) in
            guard parser.scanner.peek() == UInt8(ascii: "\"") else {
                let found = try parser.json { scanner throws(JSONError) in try JSONValue.read(&scanner) }
                throw parser.refuse(
                    .indexEntryNotString, "index gives no file name for a tensor", "weight_map.\(tensor)",
                    "a file name", found.kind)
            }
            let name = try parser.json { scanner throws(JSONError) in try scanner.takeString() }
            parser.entries.append(.init(tensor: tensor, shard: try parser.shard(name, of: tensor)))
        }
    }

    private mutating func shard(_ name: String, of tensor: String) throws(Stop) -> Int {
        if let place = placeOf[name] { return place }
        guard isPlainFileName(name), !name.hasPrefix("."), name.hasSuffix(".safetensors") else {
            throw refuse(
                .indexUnsafeName, "index names a file that is not a shard of this folder",
                "weight_map.\(tensor)",
                "a plain file name ending in .safetensors", "\"\(name)\"")
        }
        placeOf[name] = shards.count
        shards.append(name)
        return shards.count - 1
    }

    private mutating func passOver(_ path: String) throws(Stop) {
        unknownKeys.append(path)
        _ = try json { scanner throws(JSONError) in try JSONValue.read(&scanner) }
    }

    /// Walks an object, each key once.
    private mutating func object(
        _ path: String, keys: inout Set<String>,
        member: (inout IndexParser, String) throws(Stop) -> Void
    ) throws(Stop) {
        guard scanner.peek() == UInt8(ascii: "{") else {
            let found = try json { scanner throws(JSONError) in try JSONValue.read(&scanner) }
            throw refuse(
                .indexWrongForm, "a part of the index is not an object", path.isEmpty ? nil : path,
                "an object",
                found.kind)
        }
        try json { scanner throws(JSONError) in try scanner.enter(UInt8(ascii: "{")) }
        var first = true
        while try json({ scanner throws(JSONError) in
            try scanner.nextMember(closing: UInt8(ascii: "}"), first: &first)
        }) {
            let key = try json { scanner throws(JSONError) in
                let key = try scanner.takeString()
                try scanner.take(UInt8(ascii: ":"))
                return key
            }
            guard keys.insert(key).inserted else {
                throw refuse(
                    .indexKeyTwice, "a key of the index stands twice", path.isEmpty ? key : "\(path).\(key)",
                    "each key once", "two or more")
            }
            try member(&self, key)
        }
    }

    private mutating func json<Value>(
        _ body: (inout JSONScanner) throws(JSONError) -> Value
    ) throws(Stop) -> Value {
        do { return try body(&scanner) } catch { throw .json(error) }
    }

    private func refuse(
        _ code: DiagnosticCode, _ what: String, _ field: String?, _ expected: String, _ found: String
    ) -> Stop {
        .finding(
            Finding(
                .error, code, what, file: file, field: field, expected: expected, found: found,
                remedy: "restore the index from its source"))
    }
}
