// Options that replace numbers of a training's profile.

import ArgumentParser
import DraftHeads

/// What of a recipe can be said on the command line.
struct RecipeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Optimiser steps.", valueName: "count"))
    var steps: Int?

    @Option(help: ArgumentHelp("Rounds through the data, in place of --steps.", valueName: "number"))
    var epochs: Double?

    @Option(
        help: ArgumentHelp(
            "Minutes to train, in place of --steps; the result then depends on the machine.",
            valueName: "number"))
    var minutes: Double?

    @Option(help: ArgumentHelp("Texts of one step.", valueName: "count"))
    var batch: Int?

    @Option(
        help: ArgumentHelp(
            "Passes that a step's texts are cut into, one after another, for less memory.", valueName: "count"
        ))
    var accumulation: Int?

    @Option(
        help: ArgumentHelp(
            "Parts of a step's texts whose gradients are summed in a fixed order.", valueName: "count"))
    var shards: Int?

    @Option(help: ArgumentHelp("Tokens of a text; the rest is cut off.", valueName: "count"))
    var length: Int?

    @Option(
        help: ArgumentHelp(
            "Learn every token of random pieces of so many tokens, in place of the answers of rows.",
            valueName: "count"))
    var crop: Int?

    @Option(help: ArgumentHelp("The learning rate at its peak.", valueName: "number"))
    var rate: Double?

    @Option(help: ArgumentHelp("The seed of weights and order.", valueName: "number"))
    var seed: Int?

    @Option(help: ArgumentHelp("Steps from one evaluation to the next.", valueName: "steps"))
    var evaluateEvery: Int?

    @Option(
        help: ArgumentHelp(
            "Evaluations that are no better before the training ends; 0 for none.", valueName: "count"))
    var patience: Int?

    @Option(help: ArgumentHelp("Steps from one sealed state to the next.", valueName: "steps"))
    var sealEvery: Int?

    @Option(help: ArgumentHelp("Steps from one line of the log to the next.", valueName: "steps"))
    var logEvery: Int?

    func validate() throws {
        let numbers = [
            ("steps", steps), ("batch", batch), ("accumulation", accumulation), ("shards", shards),
            ("evaluate-every", evaluateEvery), ("seal-every", sealEvery), ("log-every", logEvery),
        ]
        for case (let name, let value?) in numbers where value < 1 {
            throw ValidationError("--\(name) takes a number above 0")
        }
        for case (let name, let value?) in [("length", length), ("crop", crop)] where value < 3 {
            throw ValidationError("--\(name) takes a number of tokens, 3 at least")
        }
        for case (let name, let value?) in [("epochs", epochs), ("minutes", minutes), ("rate", rate)]
        where !(value > 0 && value.isFinite) {
            throw ValidationError("--\(name) takes a number above 0")
        }
        guard patience ?? 0 >= 0 else { throw ValidationError("--patience takes a number from 0") }
        let lengths = [
            steps.map { _ in "--steps" }, epochs.map { _ in "--epochs" }, minutes.map { _ in "--minutes" },
        ]
        let given = lengths.compactMap { $0 }
        guard given.count < 2 else {
            throw ValidationError("\(given.joined(separator: " and ")) say two lengths; give one")
        }
    }

    var mode: TextMode { crop.map { .crops(length: $0) } ?? .conversations }

    /// Replaces what was given.
    var change: @Sendable (inout TrainingRecipe) -> Void {
        let (steps, batch, accumulation, shards) = (steps, batch, accumulation, shards)
        let (length, crop, rate, seed) = (length, crop, rate, seed)
        let (evaluateEvery, patience, sealEvery, logEvery) = (evaluateEvery, patience, sealEvery, logEvery)
        return { recipe in
            recipe.steps = steps ?? recipe.steps
            recipe.batch = batch ?? recipe.batch
            recipe.accumulation = accumulation ?? recipe.accumulation
            recipe.shards = shards ?? recipe.shards
            recipe.length = length ?? max(recipe.length, crop ?? 0)
            recipe.learningRate = rate ?? recipe.learningRate
            recipe.seed = seed ?? recipe.seed
            recipe.evaluateEvery = evaluateEvery ?? recipe.evaluateEvery
            recipe.patience = patience ?? recipe.patience
            recipe.sealEvery = sealEvery ?? recipe.sealEvery
            recipe.logEvery = logEvery ?? recipe.logEvery
        }
    }
}
