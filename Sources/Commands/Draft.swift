// ingot draft: EAGLE3 draft heads.

import ArgumentParser

/// The commands around draft heads.
struct Draft: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train, measure, convert, attach and audit EAGLE3 draft heads.",
        discussion: """
            A draft head guesses a few tokens ahead of its target, which then checks them all in one pass: the \
            text is the same, and comes sooner.

            Example:
              ingot draft train Ling-flash-2.0 --data texts.jsonl --output head
              ingot draft measure Ling-flash-2.0 head --data prompts.jsonl
              ingot draft attach FP8 head --target sglang-0.5.6/h200-141g --output served
            """,
        subcommands: [
            DraftTrain.self, DraftFeatures.self, DraftMeasure.self, DraftConvert.self, DraftAttach.self,
            DraftAudit.self,
        ])
}
