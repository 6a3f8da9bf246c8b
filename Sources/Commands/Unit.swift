// ingot unit: the parts of a plan, done by as many processes as there are.

import ArgumentParser

/// The commands of a shared plan.
struct Unit: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Do the units of a plan on many machines, and merge them.",
        usage: """
            ingot quantise CHECKPOINT --output DIR --units plan.json
            ingot unit run plan.json --index I --count N
            ingot unit merge plan.json
            """,
        discussion: """
            quantise, dequantise, shard, shard gather and publish prepare write a plan with --units. The machines \
            need one file system and nothing else: a worker may be killed, started again, or started twice.

            The output is that of the same command without --units, to the last byte.

            Example:
              ingot quantise Ling-flash-2.0 --output FP8-units --units plan.json
              ingot unit run plan.json --index 0 --count 2
              ingot unit run plan.json --index 1 --count 2
              ingot unit merge plan.json
            """,
        subcommands: [UnitRunCommand.self, UnitMerge.self, UnitList.self])
}

/// The plan that every one of these commands takes.
struct UnitPlanArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp("What a command wrote with --units.", valueName: "plan.json"), completion: .record)
    var plan: String
}
