// What stops a training from inside: gradients that are no numbers, and files that are no state of it.

import Backends
import Diagnostics
import DraftHeads
import Foundation
import TestSupport
import Testing

struct TrainerFaultTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func trainer(_ example: TrainingCase) throws -> HeadTrainer {
        var recipe = try DraftProfile.named("eagle3-ling-tiny-icd").recipe
        (recipe.unrolledSteps, recipe.shards) = (4, 2)
        let trainer = HeadTrainer(example.configuration, recipe, threads: 2)
        trainer.start(masters: example.weights)
        return trainer
    }

    private func code(_ body: () throws -> Void) -> String? {
        do { try body() } catch { return (error as? Failure)?.findings.first?.code.name }
        return nil
    }

    @Test func aGradientThatIsNoNumberChangesNothing() throws {
        var example = TrainingCase()
        let trainer = try trainer(example)
        let features = example.texts[1].features.matrix
        example.texts[1].features = FloatRows(
            Matrix(
                rows: features.rows, columns: features.columns, values: [.nan] + features.values.dropFirst()))
        #expect(code { _ = try trainer.step(example.texts, rate: 1e-3) } == "DRAFT-006")
        #expect(trainer.masters.values == example.weights && trainer.steps == 0)
        #expect(trainer.first.values.allSatisfy { $0 == 0 })
        #expect(code { _ = try trainer.step(TrainingCase().texts, rate: 1e-3) } == nil)
        #expect(trainer.steps == 1)
    }

    @Test func filesThatAreNoState() throws {
        let example = TrainingCase()
        let trainer = try trainer(example)
        let path = folder.path("state")
        _ = try TrainingState.write(trainer, TrainingProgress(), best: trainer.rounded, to: path)
        let sound = try TensorFile(path)
        func read() -> String? {
            code { _ = try TrainingState.read(path, into: trainer, best: trainer.rounded) }
        }
        #expect(read() == nil)
        // Written without the format's name.
        try sound.write(path)
        #expect(read() == "DRAFT-007")
        // Of a larger head.
        var shape = TrainingCase.shape
        shape.mlpWidth += 1
        let other = try self.trainer(TrainingCase(shape))
        _ = try TrainingState.write(other, TrainingProgress(), best: other.rounded, to: path)
        #expect(read() == "DRAFT-007")
        var progress = TrainingProgress()
        progress.step = -1
        _ = try TrainingState.write(trainer, progress, best: trainer.rounded, to: path)
        #expect(read() == "DRAFT-007")
    }
}
