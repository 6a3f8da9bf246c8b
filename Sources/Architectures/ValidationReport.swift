// The answer of `ingot validate`: every finding, then one line that says yes or no.

import Diagnostics
import Documents

/// Findings about a checkpoint with the verdict they add up to.
package struct ValidationReport: Sendable {
    /// The version of the document form.
    package static let schema = 1

    /// The checkpoint as the user named it.
    package let checkpoint: String
    /// The target it was judged for.
    package let target: String?
    /// All findings: of the judgement, the scales and the target, in that order.
    package let findings: [Finding]
    private let judgement: CheckpointJudgement

    /// - Parameters:
    ///   - judgement: of config, headers and sidecars.
    ///   - audit: of the scale values, when they were read.
    ///   - target: to judge for; adds its findings.
    package init(
        checkpoint: String, judgement: CheckpointJudgement, audit: ScaleAudit? = nil, target: Target? = nil
    ) {
        self.checkpoint = checkpoint
        self.target = target?.name
        self.judgement = judgement
        var findings = judgement.findings
        if let audit, let layout = judgement.configuration?.quantisation.fp8 {
            findings += audit.findings(layout)
        }
        if let target, let configuration = judgement.configuration {
            findings += target.findings(configuration)
            if let quantised = judgement.match?.quantised,
                let scheme = SchemeDescription(quantised, scales: audit?.kind)
            {
                findings += target.findings(scheme, .judging)
            }
        }
        self.findings = findings
    }

    /// Whether nothing speaks against the checkpoint.
    package var passes: Bool { !findings.contains { $0.level == .error } }

    /// How many findings of a level there are; a line for many counts once.
    package func count(_ level: Finding.Level) -> Int { findings.count { $0.level == level } }

    /// `done`, or `refused` when the check says no.
    package var exit: ExitStatus { passes ? .done : .refused }

    /// One line: what the checkpoint is, or that it is not sound.
    package var verdict: String {
        let place = target.map { " for \($0)" } ?? ""
        guard passes else {
            return
                "not valid\(place): \(counted(count(.error), "error")), \(counted(count(.warning), "warning"))"
        }
        let remarks = count(.warning) > 0 ? ", \(counted(count(.warning), "warning"))" : ""
        let what =
            if let profile = judgement.profile, judgement.isExact {
                "this is \(profile.title): exact"
            } else if let profile = judgement.profile {
                "this has the sizes of \(profile.title)"
            } else {
                "a BailingMoeV2 checkpoint of no released size"
            }
        return "valid\(place): \(what), \(judgement.found.summary)\(remarks)"
    }

    /// The findings, then the verdict.
    package var text: String {
        (findings.map(\.text) + [verdict]).joined(separator: "\n\n")
    }

    /// The document form.
    package var document: JSONValue {
        [
            "schema": .integer(Self.schema), "checkpoint": .string(checkpoint), "target": .optional(target),
            "valid": .bool(passes), "verdict": .string(verdict),
            "architecture": .optional(judgement.profile?.name), "exact": .bool(judgement.isExact),
            "counts": [
                "error": .integer(count(.error)), "warning": .integer(count(.warning)),
                "note": .integer(count(.note)),
            ],
            "expected": judgement.expected.document, "found": judgement.found.document,
            "findings": .array(findings.map(\.document)),
        ]
    }
}

/// `1 error`, `2 errors`.
private func counted(_ count: Int, _ word: String) -> String {
    "\(grouped(count)) \(word)\(count == 1 ? "" : "s")"
}
