// Options that replace numbers of a training's profile.

import ArgumentParser
import DraftHeads

/// What of a recipe can be said on the command line.
struct RecipeOptions: ParsableArguments {
    @Option(help: "Optimiser steps.")
    var steps: Int?

    @Option(help: "Rounds through the data, in place of --steps.")
    var epochs: Double?

    @Option(help: "Minutes to train, in place of --steps; the result then depends on the machine.")
    var minutes: Double?

    @Option(help: "Texts of one step.")
    var batch: Int?

    @Option(help: "Passes that a step's texts are cut into, one after another, for less memory.")
    var accumulation: Int?

    @Option(help: "Parts of a step's texts whose gradients are summed in a fixed order.")
    var shards: Int?

    @Option(help: "Tokens of a text; the rest is cut off.")
    var length: Int?

    @Option(help: "Learn every token of random pieces of so many tokens, in place of the answers of rows.")
    var crop: Int?

    @Option(help: "The learning rate at its peak.")
    var rate: Double?

    @Option(help: "The seed of weights and order.")
    var seed: Int?

    @Option(help: "Steps from one evaluation to the next.")
    var evaluateEvery: Int?

    @Option(help: "Evaluations that are no better before the training ends; 0 for none.")
    var patience: Int?

    @Option(help: "Steps from one sealed state to the next.")
    var sealEvery: Int?

    @Option(help: "Steps from one line of the log to the next.")
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
