// Makes checkpoints for tests: every tensor a config asks for, in as many shards as wanted, filled from a
// seed, by the caller, or with holes (a sparse file of zeros costs no disk whatever its size).

import Architectures
import Checkpoints
import Documents
import Foundation
import Tensors

/// Writes checkpoints of one config.
package struct CheckpointMaker {
    package let config: JSONValue
    package let inventory: TensorInventory
    /// The type of all tensors but the router's bias; nil for the config's.
    package var dtype: DType?
    /// Bytes of some tensors, little-endian; others are drawn from their name.
    package var fill: (InventoryEntry) -> [UInt8]? = { _ in nil }
    /// Whether to leave holes instead of drawing.
    package var isSparse = false

    /// - Parameter config: a config.json.
    package init(_ config: JSONValue) throws {
        self.config = config
        inventory = TensorInventory(try BailingMoeV2Configuration(config))
    }

    /// A maker for a config of the repository with some members changed; nil removes one.
    package init(_ path: String, _ changes: [String: JSONValue?] = [:]) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: Repository.path(path))))
        guard case .object(var object) = try JSONValue(parsing: bytes) else { throw NotAnObject() }
        for (key, value) in changes { object[key] = value }
        try self.init(.object(object))
    }

    /// The micro checkpoint's config with changes.
    package static func micro(_ changes: [String: JSONValue?] = [:]) throws -> CheckpointMaker {
        try CheckpointMaker("Fixtures/checkpoints/micro/config.json", changes)
    }

    /// Writes the checkpoint and gives its folder.
    ///
    /// - Parameter shards: files of about equal size; one is called model.safetensors and has no index.
    @discardableResult
    package func write(_ folder: String, shards: Int = 1) throws -> String {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        var written: [(name: String, header: ShardHeader)] = []
        for (index, entries) in cut(shards).enumerated() {
            let name =
                shards == 1
                ? "model.safetensors"
                : String(format: "model-%05d-of-%05d.safetensors", index + 1, shards)
            written.append((name, try writeShard(folder + "/" + name, entries)))
        }
        if shards > 1 {
            try write(CheckpointIndex(of: written).text, folder + "/" + CheckpointIndex.fileName)
        }
        try write(config.text() + "\n", folder + "/config.json")
        return folder
    }

    private func write(_ text: String, _ path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    private func cut(_ shards: Int) -> [[InventoryEntry]] {
        let total = inventory.entries.reduce(0) { $0 + $1.byteCount }
        var parts: [[InventoryEntry]] = [[]]
        var used = 0
        for entry in inventory.entries {
            // Each shard ends where its share of all bytes does.
            if used >= total / shards * parts.count, parts.count < shards { parts.append([]) }
            parts[parts.count - 1].append(entry)
            used += entry.byteCount
        }
        return parts
    }

    private func writeShard(_ path: String, _ entries: [InventoryEntry]) throws -> ShardHeader {
        let tensors = entries.map {
            TensorDescription(name: $0.name, dtype: type(of: $0), shape: $0.shape)
        }
        let order = ShardHeader.fileOrder(tensors)
        let (bytes, header) = try ShardHeader.written(order.map { tensors[$0] })
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        defer { try? file.close() }
        try file.seekToEnd()
        for index in order {
            let entry = entries[index]
            if let bytes = fill(entry) {
                try file.write(contentsOf: Data(bytes))
            } else if isSparse {
                let size = UInt64(tensors[index].byteCount ?? 0)
                try file.seek(toOffset: try file.offset() + size)
            } else {
                try file.write(contentsOf: drawn(entry))
            }
        }
        try file.truncate(atOffset: UInt64(header.fileSize))
        return header
    }

    private func type(of entry: InventoryEntry) -> DType {
        entry.role == .routerBias ? .f32 : dtype ?? entry.dtype
    }

    /// Weights between 2⁻⁸ and 2⁻¹, either sign, from the name.
    private func drawn(_ entry: InventoryEntry) -> Data {
        var generator = SeededGenerator(seed: entry.name.utf8.reduce(5381) { $0 &* 33 &+ UInt64($1) })
        let type = type(of: entry)
        let count = entry.parameterCount
        var data = Data(capacity: count * type.bits / 8 + 8)
        while data.count < count * type.bits / 8 {
            let bits = generator.next()
            switch type {
            case .f32:
                for shift in [0, 32] {
                    let word = UInt32(truncatingIfNeeded: bits >> shift)
                    append(word & 0x807F_FFFF | (119 + (word >> 23 & 7)) << 23, to: &data)
                }
            case .f16:
                for shift in stride(from: 0, to: 64, by: 16) {
                    let word = UInt16(truncatingIfNeeded: bits >> shift)
                    append(word & 0x83FF | (7 + (word >> 10 & 7)) << 10, to: &data)
                }
            default:
                append(
                    bits & 0x807F_807F_807F_807F | 0x3B80_3B80_3B80_3B80 &+ (bits & 0x0380_0380_0380_0380),
                    to: &data)
            }
        }
        return data.prefix(count * type.bits / 8)
    }

    private func append(_ value: some FixedWidthInteger, to data: inout Data) {
        withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
    }

    struct NotAnObject: Error {}
}
