// The index of a checkpoint, model.safetensors.index.json: which shard holds which tensor.

import Diagnostics
import Documents
import Glibc

/// What the index of a checkpoint says; that it is true is for `Checkpoint.open` to check.
///
/// - Source: transformers `utils/hub.py` and huggingface_hub `serialization/_torch.py`, which read it.
package struct CheckpointIndex: Equatable, Sendable {
    package static let fileName = "model.safetensors.index.json"
    /// The hub's page reads no larger index; bytes.
    package static let sizeLimit = 250_000_000
    /// huggingface_hub loads no larger index; bytes.
    package static let hubLimit = 10 * 1024 * 1024

    /// One pair of the weight map.
    package struct Entry: Equatable, Sendable {
        package let tensor: String
        /// An index into `shards`.
        package let shard: Int

        package init(tensor: String, shard: Int) {
            self.tensor = tensor
            self.shard = shard
        }
    }

    /// Plain file names, each once, in the order in which the weight map first names them.
    package let shards: [String]
    /// In the order of the file; tensor names are unique.
    package let entries: [Entry]
    /// `metadata.total_size`: bytes of tensor data in all shards.
    package let totalSize: Int?
    /// `metadata.total_parameters`: elements in all shards.
    package let totalParameters: Int?
    /// Keys that nothing here reads, as paths such as `metadata.author`.
    package let unknownKeys: [String]

    package init(shards: [String], entries: [Entry], totalSize: Int?, totalParameters: Int?) {
        self.shards = shards
        self.entries = entries
        self.totalSize = totalSize
        self.totalParameters = totalParameters
        unknownKeys = []
    }

    /// Reads an index from its text.
    ///
    /// - Parameters:
    ///   - file: what findings name.
    /// - Throws: the first rule broken; see docs/diagnostics CKPT-040 to CKPT-048.
    /// - Complexity: one pass, without a tree of values.
    package init(parsing text: UnsafeRawBufferPointer, file: String) throws(Failure) {
        var parser = IndexParser(text, file: file)
        do throws(IndexParser.Stop) { try parser.parse() } catch {
            switch error {
            case .finding(let finding): throw Failure(finding)
            case .json(let error): throw Failure(Finding(error, code: .indexNotJSON, file: file))
            }
        }
        shards = parser.shards
        entries = parser.entries
        totalSize = parser.totalSize
        totalParameters = parser.totalParameters
        unknownKeys = parser.unknownKeys
    }

    /// Reads an index from its bytes.
    package init(parsing bytes: [UInt8], file: String) throws(Failure) {
        let result: Result<CheckpointIndex, Failure> = bytes.withUnsafeBytes { buffer in
            do throws(Failure) { return .success(try CheckpointIndex(parsing: buffer, file: file)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    /// Reads an index file, with what is worth saying of one that can be read.
    package static func read(
        path: String
    ) throws(Failure) -> (index: CheckpointIndex, findings: [Finding]) {
        let size = try FileAccess.identity(path).size
        guard size <= sizeLimit else {
            throw Failure(
                Finding(
                    .error, .indexTooLarge, "index is larger than any reader takes", file: path,
                    expected: "at most \(grouped(sizeLimit)) bytes", found: "\(grouped(size)) bytes",
                    remedy: "restore the file from its source"))
        }
        let index = try CheckpointIndex(parsing: try FileAccess.read(path, limit: sizeLimit), file: path)
        var findings: [Finding] = []
        if size > hubLimit {
            findings.append(
                Finding(
                    .warning, .indexPastHubLimit, "index is larger than huggingface_hub loads", file: path,
                    expected: "at most \(grouped(hubLimit)) bytes", found: "\(grouped(size)) bytes",
                    remedy: "use shorter shard names, or fewer tensors"))
        }
        for key in index.unknownKeys {
            findings.append(
                Finding(
                    .note, .indexUnknownKey, "index has a key that is not read", file: path, field: key,
                    expected: "metadata.total_size, metadata.total_parameters and weight_map",
                    found: "\"\(key)\""))
        }
        return (index, findings)
    }

    /// The text of the index: keys sorted, two spaces of indentation, a newline at the end.
    ///
    /// - Source: the layout of huggingface_hub and transformers, `json.dumps(index, indent=2, sort_keys=True)`.
    package var text: String {
        var text = "{\n  \"metadata\": {"
        let totals = [("total_parameters", totalParameters), ("total_size", totalSize)]
        let lines = totals.compactMap { key, value in value.map { "\n    \"\(key)\": \($0)" } }
        text += lines.joined(separator: ",") + (lines.isEmpty ? "}" : "\n  }") + ",\n  \"weight_map\": {"
        for (place, entry) in entries.sorted(by: { $0.tensor < $1.tensor }).enumerated() {
            text += place == 0 ? "\n    " : ",\n    "
            JSONValue.quote(entry.tensor, to: &text)
            text += ": "
            JSONValue.quote(shards[entry.shard], to: &text)
        }
        return text + (entries.isEmpty ? "}\n}\n" : "\n  }\n}\n")
    }
}

extension CheckpointIndex {
    /// The index of given shards, with its totals counted from their headers.
    ///
    /// - Parameters:
    ///   - shards: names and headers; each tensor is in one of them.
    package init(of shards: [(name: String, header: ShardHeader)]) {
        self.init(shards.map { ($0.name, $0.header.tensors) })
    }

    /// The index of shards that are to be written, with its totals counted from their tensors.
    package init(_ shards: [(name: String, tensors: [TensorRecord])]) {
        var entries: [Entry] = []
        var size = 0
        var elements = 0
        for (place, shard) in shards.enumerated() {
            for record in shard.tensors {
                entries.append(Entry(tensor: record.name, shard: place))
                size += record.dataRange.count
                // A strict header has no shape whose elements overflow.
                elements += record.shape.elementCount ?? 0
            }
        }
        self.init(shards: shards.map(\.name), entries: entries, totalSize: size, totalParameters: elements)
    }
}
