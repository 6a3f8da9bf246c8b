// What quantisation.json says of the whole conversion and of each tensor, for the card, the chain of digests and
// the rewritten record of a release.

import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// The record of a conversion as a release needs it.
package struct QuantisationSummary: Sendable {
    /// One source tensor and what became of it: XXH3-128.
    package struct Tensor: Sendable {
        let source: TensorDigest.Value
        let output: TensorDigest.Value
        let scale: TensorDigest.Value?
        /// Root mean square of the error over that of the weights; nil when it was not quantised.
        let error: Double?
    }

    package let tool: String
    package let plan: String
    package let scheme: String?
    package let layout: String?
    package let target: String?
    package let search: String?
    /// Reasons of adaptations.
    package let adaptations: [String]
    package let sourceName: String
    /// Sums over all quantised tensors; empty when none was.
    package let error: JSONObject
    package let files: [String: String]
    package let tensors: [String: Tensor]
    /// The top-level members as they stand, `files` left out.
    let members: [(key: String, text: [UInt8])]

    static let fileName = QuantisationPlanner.recordName
    /// A line a tensor, some 500 bytes: a million tensors at most.
    private static let limit = 1 << 29

    /// Reads the record of a folder; nil when it has none.
    package static func read(_ folder: String) throws(Failure) -> QuantisationSummary? {
        let path = joined(folder, fileName)
        guard FileAccess.kind(path) == .file else { return nil }
        let bytes = try FileAccess.read(path, limit: limit)
        let result: Result<QuantisationSummary, Failure> = bytes.withUnsafeBytes { buffer in
            do throws(DocumentError) { return .success(try QuantisationSummary(buffer)) } catch {
                return .failure(Failure(Finding(error, code: .recordMalformed, file: fileName)))
            }
        }
        return try result.get()
    }

    private init(_ bytes: UnsafeRawBufferPointer) throws(DocumentError) {
        var members: [(key: String, text: [UInt8])] = []
        var tensors: [String: Tensor] = [:]
        var head = JSONObject()
        do throws(JSONError) {
            guard isUTF8(bytes) else { throw JSONError(.notUTF8, at: 0) }
            var scanner = JSONScanner(bytes)
            try scanner.enter(UInt8(ascii: "{"))
            var first = true
            while try scanner.nextMember(closing: UInt8(ascii: "}"), first: &first) {
                let key = try scanner.takeString()
                try scanner.take(UInt8(ascii: ":"))
                _ = scanner.peek()
                let start = scanner.position
                if key == "tensors" {
                    try Self.readTensors(&scanner, &tensors)
                } else {
                    head[key] = try JSONValue.read(&scanner)
                }
                members.append((key, Array(bytes[start..<scanner.position])))
            }
            try scanner.finish()
        } catch {
            throw DocumentError(
                path: "", what: "not a JSON document", expected: "a record of ingot quantise",
                found: "\(error.message), at byte \(grouped(error.offset))")
        }
        self.members = members.filter { $0.key != "files" }
        self.tensors = tensors
        let reader = try StrictReader(.object(head))
        try reader.schema(1)
        tool = try reader.string("tool")
        _ = try reader.string("stage")
        plan = try reader.string("plan_sha256")
        sourceName = try reader.string("source")
        let request: JSONObject
        if case .object(let object)? = reader.value("request") {
            request = object
        } else {
            request = JSONObject()
        }
        func text(_ key: String) -> String? {
            if case .string(let text)? = request[key] { text } else { nil }
        }
        scheme = text("scheme")
        layout = text("layout")
        target = text("target")
        search = text("search")
        var reasons: [String] = []
        if case .array(let list)? = request["adaptations"] {
            for case .object(let adaptation) in list {
                if case .string(let reason)? = adaptation["reason"] { reasons.append(reason) }
            }
        }
        adaptations = reasons
        if case .object(let object)? = reader.value("error") { error = object } else { error = JSONObject() }
        var files: [String: String] = [:]
        for file in try reader.objects("files") { files[try file.string("name")] = try file.string("sha256") }
        self.files = files
    }

    private static func readTensors(
        _ scanner: inout JSONScanner, _ tensors: inout [String: Tensor]
    ) throws(JSONError) {
        try scanner.enter(UInt8(ascii: "["))
        var first = true
        while try scanner.nextMember(closing: UInt8(ascii: "]"), first: &first) {
            guard case .object(let element) = try JSONValue.read(&scanner) else { continue }
            func digest(_ key: String) -> TensorDigest.Value? {
                if case .string(let text)? = element[key] { TensorDigest.Value(text) } else { nil }
            }
            guard case .string(let name)? = element["name"], let source = digest("source_xxh3"),
                let output = digest("xxh3")
            else { continue }
            var error: Double?
            if case .object(let sums)? = element["error"], case .number(let number)? = sums["relative_rms"] {
                error = number.double
            }
            tensors[name] = Tensor(source: source, output: output, scale: digest("scale_xxh3"), error: error)
        }
    }

    /// The record again, with other files: what was written stays to the byte, since the plan is named by it.
    func pieces(files: [ArtefactFile]) -> [[UInt8]] {
        var pieces: [[UInt8]] = [Array("{".utf8)]
        for (index, member) in members.enumerated() {
            var key = index == 0 ? "\n  " : ",\n  "
            JSONValue.quote(member.key, to: &key)
            pieces.append(Array((key + ": ").utf8) + member.text)
        }
        let list = JSONValue.array(
            files.map(\.document))
        let text = list.text().split(separator: "\n").joined(separator: "\n  ")
        pieces.append(Array((members.isEmpty ? "\n" : ",\n").utf8) + Array("  \"files\": \(text)\n}\n".utf8))
        return pieces
    }

    /// A number among the sums of the whole.
    package func sum(_ key: String) -> Double? {
        if case .number(let number)? = error[key] { number.double } else { nil }
    }
}
