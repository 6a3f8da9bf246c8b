// A head judged on texts without decoding: how often its first guess is the target's own, from the layers that its
// config names and from the ones before and after; and how much of the text it could draft at all. Misread layer
// ids crash nothing: this is where they show.

import Backends
import Diagnostics
import ReferenceModel

/// What texts showed of a head.
///
/// - Checked by: HeadAuditTests.
package struct TextAudit: Sendable {
    /// First guesses from one choice of layers.
    package struct Layers: Sendable {
        /// How far from the stated ones: −1, 0, 1.
        package let shift: Int
        package let points: [AuxiliaryPoint]
        /// Share of positions where the head's likeliest token is the target's.
        package let accuracy: Estimate
        /// How much larger that is than from the stated layers, over the same positions.
        package let advantage: Estimate
    }

    /// The stated layers first.
    package let layers: [Layers]
    /// Share of the text's tokens in the draft vocabulary.
    package let coverage: Estimate
    /// Share of the target's likeliest tokens in the draft vocabulary.
    package let choiceCoverage: Estimate

    /// Reads texts of at least three tokens, one at a time: the longest decides the memory.
    ///
    /// - Throws: DRAFT-052 when no text is long enough.
    init(_ head: HeadFile, _ texts: [[Int]], pass: ForwardPass) throws(Failure) {
        let drafts = try HeadPass(head, target: pass.weights, backend: pass.backend)
        let choices = [0, -1, 1].compactMap { shift -> (Int, [AuxiliaryPoint])? in
            let places = head.configuration.auxiliaryPoints.map { ($0.afterLayer ?? -1) + shift }
            let isThere = places.allSatisfy { $0 >= -1 && $0 < pass.configuration.layerCount }
            return isThere ? (shift, places.map { .entering(layer: $0 + 1) }) : nil
        }
        let ids = Set(head.vocabulary.targetIds)
        var right = choices.map { _ in ClusteredMean() }
        var more = choices.map { _ in ClusteredMean() }
        var (covered, chosen) = (ClusteredMean(), ClusteredMean())
        for text in texts where text.count >= 3 {
            let taps = choices.map { AuxiliaryStates($0.1) }
            let reader = LogitReader(isGreedy: true)
            try pass.run([TokenSequence(text)], logits: .all, taps: [reader] + taps)
            let said = reader.choices.map(\.choice)
            covered.add(text.map { ids.contains($0) ? 1 : 0 })
            chosen.add(said.map { ids.contains($0) ? 1 : 0 })
            var stated: [Double] = []
            for (index, tap) in taps.enumerated() {
                guard let states = tap.joined else { continue }
                // Position t holds the states of token t and token t + 1, and guesses what the target says then.
                let rows = 0..<text.count - 1
                let (_, normed) = try drafts.run([
                    HeadSequence(
                        tokens: Array(text.dropFirst()), states: drafts.fuse(states.rows(rows)),
                        memory: drafts.memory())
                ])
                let logits = drafts.logits(normed)
                let hits = rows.map { row in
                    head.vocabulary.targetIds[likeliest(logits.row(row))] == said[row + 1] ? 1.0 : 0
                }
                if index == 0 { stated = hits }
                right[index].add(hits)
                more[index].add(zip(hits, stated).map(-))
            }
        }
        guard let coverage = covered.estimate, let choiceCoverage = chosen.estimate else {
            throw Failure(
                Finding(
                    .error, .nothingToMeasure, "no text is long enough to guess on",
                    expected: "a text of three tokens", found: "\(texts.count) shorter ones",
                    remedy: "give other texts"))
        }
        self.coverage = coverage
        self.choiceCoverage = choiceCoverage
        layers = choices.indices.compactMap { index in
            guard let accuracy = right[index].estimate, let advantage = more[index].estimate else {
                return nil
            }
            return Layers(
                shift: choices[index].0, points: choices[index].1, accuracy: accuracy, advantage: advantage)
        }
    }

    func findings(_ head: HeadFile, _ profile: AuditProfile) -> [Finding] {
        var findings: [Finding] = []
        if coverage.mean < profile.leastCoverage {
            findings.append(
                Finding(
                    .warning, .coverageLow, "the draft vocabulary leaves out much of this text",
                    file: head.folder, tensor: HeadForm.offsetsName,
                    expected: "at least \(decimals(100 * profile.leastCoverage, 1)) % of its tokens",
                    found: "\(decimals(100 * coverage.mean, 1)) %",
                    remedy: "choose the vocabulary on texts like those that will be served"))
        }
        guard let stated = layers.first else { return findings }
        let best = layers.max { $0.accuracy.mean < $1.accuracy.mean } ?? stated
        if best.accuracy.mean < profile.leastAccuracy {
            findings.append(
                Finding(
                    .warning, .layersDoubtful,
                    "the head is hardly ever right, so its layers cannot be judged",
                    file: head.folder,
                    expected: "first guesses that are right in at least "
                        + "\(decimals(100 * profile.leastAccuracy, 0)) % of positions",
                    found: "\(decimals(100 * best.accuracy.mean, 1)) % at best",
                    remedy: "was it trained for this target?"))
        } else if best.shift != 0 {
            findings.append(elsewhere(head, stated, best))
        }
        return findings
    }

    /// What to say of a choice of layers from which more guesses were right: an error only beyond chance.
    private func elsewhere(_ head: HeadFile, _ stated: Layers, _ best: Layers) -> Finding {
        let isProven = best.advantage.halfWidth.map { best.advantage.mean > $0 } ?? false
        let meant: LayerConvention = best.shift < 0 ? .entering : .after
        let mend =
            head.document.layerIds.convention == meant
            ? "name the layers that the head was trained with" : "--layers \(meant.rawValue)"
        return Finding(
            isProven ? .error : .note, .layersDoubtful,
            isProven
                ? "the head guesses better from other layers than its config names"
                : "these texts do not tell the stated layers from the ones beside them",
            file: head.folder, field: "eagle_aux_hidden_state_layer_ids",
            expected: "the best guesses from the stated layers, here \(share(stated))",
            found: "\(share(best)) from the states after layers \(best.points.map { $0.afterLayer ?? -1 })",
            remedy: isProven ? mend : "more texts: --tokens")
    }

    private func share(_ layers: Layers) -> String { "\(decimals(100 * layers.accuracy.mean, 1)) %" }
}
