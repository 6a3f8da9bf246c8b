// Just enough of the safetensors layout to read our own vectors: header length, JSON header, data.
import Foundation

struct SafetensorsFixture {
    struct Missing: Error {
        var what: String
    }

    private let bytes: [UInt8]
    private let header: [String: Any]
    private let dataStart: Int

    /// Opens a file of Fixtures/vectors/fp8 by its name without suffix.
    init(_ name: String) throws {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let file = root.appendingPathComponent("Fixtures/vectors/fp8/\(name).safetensors")
        let bytes = [UInt8](try Data(contentsOf: file))
        let length = (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
        self.bytes = bytes
        dataStart = 8 + length
        guard
            let header = try JSONSerialization.jsonObject(with: Data(bytes[8..<dataStart])) as? [String: Any]
        else {
            throw Missing(what: "header of \(name)")
        }
        self.header = header
    }

    func metadata(_ key: String) throws -> [String: [String: Any]] {
        guard let all = header["__metadata__"] as? [String: String], let text = all[key],
            let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: [String: Any]]
        else { throw Missing(what: key) }
        return object
    }

    func shape(_ name: String) -> [Int] {
        entry(name)["shape"] as? [Int] ?? []
    }

    func data(_ name: String) -> [UInt8] {
        let offsets = entry(name)["data_offsets"] as? [Int] ?? [0, 0]
        return Array(bytes[dataStart + offsets[0]..<dataStart + offsets[1]])
    }

    func words(_ name: String) -> [UInt32] {
        let data = data(name)
        return stride(from: 0, to: data.count, by: 4).map { first in
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(data[first + $1]) << (8 * $1) }
        }
    }

    func halves(_ name: String) -> [UInt16] {
        let data = data(name)
        return stride(from: 0, to: data.count, by: 2).map { UInt16(data[$0]) | UInt16(data[$0 + 1]) << 8 }
    }

    func floats(_ name: String) -> [Float] { words(name).map(Float.init(bitPattern:)) }

    func integers(_ name: String) -> [Int] { words(name).map { Int(Int32(bitPattern: $0)) } }

    private func entry(_ name: String) -> [String: Any] {
        guard let entry = header[name] as? [String: Any] else { fatalError("fixture has no tensor \(name)") }
        return entry
    }
}
