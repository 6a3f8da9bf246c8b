// Audits: the published kind of config at full size, and the layers told by guessing.

import Architectures
import Backends
import Checkpoints
import Diagnostics
import Documents
import DraftHeads
import Foundation
import ReferenceModel
import Tensors
import TestSupport
import Testing

struct HeadAuditTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static func flash() throws -> BailingMoeV2Configuration {
        let text = try Repository.text("Fixtures/configs/ling-flash-2.0.json")
        guard case .object(let object) = try JSONValue(parsing: Array(text.utf8)) else {
            throw CocoaError(.coderInvalidValue)
        }
        return try BailingMoeV2Configuration(object["config"] ?? .object(object))
    }

    /// SpecForge's own configuration of the Ling-flash head, with a sparse file of its size.
    private func published() throws -> String {
        let path = folder.path("published")
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        let config = """
            {"architectures": ["LlamaForCausalLMEagle3"], "bos_token_id": 163584, "eos_token_id": 163585, \
            "hidden_act": "silu", "hidden_size": 4096, "initializer_range": 0.02, "intermediate_size": 14336, \
            "max_position_embeddings": 32768, "model_type": "llama", "num_attention_heads": 32, \
            "num_hidden_layers": 1, "num_key_value_heads": 8, "pad_token_id": 0, "rms_norm_eps": 1e-05, \
            "tie_word_embeddings": false, "torch_dtype": "bfloat16", "transformers_version": "4.57.1", \
            "use_cache": true, "vocab_size": 157184, "draft_vocab_size": 32000}
            """
        try Data(config.utf8).write(to: URL(fileURLWithPath: path + "/config.json"))
        let layout = HeadLayout(HeadLayoutTests.lingFlash)
        var tensors = layout.entries.map {
            TensorDescription(
                name: HeadForm.specforge.name(of: $0.parameter), dtype: .bf16, shape: $0.fileShape)
        }
        tensors.append(TensorDescription(name: "d2t", dtype: .i64, shape: [32000]))
        tensors.append(TensorDescription(name: "t2d", dtype: .bool, shape: [157184]))
        let (bytes, header) = try ShardHeader.written(tensors)
        let file = path + "/model.safetensors"
        try Data(bytes).write(to: URL(fileURLWithPath: file))
        let handle = try #require(FileHandle(forWritingAtPath: file))
        // Offsets of zero are the first 32,000 tokens.
        let mask = try #require(header.tensors.first { $0.name == "t2d" })
        try handle.seek(toOffset: UInt64(mask.dataRange.lowerBound))
        try handle.write(contentsOf: Data(repeating: 1, count: 32000))
        try handle.truncate(atOffset: UInt64(header.fileSize))
        try handle.close()
        return path
    }

    @Test func aPublishedConfigHasItsDefects() throws {
        let audit = try HeadAudit(try published(), target: try Self.flash(), layers: nil, readsWeights: true)
        let codes = audit.findings.map { ($0.code.name, $0.level) }
        #expect(codes.filter { $0.0 == "DRAFT-045" && $0.1 == .error }.count == 2)
        #expect(codes.contains { $0.0 == "DRAFT-046" && $0.1 == .warning })
        #expect(codes.contains { $0.0 == "DRAFT-047" && $0.1 == .warning })
        #expect(codes.filter { $0.1 == .error }.count == 2)
        #expect(audit.weightsRead == 424_689_664)
        let document = try #require(audit.document)
        #expect(document.layerIds.reason == .absent)
        #expect(document.layerIds.points.map(\.afterLayer) == [1, 15, 28])
        #expect(HeadAuditReport(target: "ling-flash-2.0", audit: audit).text.contains("424,689,664"))
        let peak = try #require(peakResidentBytes())
        #expect(peak < 1 << 30)
    }

    @Test func widthsOfAnotherTarget() throws {
        let path = try Heads.write(in: folder)
        let audit = try HeadAudit(path, target: try Self.flash(), layers: nil, readsWeights: false)
        let fields = audit.findings.filter { $0.code.name == "DRAFT-042" }.flatMap(\.subjects).filter {
            $0.label == "field"
        }
        #expect(Set(fields.map(\.value)) == ["vocab_size", "target_hidden_size", "hidden_size"])
        #expect(audit.head == nil)
    }

    @Test func anMLPThatContracts() throws {
        var configuration = Heads.micro
        configuration.mlpWidth = 64
        let path = try Heads.write(configuration, in: folder)
        let target = try CheckpointWeights.open(Repository.checkpoint("micro"), budget: 0)
        let audit = try HeadAudit(path, target: target.configuration, layers: nil, readsWeights: true)
        #expect(audit.findings.contains { $0.code.name == "DRAFT-048" })
    }

    @Test(arguments: [(-1, true), (0, false)]) func aHeadForShorterTexts(_ more: Int, _ isSaid: Bool) throws {
        let target = try CheckpointWeights.open(Repository.checkpoint("micro"), budget: 0).configuration
        var configuration = Heads.micro
        configuration.contextLength = target.contextLength + more
        let path = try Heads.write(configuration, in: folder)
        let audit = try HeadAudit(path, target: target, layers: nil, readsWeights: false)
        #expect(audit.findings.contains { $0.code.name == "DRAFT-053" && $0.level == .note } == isSaid)
    }
}
