// Features on line: one pass of the target over the texts of a step gives the states that the head fuses, the
// embeddings of the tokens and the target's own distributions. A pass streams the target layer by layer; logits are
// taken a strip of the vocabulary at a time and only where something is learnt, and of a strip only the columns of
// the draft vocabulary are kept.

import Backends
import Diagnostics
import ReferenceModel

/// Makes what a head learns from.
package protocol FeatureSource: AnyObject {
    /// One sequence for each text.
    func sequences(_ texts: [TrainingText]) throws(Failure) -> [TrainingSequence]
}

/// Features from a target in this process.
///
/// - Checked by: FeatureCacheTests, TrainingRunTests.
package final class TargetFeatures: FeatureSource {
    private let pass: ForwardPass
    private let points: [AuxiliaryPoint]
    private let vocabulary: DraftVocabulary
    private let workers: Workers

    package init(
        _ pass: ForwardPass, points: [AuxiliaryPoint], vocabulary: DraftVocabulary, threads: Int
    ) {
        self.pass = pass
        self.points = points
        self.vocabulary = vocabulary
        workers = Workers(count: threads)
    }

    package func sequences(_ texts: [TrainingText]) throws(Failure) -> [TrainingSequence] {
        guard !texts.isEmpty else { return [] }
        let tap = FeatureTap(texts, points, vocabulary, pass.configuration.hiddenSize, workers)
        try pass.run(
            texts.map { TokenSequence($0.tokens) }, logits: .some(tap.judgedRows), taps: [tap])
        return tap.finish()
    }
}
