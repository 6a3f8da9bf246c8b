// A head made ready for an engine: in the form that it reads, with layer ids that it takes for the right states, and
// with the words that start it. What an engine cannot do is data of its profile.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import ReferenceModel

/// A head for an engine.
///
/// - Checked by: HeadAttachmentTests.
package struct HeadAttachment {
    /// The head as it is to be written.
    package let document: HeadDocument
    /// What starts the engine with it.
    package let command: String
    package let findings: [Finding]

    /// The file that holds the command.
    package static let commandName = "serve.txt"

    /// - Parameters:
    ///   - head: is sound and of this target.
    ///   - places: of the target and of the head, as the command says them.
    ///   - steps: drafted tokens.
    ///   - isPatched: whether the engine was given what its release lacks.
    package init(
        _ head: HeadFile, to configuration: BailingMoeV2Configuration, for target: Target,
        places: (model: String, head: String), steps: Int, isPatched: Bool
    ) {
        let rule = target.engine.drafting
        var findings = Self.findings(head, rule, target, isPatched: isPatched)
        var document = head.document
        document.form = rule.form.flatMap(HeadForm.init) ?? head.document.form
        for (key, id) in head.document.strayTokenIds {
            let value = configuration.document[key]
            document.others[key] = value
            findings.append(
                Finding(
                    .warning, .headTokenIds, "a token id outside the vocabulary is replaced by the target's",
                    file: head.folder, field: key,
                    expected: "ids below \(configuration.vocabularySize)", found: "\(id)",
                    remedy: value == nil ? "the target's config has none: the key is left out" : nil))
        }
        if let finding = Self.writtenIds(rule, &document, target) { findings.append(finding) }
        self.document = document
        self.findings = findings
        let words = [
            "{model}": places.model, "{head}": places.head, "{steps}": "\(steps)", "{tokens}": "\(steps + 1)",
        ]
        command = words.reduce(rule.command) { $0.replacing($1.key, with: $1.value) }
    }

    private static func findings(
        _ head: HeadFile, _ rule: DraftingRule, _ target: Target, isPatched: Bool
    ) -> [Finding] {
        var findings: [Finding] = []
        if !rule.isServed {
            findings.append(
                Finding(
                    isPatched && rule.form != nil ? .warning : .error, .targetCannotDraft,
                    "this engine does not serve EAGLE3 heads for this family", target: target.name,
                    expected: "an engine with the interface", found: target.engine.title,
                    remedy: rule.form == nil
                        ? "serve with an engine that drafts: ingot profiles list"
                        : "serve with SGLang; or give this engine the interface, and --patched here",
                    cause: "\(rule.reason) (\(rule.source))"))
        }
        for feature in head.configuration.features where !rule.features.contains(feature) {
            findings.append(
                Finding(
                    .error, .targetCannotDraft, "this engine does not read a part of this head",
                    target: target.name, expected: "a head without \(feature.rawValue)",
                    found: feature.rawValue, remedy: "train a plain head for this engine", cause: rule.source)
            )
        }
        // SGLang fuses states only when they are not as wide as an embedding.
        if rule.form == HeadForm.specforge.rawValue,
            head.configuration.featureWidth == head.configuration.hiddenSize
        {
            findings.append(
                Finding(
                    .error, .targetCannotDraft, "this engine would take the states for fused ones",
                    target: target.name, expected: "a head that is not as wide as its states together",
                    found: "\(head.configuration.hiddenSize) channels",
                    remedy: "train a head of another width",
                    cause: rule.source))
        }
        return findings
    }

    /// Chooses layer ids that the engine reads as the head's states; a finding when there are none.
    private static func writtenIds(
        _ rule: DraftingRule, _ document: inout HeadDocument, _ target: Target
    ) -> Finding? {
        let points = document.configuration.auxiliaryPoints
        let after = points.compactMap(LayerConvention.after.id)
        let entering = points.compactMap(LayerConvention.entering.id)
        switch rule.layerIds {
        case .entering: document.writtenConvention = .entering
        case .after: document.writtenConvention = .after
        case .afterIfFirstIsOne: document.writtenConvention = after.first == 1 ? .after : .entering
        }
        let ids = document.writtenConvention == .after ? after : entering
        let isRead =
            rule.layerIds != .afterIfFirstIsOne || (ids.first == 1) == (document.writtenConvention == .after)
        guard ids.count != points.count || !isRead else { return nil }
        return Finding(
            .error, .targetCannotDraft, "this engine has no layer ids for the states of this head",
            field: "eagle_aux_hidden_state_layer_ids", target: target.name,
            expected: "states after layers \(after)",
            found: "ids that count \(rule.layerIds.rawValue)", remedy: "train a head on the usual layers",
            cause: rule.source)
    }
}

extension HeadConfiguration {
    /// What is not plain about the head.
    package var features: [HeadFeature] {
        var features: [HeadFeature] = []
        if normBeforeResidual { features.append(.normBeforeResidual) }
        if inputNorm == .joined { features.append(.joinedInputNorm) }
        if inputNorm == .each { features.append(.inputNorms) }
        if feedsNormed { features.append(.feedsNormed) }
        if featureCount != 3 { features.append(.otherStateCounts) }
        if targetHiddenSize != hiddenSize { features.append(.otherWidth) }
        return features
    }
}
