// The forward pass of both sides over the same texts, batch by batch.

import Diagnostics
import Tokenisation

/// Runs two sides at once and compares all they show.
struct ForwardComparison {
    let left: ParitySide
    let right: ParitySide
    let tieMargin: Double
    /// Tokens of one batch, about: a longer text is a batch of its own.
    let batchTokens: Int

    /// Compares all texts.
    func run(_ rows: [TokenRow], progress: any ProgressSink) throws(Failure) -> Differences {
        var result = Differences()
        let batches = Self.batches(rows, batchTokens)
        progress.begin(stage: "forward", total: batches.count * layerCount, unit: .layers)
        defer { progress.end() }
        for batch in batches { try run(batch, into: &result, progress) }
        return result
    }

    private func run(
        _ batch: [TokenRow], into result: inout Differences, _ progress: any ProgressSink
    ) throws(Failure) {
        let (leftQueue, rightQueue) = (EventQueue(), EventQueue())
        let predicting = hasPrediction
        let (left, right) = (left, right)
        leftQueue.start { queue throws(Failure) in
            try left.play(batch, predicting: predicting, into: queue)
        }
        rightQueue.start { queue throws(Failure) in
            try right.play(batch, predicting: predicting, into: queue)
        }
        var comparison = BatchComparison(batch, tieMargin: tieMargin)
        var failure: Failure?
        do throws(Failure) {
            try comparison.run(leftQueue, rightQueue, into: &result, progress)
        } catch {
            failure = error
        }
        // Both ends are awaited whatever happened: a side must not run on behind a report.
        do throws(Failure) { try leftQueue.finish() } catch { failure = failure ?? error }
        do throws(Failure) { try rightQueue.finish() } catch { failure = failure ?? error }
        if let failure { throw failure }
        comparison.finish(into: &result)
    }

    /// Layers that both sides show; at least one, for the sake of progress.
    private var layerCount: Int {
        let counts = [left, right].compactMap { side in
            side.model?.configuration.layerCount ?? side.recording?.layers.count
        }
        return max(1, counts.min() ?? 1)
    }

    /// Whether both sides have a prediction layer.
    private var hasPrediction: Bool {
        guard let a = left.model, let b = right.model else { return false }
        return a.configuration.predictionLayer != nil && b.configuration.predictionLayer != nil
    }

    /// Texts in the order given, as many to a batch as fit.
    static func batches(_ rows: [TokenRow], _ limit: Int) -> [[TokenRow]] {
        var batches: [[TokenRow]] = []
        var used = 0
        for row in rows {
            if batches.isEmpty || used + row.tokens.count > limit {
                batches.append([])
                used = 0
            }
            batches[batches.count - 1].append(row)
            used += row.tokens.count
        }
        return batches
    }
}
