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
        #expect(throws: Failure.self) { try other.merge(state) }
        #expect(throws: Failure.self) { try other.read(folder.path("a.safetensors")) }
    }

    @Test func mergingIsCommutativeAndExact() throws {
        let (a, b) = (try Self.state(1), try Self.state(2))
        var ab = a
        try ab.merge(b)
        var ba = b
        try ba.merge(a)
        #expect(ab == ba)
        #expect(ab != a)
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
}
