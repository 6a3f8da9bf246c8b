// The index: each defect with its code, and writing then reading is identity.

import Checkpoints
import Diagnostics
import Glibc
import Testing

@Suite struct CheckpointIndexTests {
    static let defects: [(id: String, text: String, code: String)] = [
        ("not JSON", "{", "CKPT-040"),
        ("empty file", "", "CKPT-040"),
        ("trailing bytes", #"{"weight_map":{"a":"m.safetensors"}}x"#, "CKPT-040"),
        ("a list", "[]", "CKPT-041"),
        ("no weight map", #"{"metadata":{"total_size":1}}"#, "CKPT-041"),
        ("weight map a list", #"{"weight_map":["a"]}"#, "CKPT-041"),
        ("weight map null", #"{"weight_map":null}"#, "CKPT-041"),
        ("metadata a string", #"{"metadata":"x","weight_map":{"a":"m.safetensors"}}"#, "CKPT-041"),
        ("value a number", #"{"weight_map":{"a":1}}"#, "CKPT-042"),
        ("value null", #"{"weight_map":{"a":null}}"#, "CKPT-042"),
        ("value a list", #"{"weight_map":{"a":["m.safetensors"]}}"#, "CKPT-042"),
        ("parent folder", #"{"weight_map":{"a":"../m.safetensors"}}"#, "CKPT-043"),
        ("absolute path", #"{"weight_map":{"a":"/m.safetensors"}}"#, "CKPT-043"),
        ("subfolder", #"{"weight_map":{"a":"x/m.safetensors"}}"#, "CKPT-043"),
        ("URL", #"{"weight_map":{"a":"https://x/m.safetensors"}}"#, "CKPT-043"),
        ("backslash", #"{"weight_map":{"a":"x\\m.safetensors"}}"#, "CKPT-043"),
        ("NUL", #"{"weight_map":{"a":"m\u0000.safetensors"}}"#, "CKPT-043"),
        ("empty name", #"{"weight_map":{"a":""}}"#, "CKPT-043"),
        ("dots", #"{"weight_map":{"a":".."}}"#, "CKPT-043"),
        ("hidden file", #"{"weight_map":{"a":".m.safetensors"}}"#, "CKPT-043"),
        ("pickle", #"{"weight_map":{"a":"m.bin"}}"#, "CKPT-043"),
        ("tensor twice", #"{"weight_map":{"a":"m.safetensors","\u0061":"m.safetensors"}}"#, "CKPT-044"),
        ("map twice", #"{"weight_map":{"a":"m.safetensors"},"weight_map":{}}"#, "CKPT-044"),
        ("total twice", #"{"metadata":{"total_size":1,"total_size":2},"weight_map":{}}"#, "CKPT-044"),
        ("total a string", #"{"metadata":{"total_size":"1"},"weight_map":{}}"#, "CKPT-045"),
        ("total negative", #"{"metadata":{"total_size":-1},"weight_map":{}}"#, "CKPT-045"),
        ("total a fraction", #"{"metadata":{"total_size":1.5},"weight_map":{}}"#, "CKPT-045"),
        ("total above Int", #"{"metadata":{"total_size":9223372036854775808},"weight_map":{}}"#, "CKPT-045"),
        ("total null", #"{"metadata":{"total_parameters":null},"weight_map":{}}"#, "CKPT-045"),
        ("no tensor", #"{"weight_map":{}}"#, "CKPT-048"),
    ]

    @Test(arguments: defects.map(\.id)) func defect(_ id: String) throws {
        let (_, text, code) = try #require(Self.defects.first { $0.id == id })
        let failure = #expect(throws: Failure.self) {
            try CheckpointIndex(parsing: Array(text.utf8), file: "i")
        }
        #expect(failure?.findings.map(\.code.name) == [code])
        #expect(
            failure?.findings.allSatisfy { $0.expected != nil && $0.found != nil && $0.remedy != nil } == true
        )
    }

    @Test func notUTF8() {
        let failure = #expect(throws: Failure.self) {
            try CheckpointIndex(parsing: [0x7B, 0xFF, 0x7D], file: "i")
        }
        #expect(failure?.findings.map(\.code.name) == ["CKPT-040"])
    }

    @Test func whatIsRead() throws {
        let text =
            #"{"metadata":{"total_size":10.0,"by":1},"weight_map":{"b":"y.safetensors","a":"x.safetensors","c":"y.safetensors"},"v":{}}"#
        let index = try CheckpointIndex(parsing: Array(text.utf8), file: "i")
        #expect(index.shards == ["y.safetensors", "x.safetensors"])
        #expect(index.entries.map(\.tensor) == ["b", "a", "c"])
        #expect(index.entries.map(\.shard) == [0, 1, 0])
        #expect(index.totalSize == 10 && index.totalParameters == nil)
        #expect(index.unknownKeys == ["metadata.by", "v"])
    }

    /// What is worth saying of an index file that can be read, and one that no reader takes.
    @Test func filesOfUnusualKeysAndSizes() throws {
        let folder = TemporaryFolder()
        let text = #"{"metadata":{"by":1},"weight_map":{"a":"x.safetensors"},"v":{}}"#
        folder.write("keys.json", text)
        let keys = try CheckpointIndex.read(path: folder.path("keys.json")).findings
        #expect(keys.map(\.code.name) == ["CKPT-047", "CKPT-047"] && keys.allSatisfy { $0.level == .note })
        #expect(keys.map { $0.subjects.last?.value } == ["metadata.by", "v"])
        // White space counts like anything else.
        let long = #"{"weight_map":{"a":"x.safetensors"}}"#
        for (size, codes) in [
            (CheckpointIndex.hubLimit, []), (CheckpointIndex.hubLimit + 1, ["CKPT-046"]),
        ] {
            folder.write("long.json", long + String(repeating: " ", count: size - long.utf8.count))
            let findings = try CheckpointIndex.read(path: folder.path("long.json")).findings
            #expect(findings.map(\.code.name) == codes && findings.allSatisfy { $0.level == .warning })
        }
        #expect(truncate(folder.path("long.json"), CheckpointIndex.sizeLimit + 1) == 0)
        let failure = #expect(throws: Failure.self) {
            try CheckpointIndex.read(path: folder.path("long.json"))
        }
        #expect(failure?.findings.map(\.code.name) == ["CKPT-049"])
        withExtendedLifetime(folder) {}
    }

    @Test func theVeryText() throws {
        let index = CheckpointIndex(
            shards: ["x.safetensors"], entries: [.init(tensor: "b", shard: 0), .init(tensor: "a", shard: 0)],
            totalSize: 4, totalParameters: 2)
        let text = """
            {
              "metadata": {
                "total_parameters": 2,
                "total_size": 4
              },
              "weight_map": {
                "a": "x.safetensors",
                "b": "x.safetensors"
              }
            }

            """
        #expect(index.text == text)
        let back = try CheckpointIndex(parsing: Array(text.utf8), file: "i")
        #expect(back.text == text)
    }

    /// 48,000 entries, as an FP8 checkpoint of the whole model has: there and back.
    @Test func largeIndex() throws {
        let shards = (1...22).map { "model-000\($0 < 10 ? "0" : "")\($0)-of-00022.safetensors" }
        let entries = (0..<48_000).map { number in
            CheckpointIndex.Entry(
                tensor: "model.layers.\(number / 1500).mlp.experts.\(number).down_proj.weight",
                shard: number % 22)
        }
        let index = CheckpointIndex(shards: shards, entries: entries, totalSize: 1, totalParameters: 1)
        let text = Array(index.text.utf8)
        let back = try CheckpointIndex(parsing: text, file: "i")
        #expect(Array(back.text.utf8) == text)
    }

    @Test func mutationsNeverTrap() {
        let seed = Array(
            #"{"metadata":{"total_size":10},"weight_map":{"b":"y.safetensors","a":"x.safetensors"}}"#.utf8)
        var generator = SeededGenerator(seed: 7)
        var read = 0
        for _ in 0..<20_000 {
            var text = seed
            for _ in 0...Int.random(in: 0..<3, using: &generator) {
                let at = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: text[at] = .random(in: 0...255, using: &generator)
                case 1: text.insert(text.randomElement(using: &generator) ?? 0, at: at)
                default: text.remove(at: at)
                }
            }
            guard let index = try? CheckpointIndex(parsing: text, file: "i") else { continue }
            read += 1
            #expect(index.entries.allSatisfy { index.shards.indices.contains($0.shard) })
        }
        #expect(read > 100)
    }
}
