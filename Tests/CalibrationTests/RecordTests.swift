// The two files of a calibration: written, read back, and refused when they are not what they say.

import Architectures
import Backends
import Calibration
import Checkpoints
import Diagnostics
import Documents
import Foundation
import ReferenceModel
import TestSupport
import Testing

/// The config of a fixture checkpoint.
func fixtureConfiguration(_ name: String) throws -> BailingMoeV2Configuration {
    try CheckpointWeights.open(Repository.checkpoint(name), budget: 0).configuration
}

struct RecordTests {
    /// A state that has seen a few numbers everywhere.
    static func state(_ seed: UInt64, observers: Set<Observer> = Set(Observer.allCases)) throws
        -> CalibrationState
    {
        let configuration = try fixtureConfiguration("micro")
        var state = CalibrationState(configuration, observers: observers)
        for (index, site) in state.inputs.keys.sorted().enumerated() {
            let (slots, channels) = site.size(configuration)
            for slot in 0..<slots where slot % 3 != 1 {
                let x = ObserverTests.matrix(
                    rows: 3, columns: channels, seed: seed + UInt64(index * 1000 + slot))
                state.inputs[site]?.observe(x, slot: slot)
            }
        }
        let width = configuration.keyRows.count
        for layer in state.caches.keys {
            state.caches[layer]?.observe(
                keys: ObserverTests.matrix(rows: 2, columns: width, seed: seed),
                values: ObserverTests.matrix(rows: 2, columns: width, seed: seed + 1))
        }
        state.stream.observe(ObserverTests.matrix(rows: 2, columns: 8, seed: seed), place: 1)
        return state
    }

    @Test func aStateReadsBackAsItWasWritten() throws {
        let folder = try TemporaryFolder()
        let state = try Self.state(4)
        let sealed = try state.write(to: folder.path("a.safetensors"))
        #expect(try state.write(to: folder.path("b.safetensors")) == sealed, "the same bytes every time")
        var read = CalibrationState(
            try fixtureConfiguration("micro"), observers: Set(Observer.allCases))
        try read.read(folder.path("a.safetensors"))
        #expect(read == state)
    }

    @Test func whatWasNotAskedForIsNotThere() throws {
        let folder = try TemporaryFolder()
        let state = try Self.state(4, observers: [.ranges])
        try _ = state.write(to: folder.path("a.safetensors"))
        let header = try ShardHeader.read(path: folder.path("a.safetensors"), mode: .strict)
        let kinds = Set(header.tensors.compactMap { $0.name.split(separator: ".").last })
        #expect(kinds == ["tokens", "float16_overflows", "not_finite", "absmax"])
        var other = try Self.state(4)
        #expect(throws: Failure.self) { try other.read(folder.path("a.safetensors")) }
    }

    @Test func aStateTakesNoMoreThanItsEstimate() throws {
        let configuration = try fixtureConfiguration("micro")
        let state = try Self.state(1)
        let folder = try TemporaryFolder()
        let sealed = try state.write(to: folder.path("a.safetensors"))
        let estimate = CalibrationState.bytes(
            configuration, observers: Set(Observer.allCases), predicting: false)
        #expect(sealed.bytes < estimate + 1 << 17)
        #expect(estimate < sealed.bytes + 1 << 17)
    }

    /// What stands in calibration.json, what is put in its place, and what the message names.
    static let damage = [
        ("\"schema\": 2", "\"schema\": 1", "schema"),
        ("\"numerics\"", "\"numeric\"", "numeric"),
        ("\"per_octave\": 8", "\"per_octave\": 4", "per_octave"),
        ("\"ranges\"", "\"rangers\"", "observers"),
        ("\"all_experts\": false", "\"all_experts\": 0", "all_experts"),
        ("\"tool\"", "\"tools\": 1, \"tool\"", "tools"),
        ("calibration.safetensors", "../other.safetensors", "arrays.name"),
        ("{", "[", "JSON"),
        ("\"tokens\": 5", "\"tokens\": 0", "data[0].tokens"),
        ("\"tokens\": 5", "\"tokens\": 99999999", "data[0].tokens"),
        ("\"texts\": 1", "\"text\": 1", "data[0]"),
        ("calibration.arrays.zst", "/etc/passwd", "packed.name"),
        ("\"offset\": 0", "\"offset\": 8", "packed.arrays[0].offset"),
        ("\"dtype\": \"I64\"", "\"dtype\": \"I65\"", "packed.arrays[0].dtype"),
        ("\"shape\": [", "\"shape\": [4611686018427387904, 4, ", "packed.arrays[0].shape"),
        ("\"shape\": [", "\"shape\": [0, ", "packed.arrays[0].shape"),
        ("\"xxh3_128\": \"", "\"xxh3_128\": \"x", "packed.arrays[0].xxh3_128"),
    ]

    @Test(arguments: damage) func aDocumentThatSaysMoreOrLessIsRefused(
        _ old: String, _ new: String, _ names: String
    ) throws {
        let bench = try Calibrating()
        _ = try bench.state(Calibrating.texts([5]), to: "out")
        let path = bench.folder.path("out/calibration.json")
        let text = try String(contentsOfFile: path, encoding: .utf8)
        #expect(text.contains(old))
        try text.replacing(old, with: new, maxReplacements: 1).write(
            toFile: path, atomically: true, encoding: .utf8)
        do {
            _ = try CalibrationRecord.read(bench.folder.path("out"))
            Issue.record("read")
        } catch {
            #expect(error.findings.map(\.code) == [.calibrationMalformed])
            #expect(error.findings[0].text.contains(names), "\(error.findings[0].text)")
        }
    }

    @Test func arraysThatAreNotWholeAreRefused() throws {
        let bench = try Calibrating()
        _ = try bench.state(Calibrating.texts([5]), to: "out")
        let path = bench.folder.path("out/calibration.safetensors")
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        try whole.dropLast(8).write(to: URL(fileURLWithPath: path))
        #expect(throws: Failure.self) { try CalibrationRecord.read(bench.folder.path("out")) }
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: Failure.self) { try CalibrationRecord.read(bench.folder.path("out")) }
    }
}
