// ingot shard: plan topologies, lay an artefact out for one, put it back.

import ArgumentParser

/// Lays artefacts out over devices.
struct Shard: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Plan a topology, lay a checkpoint out for it, and put it back.",
        usage: """
            ingot shard CHECKPOINT --topology tp4-dp2-ep8 --output DIR
            ingot shard plan CHECKPOINT --target ENGINE/DEVICE
            ingot shard gather FOLDER --output DIR
            """,
        discussion: """
            A topology is written tp4-dp2-ep8-pp2: TP cuts attention, DP copies it, EP divides the experts over \
            TP × DP, PP divides the layers. The words are the same for every engine.

            Example:
              ingot shard plan FP8 --target vllm-0.33.0/h20-96g --devices 4
              ingot shard FP8 --topology dp2-ep2 --output FP8-dp2
            """,
        subcommands: [ShardWrite.self, ShardPlan.self, ShardGather.self], defaultSubcommand: ShardWrite.self)
}
