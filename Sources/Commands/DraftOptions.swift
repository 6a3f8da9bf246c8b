// Options that commands around draft heads share.

import ArgumentParser
import Diagnostics
import DraftHeads

extension LayerConvention: ExpressibleByArgument {}
extension HeadForm: ExpressibleByArgument {}

/// How layer ids of a head count, where its files leave that open.
struct LayerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How the head's layer ids count: after a layer (SpecForge) or entering it (vLLM).",
            valueName: "convention"))
    var layers: LayerConvention?
}

/// What is drafted.
struct DraftShapeOptions: ParsableArguments {
    /// The title of these options in the help.
    static let title = "Speculative decoding"

    @Option(help: ArgumentHelp("Tokens drafted one after another.", valueName: "count"))
    var steps = 3

    @Option(help: ArgumentHelp("Draft a tree: so many branches at each step.", valueName: "count"))
    var treeWidth: Int?

    @Option(
        help: ArgumentHelp(
            "The likeliest tokens of the tree that are checked, branches included.", valueName: "count"))
    var treeTokens: Int?

    func validate() throws {
        guard (1...64).contains(steps) else { throw ValidationError("--steps takes a number from 1 to 64") }
        guard (1...64).contains(treeWidth ?? 1) else {
            throw ValidationError("--tree-width takes a number from 1 to 64")
        }
        guard (1...1024).contains(treeTokens ?? 1) else {
            throw ValidationError("--tree-tokens takes a number from 1 to 1024")
        }
        if (treeWidth == nil) != (treeTokens == nil) {
            throw ValidationError("a tree takes both --tree-width and --tree-tokens")
        }
    }

    var shape: DraftShape {
        guard let treeWidth, let treeTokens else { return .chain(steps) }
        return .tree(depth: steps, width: treeWidth, count: treeTokens)
    }
}
