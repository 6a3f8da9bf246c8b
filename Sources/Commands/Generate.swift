// ingot generate: talk to a checkpoint on the CPU.

import Architectures
import ArgumentParser
import Backends
import Checkpoints
import Diagnostics
import Documents
import DraftHeads
import ReferenceModel
import Tokenisation

/// Generates text.
struct Generate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Talk to a checkpoint on the CPU.",
        usage: "ingot generate CHECKPOINT --prompt TEXT [--tokens 256] [--draft HEAD]",
        discussion: """
            Reads plain and FP8 checkpoints. The answer goes to standard output as it comes. It is greedy unless \
            a temperature is given, whatever generation_config.json says, and ends at every end token of \
            generation_config.json and config.json. Ctrl-C ends it with what there is, exit status 130.

            Example:
              ingot generate Ling-flash-2.0 --prompt "What does I10 mean?" --tokens 40
            """)

    @Argument(help: "The folder of the checkpoint.", completion: .directory)
    var checkpoint: String

    @OptionGroup var prompt: PromptOptions
    @OptionGroup(title: SamplingOptions.title) var sampling: SamplingOptions

    @Option(
        help: ArgumentHelp("A draft head: the same answer, fewer passes.", valueName: "folder"),
        completion: .directory)
    var draft: String?

    @OptionGroup(title: DraftShapeOptions.title) var shape: DraftShapeOptions
    @OptionGroup(title: DraftShapeOptions.title) var layers: LayerOptions

    @Flag(help: "Show special tokens too, such as the one that ends the answer.")
    var showSpecial = false

    @OptionGroup(title: BackendOptions.title) var backend: BackendOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func run() throws {
        try options.report("generate") { () throws(Failure) in
            stopOnSignals()
            let backend = try self.backend.makeBackend()
            let opened = try OpenedCheckpoint(checkpoint)
            let tokeniser = try openTokeniser(opened)
            let text = try prompt.text(for: checkpoint)
            let tokens = tokeniser.encode(text)
            let (limit, cut) = try fit(tokens.count, opened.inventory.configuration)
            let (sidecars, _) = Sidecars.read(opened.checkpoint)
            let weights = try CheckpointWeights(
                opened.checkpoint, opened.quantised, budget: self.backend.budget)
            let pass = ForwardPass(weights.configuration, weights: weights, backend: backend)
            let ends = Set(SpecialTokens.ends(weights.configuration, sidecars))
            let seed = sampling.seed ?? UInt64.random(in: 0..<1 << 53)

            var answer = AnswerStream(tokeniser, showsSpecial: showSpecial, isShown: !options.json)
            let isInterrupted = { StopFlag.isRaised || answer.isBroken }
            var drafted: DraftedAnswer?
            let result: GenerationResult
            if let draft {
                let opened = try OpenedDraft(draft, layers: layers.layers, pass: pass)
                drafted = try DraftedAnswer(
                    tokens, limit: limit, pass: pass, drafter: opened.drafter, shape: shape.shape,
                    rule: sampling.rule, endTokens: ends, seed: seed, isInterrupted: isInterrupted,
                    each: { answer.append($0) })
                result =
                    drafted?.result
                    ?? GenerationResult(
                        tokens: [], stop: .interrupted, promptSeconds: 0, tokenSeconds: 0)
            } else {
                result = try Generation(pass, endTokens: ends).run(
                    prompt: tokens, limit: limit, sampler: Sampler(sampling.rule, seed: seed),
                    isInterrupted: isInterrupted, each: { answer.append($0) })
            }
            try answer.finish()
            try weights.checkUnchanged()
            let report = GenerationReport(
                command: self, backend: backend, seed: seed, text: text, prompt: tokens, answer: answer.text,
                result: result, drafted: drafted, tokeniser: tokeniser)
            if !options.json, !options.quiet { writeError(report.status + "\n") }
            let findings = opened.findings + tokeniser.findings + cut
            return CommandResult(
                text: "", document: report.document,
                findings: findings.filter { options.verbose || $0.level > .note }, exit: report.exit)
        }
    }

    /// The tokeniser beside the weights, which must fit them.
    private func openTokeniser(_ opened: OpenedCheckpoint) throws(Failure) -> Tokeniser {
        let file = checkpoint + "/tokenizer.json"
        guard FileAccess.kind(file) == .file else {
            throw Failure(
                Finding(
                    .error, .tokeniserMissing, "the checkpoint has no tokenizer", file: file,
                    expected: "tokenizer.json beside config.json", found: "no such file",
                    remedy: "copy tokenizer.json and tokenizer_config.json from the model it was made of"))
        }
        let tokeniser = try Tokeniser(file: file)
        try tokeniser.check(
            embeddingRows: opened.inventory.configuration.vocabularySize, file: file
        ).throwErrors()
        return tokeniser
    }

    /// How many tokens may be generated after a prompt, and what there is to say about it.
    private func fit(
        _ count: Int, _ configuration: BailingMoeV2Configuration
    ) throws(Failure) -> (limit: Int, findings: [Finding]) {
        guard count > 0 else {
            throw Failure(
                Finding(
                    .error, .promptEmpty, "the prompt has no tokens", option: "--prompt",
                    expected: "at least one token", found: "none",
                    remedy: "give a text, or leave --raw out so that the chat template makes one"))
        }
        let room = configuration.contextLength - count
        guard room > 0 else {
            throw Failure(
                Finding(
                    .error, .promptTooLong, "the prompt leaves no room for an answer",
                    field: "max_position_embeddings",
                    expected: "fewer than \(grouped(configuration.contextLength)) tokens",
                    found: "\(grouped(count)) tokens", remedy: "shorten the prompt"))
        }
        guard let wanted = sampling.tokens, wanted > room else { return (sampling.tokens ?? 256, []) }
        return (
            wanted,
            [
                Finding(
                    .warning, .contextCutsTokens, "the answer ends where the model's context does",
                    field: "max_position_embeddings", option: "--tokens \(wanted)",
                    expected:
                        "at most \(grouped(room)) tokens after a prompt of \(grouped(count)) in a context of "
                        + "\(grouped(configuration.contextLength))",
                    found: "\(grouped(wanted)) asked for", remedy: "--tokens \(room)")
            ]
        )
    }
}
