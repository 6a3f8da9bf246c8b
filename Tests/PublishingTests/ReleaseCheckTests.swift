// The lint: every damaged folder is found with its own code, and good ones give no finding.

import Checkpoints
import Diagnostics
import Documents
import Foundation
import Publishing
import TestSupport
import Testing

@Suite struct ReleaseCheckTests {
    @Test(arguments: Damage.all) func everyDamageIsFoundWithItsCode(_ damage: Damage) throws {
        let copy = try ReleaseCopy(ReleaseFolders.fp8)
        try damage.damage(copy)
        let report = try copy.check()
        let codes = report.findings.filter { $0.level == .error }.map(\.code.name)
        #expect(codes.contains(damage.code), "\(codes)")
        #expect(!report.passes)
        let finding = try #require(report.findings.first { $0.code.name == damage.code })
        #expect(finding.expected != nil && finding.found != nil, "\(finding.text)")
    }

    @Test func theCorpusIsLargeAndItsCodesAreMany() {
        #expect(Damage.all.count >= 60)
        #expect(Set(Damage.all.map(\.code)).count >= 55)
    }

    @Test func goodFoldersGiveNoFinding() throws {
        for folder in [
            ReleaseFolders.fp8, ReleaseFolders.compressed, ReleaseFolders.calibrated, ReleaseFolders.plain,
        ] {
            let report = try ReleaseCheck(
                base: try ReleaseFolders.base.get(), progress: SilentProgress()
            ).run(try folder.get())
            #expect(report.findings.isEmpty, "\(report.findings.map(\.text))")
            #expect(report.passes && report.parameters == 8_143_536)
        }
    }

    /// As llm-compressor leaves a folder: one shard in its own order, its own config, a recipe; card by hand.
    @Test func aFolderOfAnotherToolGivesNoFinding() throws {
        let copy = try ReleaseCopy(ReleaseFolders.compressed)
        for name in ["quantisation.json", "release.json"] { try copy.remove(name) }
        let shard = "model.safetensors"
        try TensorFile(copy.file(shard)).write(copy.file(shard))
        try copy.edit("config.json") { config in
            guard case .object(var quantisation)? = config["quantization_config"] else { return }
            quantisation["global_compression_ratio"] = .null
            quantisation["kv_cache_scheme"] = .null
            quantisation["sparsity_config"] = [:]
            quantisation["transform_config"] = [:]
            quantisation["version"] = "0.19.0"
            config["quantization_config"] = .object(quantisation)
        }
        try copy.write(
            "default_stage:\n  default_modifiers:\n    QuantizationModifier: {scheme: FP8_BLOCK}\n",
            "recipe.yaml")
        try copy.bareCard(
            "Quantized with llm-compressor. Evaluation: accuracy 97.5 % of 98.0 %. Intended use: research. Limitations: many. It is not a medical device."
        )
        let report = try copy.check()
        #expect(report.findings.isEmpty, "\(report.findings.map(\.text))")
    }

    /// Weights can be the base's to the last bit, and the model another one.
    @Test(
        arguments: [
            ("rope_theta", 10000, true), ("num_experts_per_tok", 3, true), ("router_dtype", "bf16", true),
            ("transformers_version", "5.0.0", false),
            (
                "rope_scaling",
                ["type": "yarn", "factor": 4, "original_max_position_embeddings": 32768], false
            ),
        ] as [(String, JSONValue, Bool)])
    func theConfigIsTheBases(_ key: String, _ value: JSONValue, _ isRefused: Bool) throws {
        let copy = try ReleaseCopy(ReleaseFolders.compressed)
        try copy.edit("config.json") { config in
            config[key] = value
            if key == "rope_scaling" { config["max_position_embeddings"] = 131072 }
        }
        let report = try ReleaseCheck(base: try ReleaseFolders.base.get(), progress: SilentProgress())
            .run(copy.path)
        let found = report.findings.filter { $0.code.name == "PUB-068" }
        #expect(found.contains { $0.level == .error } == isRefused, "\(report.findings.map(\.text))")
        #expect(found.isEmpty == (key == "transformers_version"))
    }

    /// The hubs read such cards and rules too.
    @Test func linesOfAnySystem() throws {
        let copy = try ReleaseCopy(ReleaseFolders.compressed)
        for name in ["README.md", ".gitattributes"] {
            try copy.write(try copy.text(name).replacing("\n", with: "\r\n"), name)
        }
        let report = try copy.check()
        #expect(report.findings.isEmpty, "\(report.findings.map(\.text))")
    }

    /// llm-compressor's own route writes such shards; transformers 4.56.2 and 5.19 load them.
    @Test func aShardWithoutMetadataIsTaken() throws {
        let copy = try ReleaseCopy(ReleaseFolders.compressed)
        let path = copy.file("model.safetensors")
        var data = try Data(contentsOf: URL(fileURLWithPath: path))
        let words = Data("\"__metadata__\":{\"format\":\"pt\"},".utf8)
        let place = try #require(data.firstRange(of: words))
        data.replaceSubrange(place, with: Data(repeating: UInt8(ascii: " "), count: words.count))
        try data.write(to: URL(fileURLWithPath: path))
        let codes = try copy.check().findings.map(\.code.name)
        // The record of the conversion knows another file; that is all.
        #expect(codes == ["DATA-003"])
    }

    @Test func digestsAreHeldToTheFiles() throws {
        let changed = try ReleaseCopy(ReleaseFolders.fp8, keepsSums: true)
        try changed.append("\n", "generation_config.json")
        #expect(try changed.check().findings.map(\.code.name) == ["PUB-084"])
        let added = try ReleaseCopy(ReleaseFolders.fp8, keepsSums: true)
        try added.write("hello\n", "NOTES.txt")
        #expect(try added.check().findings.map(\.code.name) == ["PUB-085"])
        let broken = try ReleaseCopy(ReleaseFolders.fp8, keepsSums: true)
        try broken.append("abc  ../x\n", "SHA256SUMS")
        #expect(try broken.check().findings.map(\.code.name) == ["PUB-083"])
    }

    @Test func whatCanBeMendedIsMended() throws {
        let copy = try ReleaseCopy(ReleaseFolders.fp8, keepsSums: true)
        try copy.remove(".gitattributes")
        try copy.remove("configuration.json")
        try copy.frontMatter { $0["library_name"] = nil }
        try copy.edit("config.json") { $0["_name_or_path"] = "/mnt/nas/train/step_4000" }
        try copy.edit("model.safetensors.index.json") { $0["metadata"] = [:] }
        try copy.edit("generation_config.json") { $0["eos_token_id"] = 2036 }
        #expect(try !copy.check().passes)
        let run = try ProgramRun.ingot("publish", "check", copy.path, "--hub", "both", "--fix")
        #expect(run.exit == 0, "\(run.errors)\(run.output)")
        for name in [".gitattributes", "configuration.json", "README.md", "config.json", "SHA256SUMS"] {
            #expect(run.output.contains("fixed: \(name)"), "\(run.output)")
        }
        #expect(try copy.check().findings.isEmpty)
    }

    @Test func aFolderThatIsNoModel() throws {
        let folder = try TemporaryFolder()
        let empty = try ProgramRun.ingot("publish", "check", folder.path)
        #expect(empty.exit == 65 && empty.errors.contains("PUB-001"), "\(empty.errors)")
        try Data("hello".utf8).write(to: URL(fileURLWithPath: folder.path("notes.txt")))
        let foreign = try ProgramRun.ingot("publish", "check", folder.path, "--json")
        #expect(foreign.exit == 1, "\(foreign.output)")
        for code in ["PUB-001", "PUB-002", "CKPT-063"] { #expect(foreign.output.contains(code)) }
    }
}
