// The first thing every command does: open a folder and judge it by its config, from headers alone.

import Architectures
import Checkpoints
import Diagnostics
import Documents

/// A checkpoint with its inventory and everything there was to say on the way.
struct OpenedCheckpoint {
    let checkpoint: Checkpoint
    /// The inventory as the checkpoint stores it.
    let quantised: QuantisedInventory
    var inventory: TensorInventory { quantised.inventory }
    let findings: [Finding]

    /// What sidecars say about tokens does not touch the weights: carried along as it is, and said.
    private static let carriedFaults: Set<DiagnosticCode> = [
        .tokenIdImpossible, .tokenIdsDisagree, .endTokenMissing,
    ]

    /// Opens and judges a folder; throws when anything about its weights is wrong: a conversion never starts
    /// from a checkpoint that is not whole.
    init(_ folder: String) throws(Failure) {
        checkpoint = try Checkpoint.open(folder)
        let judge = CheckpointJudge(profiles: try ArchitectureProfile.all(.embedded))
        let judgement = try judge.judge(checkpoint)
        guard let quantised = judgement.match?.quantised else { throw Failure(judgement.findings) }
        self.quantised = quantised
        findings = judgement.findings.map { finding in
            guard Self.carriedFaults.contains(finding.code), finding.level == .error else { return finding }
            var finding = finding
            finding.level = .warning
            return finding
        }
        try findings.throwErrors()
    }
}
