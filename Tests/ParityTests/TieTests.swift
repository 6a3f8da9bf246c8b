// Choices of experts that are a rounding error apart: either is right, what follows is not judged, and a comparison
// that judged nothing does not pass.

import Diagnostics
import Foundation
import Parity
import TestSupport
import Testing

struct TieTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The fixture with routers that find all experts alike but for a lead that grows with their number.
    private func alike(_ name: String, lead: Float) throws -> ModelSide {
        var damage = try CheckpointDamage(Repository.checkpoint("micro"))
        for part in ["mlp.gate.weight", "mlp.gate.expert_bias"] {
            try damage.edit(all: part) { values in
                for index in values.indices {
                    values[index] = part.hasSuffix("bias") ? Float(index) * lead : 0
                }
            }
        }
        return try model(try damage.write(folder.path(name)))
    }

    /// A recording by one model, with continuations that are those of no model.
    private func recording(_ side: ModelSide, greedy: [Int]) throws -> ParitySide {
        let rows = try #require(try golden("micro").recording).rows
        _ = try RunRecorder(model: side, rows: rows).write(
            to: folder.path("recording"), progress: SilentProgress())
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("recording"))
        let name = try #require(names.first { $0.hasSuffix(".safetensors") })
        var file = try TensorFile(folder.path("recording/\(name)"))
        for row in rows { file["\(row.name).greedy"] = .init(greedy, [greedy.count]) }
        try file.write(folder.path("made.safetensors"))
        return .recorded(try RecordedRun.open(folder.path("made.safetensors")))
    }

    @Test func nothingAfterATieIsJudged() throws {
        let recorded = try recording(try alike("left", lead: 1e-7), greedy: [1, 2, 3])
        let right = ParitySide.model(try alike("right", lead: -1e-7))
        let result = try compare(recorded, right, [.forward, .greedy])
        #expect(result.findings.map(\.code) == [.outputsUnjudged], "\(result.told)")
        #expect(!result.passed && result.differences?.outputs.count == 0)
        // Neither are continuations, of which any would be right.
        #expect(result.continuations.count { $0.isTie } > 2)
        #expect(result.continuations.allSatisfy { !$0.isDifferent })
    }

    @Test func tokensAsLikelyAsEachOtherMayChangePlaces() throws {
        var damage = try CheckpointDamage(Repository.checkpoint("micro"))
        try damage.edit("lm_head.weight") { $0 = $0.map { _ in 0 } }
        let side = try model(try damage.write(folder.path("flat")))
        let result = try compare(try recording(side, greedy: [1, 2, 3]), .model(side), [.forward, .greedy])
        #expect(result.passed && result.findings.isEmpty, "\(result.told)")
        #expect(result.continuations.allSatisfy { $0.firstDifference == 0 && $0.isTie })
    }

    @Test func aClearChoiceExcusesNothing() throws {
        let recorded = try recording(try alike("left", lead: 1e-2), greedy: [1, 2, 3])
        let result = try compare(recorded, .model(try alike("right", lead: -1e-2)), [.forward, .greedy])
        let codes = Set(result.findings.map(\.code))
        #expect(
            codes.isSuperset(of: [.routesDiffer, .outputsDiffer, .continuationsDiffer]), "\(result.told)")
        #expect(result.continuations.allSatisfy { !$0.isTie })
    }
}
