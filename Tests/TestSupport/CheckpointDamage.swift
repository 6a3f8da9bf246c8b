// Copies of checkpoints with a fault: bytes of tensors and members of the config are changed in memory and
// written as another checkpoint.

import Documents
import Foundation
import Tensors

/// A checkpoint to be changed.
package struct CheckpointDamage {
    private let source: String
    /// All tensors of all shards.
    package var file = TensorFile()
    package var config: JSONObject

    package init(_ source: String) throws {
        self.source = source
        for name in try FileManager.default.contentsOfDirectory(atPath: source)
        where name.hasSuffix(".safetensors") {
            file.tensors.merge(try TensorFile(source + "/" + name).tensors) { first, _ in first }
        }
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: source + "/config.json")))
        guard case .object(let object) = try JSONValue(parsing: bytes) else { throw NotAnObject() }
        config = object
    }

    /// Writes it in one shard, with the tokenizer of its source, and gives its folder.
    @discardableResult
    package func write(_ folder: String) throws -> String {
        let files = FileManager.default
        try files.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in try files.contentsOfDirectory(atPath: source)
        where name.hasPrefix("tokenizer") || name.hasPrefix("special") {
            try files.copyItem(atPath: source + "/" + name, toPath: folder + "/" + name)
        }
        try file.write(folder + "/model.safetensors")
        try (JSONValue.object(config).text() + "\n").write(
            toFile: folder + "/config.json", atomically: true, encoding: .utf8)
        return folder
    }

    // MARK: Changes

    /// Changes the values of a tensor.
    package mutating func edit(_ name: String, _ change: (inout [Float]) -> Void) throws {
        guard var tensor = file[name] else { throw GoldenValues.NoSuchTensor(name: name) }
        var values = tensor.floats
        change(&values)
        tensor.floats = values
        file[name] = tensor
    }

    /// Puts each of two tensors in the other's place.
    package mutating func exchange(_ a: String, _ b: String) throws {
        guard let first = file[a], let second = file[b] else { throw GoldenValues.NoSuchTensor(name: a) }
        (file[a], file[b]) = (second, first)
    }

    /// Puts a copy of a tensor in another's place.
    package mutating func copy(_ a: String, to b: String) throws {
        guard let first = file[a], file[b] != nil else { throw GoldenValues.NoSuchTensor(name: a) }
        file[b] = first
    }

    /// Gives every tensor with this in its name another value.
    package mutating func edit(all part: String, _ change: (inout [Float]) -> Void) throws {
        for name in file.tensors.keys where name.contains(part) { try edit(name, change) }
    }

    struct NotAnObject: Error {}
}
