// How the next token is chosen.

import ArgumentParser
import ReferenceModel

/// Options of the sampler.
struct SamplingOptions: ParsableArguments {
    /// The title of these options in the help.
    static let title = "Sampling"

    @Option(help: ArgumentHelp("New tokens at most; 256 by default.", valueName: "count"))
    var tokens: Int?

    @Option(
        help: ArgumentHelp(
            "0 takes the most likely token each time; higher is more varied.", valueName: "number"))
    var temperature: Float = 0

    @Option(
        help: ArgumentHelp(
            "Keep the most likely tokens that together have this probability.", valueName: "number"))
    var topP = 1.0

    @Option(help: ArgumentHelp("Keep so many of the most likely tokens; 0 keeps all.", valueName: "count"))
    var topK = 0

    @Option(
        help: ArgumentHelp("Above 1, tokens of prompt and answer become less likely.", valueName: "number"))
    var repetitionPenalty: Float = 1

    @Option(
        help: ArgumentHelp(
            "The same seed gives the same answer; drawn and shown by default.", valueName: "number"))
    var seed: UInt64?

    func validate() throws {
        guard (tokens ?? 1) > 0 else { throw ValidationError("--tokens takes a number from 1") }
        guard temperature >= 0, temperature <= 100 else {
            throw ValidationError("--temperature takes a number from 0 to 100; 0 is greedy")
        }
        guard topP > 0, topP <= 1 else {
            throw ValidationError("--top-p takes a number above 0 and up to 1; 1 keeps all tokens")
        }
        guard topK >= 0 else { throw ValidationError("--top-k takes a number from 0; 0 keeps all tokens") }
        guard repetitionPenalty > 0, repetitionPenalty <= 100 else {
            throw ValidationError("--repetition-penalty takes a number above 0; 1 does nothing")
        }
        if temperature == 0, topP < 1 || topK > 0 || seed != nil {
            throw ValidationError("--top-p, --top-k and --seed need a --temperature above 0")
        }
    }

    /// The rule of the sampler.
    var rule: SamplingRule {
        var rule = SamplingRule()
        rule.temperature = temperature
        rule.topP = topP
        rule.topK = topK
        rule.repetitionPenalty = repetitionPenalty
        return rule
    }
}
