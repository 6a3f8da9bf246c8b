// Everything that config, headers and sidecars of a checkpoint say about each other, collected.

import Checkpoints
import Diagnostics
import Documents

/// What was found about a checkpoint without reading a weight.
package struct CheckpointJudgement: Sendable {
    /// Nil when the config allows none; then headers were not judged.
    package let configuration: BailingMoeV2Configuration?
    /// Which header belongs to which inventory entry; nil without a configuration.
    package let match: InventoryMatch?
    /// The ledger that follows from the config, quantisation included.
    package let expected: Ledger
    /// The ledger of the headers.
    package let found: Ledger
    /// The released model of these sizes.
    package let profile: ArchitectureProfile?
    /// Everything found: config, token ids, tensors, codes and scales.
    package let findings: [Finding]

    /// Whether the checkpoint is the recognised model to the last parameter.
    ///
    /// A quantised checkpoint is exact when every weight of the model is there with its shape.
    package var isExact: Bool {
        guard let profile, let match, !findings.contains(where: { $0.level == .error }) else { return false }
        return profile.agrees(Ledger(match.quantised.inventory.withoutPrediction))
    }
}

/// Judges a checkpoint by its config.
///
/// - Checked by: CheckpointJudgeTests.
package struct CheckpointJudge: Sendable {
    private let profiles: [ArchitectureProfile]

    /// - Parameter profiles: released models to recognise.
    package init(profiles: [ArchitectureProfile] = []) { self.profiles = profiles }

    /// Judges config, headers and sidecars.
    ///
    /// - Parameters:
    ///   - config: config.json.
    ///   - headers: every header of the checkpoint.
    ///   - sidecars: the files that say something about tokens.
    /// - Complexity: one lookup a header; a few milliseconds for 24,161 tensors.
    package func judge(
        config: JSONValue, headers: HeaderView, sidecars: Sidecars = Sidecars()
    ) -> CheckpointJudgement {
        let reading = BailingMoeV2Configuration.read(config)
        guard let configuration = reading.configuration else {
            return CheckpointJudgement(
                configuration: nil, match: nil, expected: Ledger(), found: Ledger(), profile: nil,
                findings: reading.findings)
        }
        let match = InventoryMatch(QuantisedInventory(TensorInventory(configuration)), headers)
        let findings =
            reading.findings + TokenIdAudit.findings(configuration, sidecars)
            + ArchitectureAudit.findings(match) + QuantisationAudit.findings(match)
        return CheckpointJudgement(
            configuration: configuration, match: match, expected: Ledger(match.quantised),
            found: match.ledger, profile: profiles.first { $0.describes(configuration) }, findings: findings)
    }

    /// Judges an opened checkpoint; its own findings come first.
    package func judge(_ checkpoint: Checkpoint) throws(Failure) -> CheckpointJudgement {
        let file = "config.json"
        let bytes = try FileAccess.read(checkpoint.path(of: file), limit: Sidecars.sizeLimit)
        let config: JSONValue
        do { config = try JSONValue(parsing: bytes) } catch {
            throw Failure(Finding(error, code: .configMalformed, file: file))
        }
        let (sidecars, unreadable) = Sidecars.read(checkpoint)
        let judgement = judge(config: config, headers: HeaderView(checkpoint), sidecars: sidecars)
        return CheckpointJudgement(
            configuration: judgement.configuration, match: judgement.match, expected: judgement.expected,
            found: judgement.found, profile: judgement.profile,
            findings: checkpoint.findings + unreadable + judgement.findings)
    }
}

extension TensorInventory {
    /// The same model without its prediction layer, as chat releases have it.
    var withoutPrediction: TensorInventory {
        guard configuration.predictionLayerCount > 0 else { return self }
        var chat = configuration
        chat.predictionLayerCount = 0
        return TensorInventory(chat)
    }
}
