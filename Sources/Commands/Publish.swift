// ingot publish: release folders for the hubs.

import ArgumentParser

/// The commands about releases.
struct Publish: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make, judge and verify a folder that can be uploaded to Hugging Face and ModelScope.",
        discussion: """
            Uploading stays with `hf upload` and `modelscope upload`; prepare prints the exact commands.

            Example:
              ingot verify Ling-flash-2.0 FP8 --data texts.jsonl --json > parity.json
              ingot publish prepare FP8 --output release --parity parity.json \\
                --base Ling-flash-2.0 --base-model inclusionAI/Ling-flash-2.0
              ingot publish check release
            """,
        subcommands: [PublishPrepare.self, PublishCheck.self, PublishVerify.self])
}
