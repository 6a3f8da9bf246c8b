// Heads made ready for engines: layer ids as each version reads them, and what an engine cannot do.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import DraftHeads
import ReferenceModel
import TestSupport
import Testing

struct HeadAttachmentTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func attach(
        _ path: String, _ target: String, isPatched: Bool = false
    ) throws -> HeadAttachment {
        let weights = try CheckpointWeights.open(Repository.checkpoint("ling-tiny-icd"), budget: 0)
        return HeadAttachment(
            try HeadFile.open(path, layerCount: 7), to: weights.configuration,
            for: try Target(target, .embedded), places: (model: "M", head: "H"), steps: 3,
            isPatched: isPatched)
    }

    private func head(after layers: [Int], _ change: (inout HeadConfiguration) -> Void = { _ in }) throws
        -> String
    {
        var configuration = Heads.micro
        configuration.auxiliaryPoints = layers.map { .after(layer: $0) }
        change(&configuration)
        return try Heads.write(configuration, form: .vllm, in: folder)
    }

    private func ids(_ attachment: HeadAttachment) throws -> JSONValue? {
        let written = try attachment.document.written(dtype: .bf16)
        guard case .object(let nested)? = written["eagle_config"] else {
            return written["eagle_aux_hidden_state_layer_ids"]
        }
        return nested["eagle_aux_hidden_state_layer_ids"]
    }

    private func errors(_ attachment: HeadAttachment) -> [Finding] {
        attachment.findings.filter { $0.level == .error }
    }

    @Test func everyEngineGetsIdsItReadsRightly() throws {
        let usual = try head(after: [1, 2, 3])
        #expect(try ids(attach(usual, "sglang-0.5.6/h200-141g")) == [1, 2, 3])
        #expect(try ids(attach(usual, "sglang-0.5.23/h200-141g")) == [1, 2, 3])
        #expect(try ids(attach(usual, "vllm-0.32.0/h200-141g", isPatched: true)) == [2, 3, 4])
        #expect(try errors(attach(usual, "sglang-0.5.23/h200-141g")).isEmpty)
        // The newer SGLang adds one only when the first id is 1.
        let other = try head(after: [2, 4, 5])
        #expect(try ids(attach(other, "sglang-0.5.6/h200-141g")) == [2, 4, 5])
        #expect(try ids(attach(other, "sglang-0.5.23/h200-141g")) == [3, 5, 6])
        // Entering layer 1 would be written 1 and read as after 1.
        let first = try head(after: [0, 2, 4])
        #expect(try errors(attach(first, "sglang-0.5.6/h200-141g")).isEmpty)
        #expect(try errors(attach(first, "sglang-0.5.23/h200-141g")).map(\.code.name) == ["DRAFT-044"])
    }

    @Test func whatAnEngineCannotDoIsSaid() throws {
        let usual = try head(after: [1, 2, 3])
        for target in ["vllm-0.11.0/a100-80g", "vllm-0.32.0/cpu", "transformers-5.19/cpu"] {
            let refused = try errors(attach(usual, target))
            #expect(refused.map(\.code.name) == ["DRAFT-044"])
            #expect(refused.first?.cause?.isEmpty == false)
        }
        #expect(try errors(attach(usual, "vllm-0.32.0/cpu", isPatched: true)).isEmpty)
        #expect(try errors(attach(usual, "transformers-5.19/cpu", isPatched: true)).count == 1)
        let flagged = try head(after: [1, 2, 3]) { $0.feedsNormed = true }
        #expect(try errors(attach(flagged, "sglang-0.5.6/h200-141g")).map(\.code.name) == ["DRAFT-044"])
        #expect(try errors(attach(flagged, "vllm-0.32.0/cpu", isPatched: true)).isEmpty)
    }

    @Test func theCommandIsWhole() throws {
        let attachment = try attach(try head(after: [1, 2, 3]), "sglang-0.5.6/h200-141g")
        #expect(attachment.command.contains("--speculative-num-steps 3"))
        #expect(attachment.command.contains("--speculative-num-draft-tokens 4"))
        #expect(attachment.command.contains("--speculative-draft-model-path H"))
        #expect(!attachment.command.contains("{"))
    }

    @Test func everyEngineSaysWhatItDrafts() throws {
        for name in ProfileLibrary.embedded.names(in: "engines") {
            let rule = try Target.engine(name, .embedded).drafting
            #expect(rule.form.map { HeadForm(rawValue: $0) != nil } ?? true, "\(name)")
            #expect(rule.isServed ? !rule.command.isEmpty : !rule.reason.isEmpty, "\(name)")
        }
    }

    @Test func limitsOfAnAuditAreShares() throws {
        let profile = try AuditProfile.standard()
        #expect((0..<1).contains(profile.leastCoverage) && (0..<1).contains(profile.leastAccuracy))
    }
}
