// Recordings changed at random: refused or soundly compared, never a trap.

import Diagnostics
import Parity
import TestSupport
import Testing

struct RecordingMutationTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Random changes of names, shapes, types and bytes: an error or a comparison.
    @Test func mutations() throws {
        var good = try TensorFile(Repository.checkpoint("micro") + "/golden/float32.safetensors")
        for name in good.tensors.keys where name.hasPrefix("len120") { good[name] = nil }
        try good.write(folder.path("good.safetensors"))
        let left = ParitySide.recorded(try RecordedRun.open(folder.path("good.safetensors")))
        var generator = SeededGenerator(seed: 5)
        var (refused, compared) = (0, 0)
        for _ in 0..<400 {
            var file = good
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let names = file.tensors.keys.sorted()
                let name = names[Int.random(in: names.indices, using: &generator)]
                guard var tensor = file[name] else { continue }
                switch Int.random(in: 0..<6, using: &generator) {
                case 0: file[name] = nil
                case 1:
                    file[name] = nil
                    file[names[Int.random(in: names.indices, using: &generator)]] = tensor
                case 2:
                    tensor.shape = [tensor.shape.reduce(1, *)]
                    file[name] = tensor
                case 3:
                    tensor.shape = tensor.shape.reversed()
                    file[name] = tensor
                case 4:
                    (tensor.dtype, tensor.shape) = (.i32, [tensor.bytes.count / 4])
                    file[name] = tensor
                default:
                    for _ in 0..<8 {
                        let place = Int.random(in: tensor.bytes.indices, using: &generator)
                        tensor.bytes[place] = UInt8.random(in: 0...255, using: &generator)
                    }
                    file[name] = tensor
                }
            }
            try file.write(folder.path("mutant.safetensors"))
            let error = failure {
                let right = try RecordedRun.open(folder.path("mutant.safetensors"))
                let common = right.rows.filter { row in left.recording?.rows.contains(row) ?? false }
                guard !common.isEmpty else { return }
                _ = try compare(left, .recorded(right), [.forward], rows: common)
                compared += 1
            }
            if let error {
                refused += 1
                #expect(
                    error.findings.allSatisfy { [.recordingMalformed, .nothingToCompare].contains($0.code) })
            }
        }
        #expect(refused > 20 && compared > 50, "\(refused) refused, \(compared) compared")
    }
}
