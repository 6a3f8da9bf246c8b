// What a training needs to go on to the last bit: masters, AdamW's means, the best weights so far and a few numbers, as
// one safetensors file.

import Checkpoints
import Diagnostics
import Tensors

/// Where a training stands, apart from the arrays.
package struct TrainingProgress: Equatable, Sendable {
    /// Optimiser steps done.
    package var step = 0
    /// Seconds spent, of earlier runs too; what --minutes counts.
    package var seconds = 0.0
    /// The best evaluation so far: its step and acceptance length.
    package var best: (step: Int, length: Double)?
    /// Evaluations since then.
    package var stale = 0

    package init() {}

    package static func == (a: TrainingProgress, b: TrainingProgress) -> Bool {
        a.step == b.step && a.seconds == b.seconds && a.stale == b.stale && a.best?.step == b.best?.step
            && a.best?.length == b.best?.length
    }
}

/// The file of a training's state.
package enum TrainingState {
    /// Its name in a finished output: engines load every *.safetensors of a folder.
    package static let fileName = "training.state"
    private static let kind = "ingot-draft-training"
    private static let arrays = ["masters", "first", "second", "best"]

    /// Writes the state of a trainer; the same state gives the same bytes.
    ///
    /// - Parameter best: the best weights so far; the rounded masters when there are none.
    package static func write(
        _ trainer: HeadTrainer, _ progress: TrainingProgress, best: FloatRows, to path: String
    ) throws(Failure) -> WriteBehind.Sealed {
        let count = trainer.masters.columns
        let descriptions = arrays.map { TensorDescription(name: $0, dtype: .f32, shape: [count]) }
        var pairs = [("format", kind), ("step", "\(progress.step)"), ("stale", "\(progress.stale)")]
        pairs.append(("seconds", "\(progress.seconds)"))
        if let best = progress.best {
            pairs += [("best_step", "\(best.step)"), ("best_length", "\(best.length)")]
        }
        let header: [UInt8]
        do throws(HeaderError) {
            header = try ShardHeader.written(
                descriptions, metadata: pairs.map { ShardHeader.Pair(key: $0.0, value: $0.1) }
            ).bytes
        } catch { throw Failure(error.finding(file: path)) }
        let rows = [trainer.masters, trainer.first, trainer.second, best]
        let piece = 1 << 18
        let pieces = sequence(state: (array: -1, offset: 0)) { place -> [UInt8]? in
            if place.array < 0 {
                place.array = 0
                return header
            }
            guard place.array < rows.count else { return nil }
            let length = min(piece, count - place.offset)
            let bytes = UnsafeRawBufferPointer(
                start: rows[place.array].base + place.offset, count: length * 4)
            place.offset += length
            if place.offset == count { place = (place.array + 1, 0) }
            return Array(bytes)
        }
        return try FileAccess.writeSealed(data: pieces, to: path)
    }

    /// Fills a trainer, and the best weights, from a file.
    ///
    /// - Throws: DRAFT-007 for a file that is of no training, or of another head.
    package static func read(
        _ path: String, into trainer: HeadTrainer, best: FloatRows
    ) throws(Failure) -> TrainingProgress {
        let header = try ShardHeader.read(path: path, mode: .strict)
        let count = trainer.masters.columns
        let rows = [trainer.masters, trainer.first, trainer.second, best]
        guard header.metadata("format") == kind, header.tensors.count == arrays.count else {
            throw malformed(path, "a state of a draft head's training", "another file")
        }
        for (name, target) in zip(arrays, rows) {
            guard let record = header.tensors.first(where: { $0.name == name }), record.dtype == .f32,
                record.shape == [count]
            else { throw malformed(path, "\(name) F32 [\(count)]", "no such array") }
            let step = 1 << 20
            for offset in stride(from: 0, to: count * 4, by: step) {
                let length = min(step, count * 4 - offset)
                let start = record.dataRange.lowerBound + offset
                let bytes = try FileAccess.read(path, range: start..<start + length)
                UnsafeMutableRawBufferPointer(
                    start: UnsafeMutableRawPointer(target.base) + offset, count: length
                )
                .copyBytes(from: bytes)
            }
        }
        var progress = TrainingProgress()
        guard let step = header.metadata("step").flatMap(Int.init),
            let stale = header.metadata("stale").flatMap(Int.init),
            let seconds = header.metadata("seconds").flatMap(Double.init), step >= 0, stale >= 0
        else { throw malformed(path, "step, stale and seconds in the metadata", "none") }
        (progress.step, progress.stale, progress.seconds) = (step, stale, seconds)
        if let step = header.metadata("best_step").flatMap(Int.init),
            let length = header.metadata("best_length").flatMap(Double.init)
        {
            progress.best = (step, length)
        }
        trainer.resume(atStep: step)
        return progress
    }

    private static func malformed(_ path: String, _ expected: String, _ found: String) -> Failure {
        Failure(
            Finding(
                .error, .trainingStateMalformed, "this is no state of this training", file: path,
                expected: expected, found: found, remedy: "--replace to start over"))
    }
}
