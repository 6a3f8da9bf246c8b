// ingot draft: EAGLE3 draft heads.

import ArgumentParser

/// The commands around draft heads.
struct Draft: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train, measure, convert, attach and audit EAGLE3 draft heads.",
        discussion: """
            A draft head guesses a few tokens ahead of its target, which then checks them all in one pass: the \
            text is the same, and comes sooner.
            """,
        subcommands: [
            DraftTrain.self, DraftFeatures.self, DraftMeasure.self, DraftConvert.self, DraftAttach.self,
            DraftAudit.self,
        ])
}
