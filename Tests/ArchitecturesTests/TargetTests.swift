import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors
import Testing

private let library = ProfileLibrary.folder(joined(packageRoot, "Profiles"))
private let everyRole = Set(TensorRole.allCases.filter(\.isQuantisable))

private func scheme(
    _ layout: SchemeLayout, _ scales: ScaleStorage = .f32, partial: Bool = false
) -> SchemeDescription {
    SchemeDescription(layout: layout, scales: scales, roles: everyRole, hasPartialBlocks: partial)
}

/// The kinds of verdict, as words.
private func verdicts(_ name: String, _ scheme: SchemeDescription) throws -> Set<String> {
    Set(
        try Target(name, library).verdicts(scheme).map {
            switch $0 {
            case .refuse: "refuse"
            case .keepRoles(let roles, _): "keep " + roles.map(\.name).joined(separator: " ")
            case .roundScales: "round"
            case .warn: "warn"
            }
        })
}

@Suite struct TargetTests {
    @Test(
        "what is known of each target",
        arguments: [
            ("vllm-0.11.0/a100-80g", .deepSeekBlock, .f32, ["keep attention-qkv", "warn"]),
            ("vllm-0.11.0/h20-96g", .deepSeekBlock, .f32, ["keep attention-qkv"]),
            ("vllm-0.11.0/h20-96g", .compressedTensorsBlock, .bf16, ["keep attention-qkv"]),
            (
                "vllm-0.11.0/a100-80g", .compressedTensorsBlock, .bf16,
                ["keep attention-qkv", "refuse", "warn"]
            ),
            ("vllm-0.11.0/a100-40g", .compressedTensorsChannel, .bf16, ["warn"]),
            ("vllm-0.11.0/h200-141g", .compressedTensorsChannel, .bf16, []),
            ("vllm-0.33.0/a100-80g", .compressedTensorsBlock, .bf16, ["warn"]),
            ("vllm-0.33.0/h20-96g", .deepSeekBlock, .f32, ["round"]),
            ("vllm-0.33.0/h20-96g", .deepSeekBlock, .powerOfTwo, []),
            ("vllm-0.33.0/b200", .deepSeekBlock, .f32, ["round"]),
            ("vllm-0.11.0/b200", .deepSeekBlock, .f32, ["keep attention-qkv", "round"]),
            ("vllm-0.23.0/h100-80g", .deepSeekBlock, .f32, ["warn"]),
            ("vllm-0.32.0/cpu", .deepSeekBlock, .f32, ["warn"]),
            ("sglang-0.5.6/h200-141g", .deepSeekBlock, .f32, []),
            ("sglang-0.5.23/b200", .deepSeekBlock, .f32, ["round"]),
            ("sglang-0.5.23/b200", .compressedTensorsChannel, .bf16, []),
            ("vllm-ascend-0.11.0rc3/910b-64g", .deepSeekBlock, .f32, ["refuse"]),
            ("vllm-ascend-0.11.0rc3/910b-64g", .compressedTensorsChannel, .bf16, ["refuse"]),
            ("transformers-4.56/cpu", .deepSeekBlock, .f32, ["refuse"]),
            ("transformers-5.19/cpu", .deepSeekBlock, .f32, ["warn"]),
        ] as [(String, SchemeLayout, ScaleStorage, Set<String>)])
    func known(name: String, layout: SchemeLayout, scales: ScaleStorage, expected: Set<String>) throws {
        #expect(try verdicts(name, scheme(layout, scales)) == expected)
    }

    @Test("every engine says what it does with stored scales, and three drop those of the cache")
    func storedScales() throws {
        var stored = scheme(.compressedTensorsStatic, .bf16)
        #expect(stored.hasInputScales)
        stored.hasCacheScales = true
        for engine in try library.names(in: "engines").map({ try Target.engine($0, library) }) {
            for reading in [engine.inputScales, engine.cacheScales] {
                #expect(!reading.reason.isEmpty && !reading.source.isEmpty, "\(engine.name)")
            }
        }
        for name in ["vllm-0.11.0/h20-96g", "vllm-0.33.0/h20-96g", "sglang-0.5.23/h20-96g"] {
            let findings = try Target(name, library).storedScaleFindings(stored)
            #expect(findings.map(\.code) == [.targetStoredScales, .targetStoredScales])
            #expect(findings.last?.level == .warning)
            #expect(findings.last?.what.contains("does not read k_scale and v_scale") == true)
        }
        let inputs = try Target("vllm-0.32.0/h100-80g", library).storedScaleFindings(stored).first
        #expect(inputs?.level == .note && inputs?.what.contains("reads input_scale") == true)
        let refused = try Target("vllm-ascend-0.11.0rc3/910b-64g", library)
        #expect(refused.storedScaleFindings(stored).allSatisfy { $0.code == .targetRefuses })
        #expect(
            try Target("vllm-0.33.0/h20-96g", library).storedScaleFindings(scheme(.deepSeekBlock)).isEmpty)
    }

    @Test("matrices that do not divide into blocks")
    func partialBlocks() throws {
        for name in ["vllm-0.11.0/h20-96g", "vllm-0.33.0/h20-96g", "sglang-0.5.6/h20-96g"] {
            let target = try Target(name, library)
            #expect(target.requiresBlockMultiples(.deepSeekBlock))
            #expect(!target.requiresBlockMultiples(.compressedTensorsChannel))
            #expect(try verdicts(name, scheme(.deepSeekBlock, partial: true)).contains("refuse"))
        }
        #expect(try !Target("transformers-5.19/h20-96g", library).requiresBlockMultiples(.deepSeekBlock))
    }

    @Test("a scheme that leaves the fused matrix alone has nothing to keep")
    func kept() throws {
        let target = try Target("vllm-0.11.0/h20-96g", library)
        var scheme = scheme(.deepSeekBlock)
        #expect(target.keptRoles(scheme) == [.attentionQKV])
        scheme.roles.remove(.attentionQKV)
        #expect(target.verdicts(scheme).isEmpty && target.keptRoles(scheme).isEmpty)
    }

    @Test("what is adapted when planning is refused when judging")
    func occasions() throws {
        let target = try Target("vllm-0.11.0/h20-96g", library)
        #expect(target.findings(scheme(.deepSeekBlock), .planning).map(\.code) == [.targetAdapts])
        let judged = target.findings(scheme(.deepSeekBlock), .judging)
        #expect(judged.map(\.code) == [.targetRefuses])
        #expect(judged.first?.remedy == "quantise again with --target vllm-0.11.0/h20-96g")
    }

    @Test(
        "names that are no target, with the nearest",
        arguments: [
            ("vllm-0.11.0", nil), ("vllm-0.11.1/a100-80g", "did you mean vllm-0.11.0?"),
            ("vllm-0.11.0/a100-80", "did you mean a100-80g?"), ("a/b/c", nil), ("", nil),
            ("vllm-0.11.0/910b-64g", nil), ("sglang-0.5.6/cpu", nil),
        ] as [(String, String?)])
    func unknown(text: String, remedy: String?) throws {
        do {
            _ = try Target(text, library)
            Issue.record("\(text) is no target")
        } catch {
            #expect(error.findings.map(\.code) == [.targetUnknown] && error.exit == .usage)
            if let remedy { #expect(error.findings.first?.remedy == remedy) }
        }
    }

    @Test("a target says when it ignores the YaRN factor")
    func yarn() throws {
        let recipe: JSONValue = ["type": "yarn", "factor": 4, "original_max_position_embeddings": 32_768]
        let configuration = try flash(["rope_scaling": recipe])
        // An older release, which no profile stands for.
        let older = ProfileLibrary(
            document: { path in
                guard path == "engines/transformers-4.52.json",
                    let bytes = library.document(at: "engines/transformers-4.56.json")
                else { return library.document(at: path) }
                return Array(
                    String(decoding: bytes, as: UTF8.self)
                        .replacing("written-factor", with: "length-ratio").utf8)
            }, names: { library.names(in: $0) + ($0 == "engines" ? ["transformers-4.52"] : []) })
        let target = try Target("transformers-4.52/h20-96g", older)
        #expect(target.findings(configuration).map(\.code) == [.targetAdapts])
        for engine in ["vllm-0.33.0", "transformers-4.56"] {
            #expect(try Target("\(engine)/h20-96g", library).findings(configuration).isEmpty)
        }
    }

    @Test("a quantised checkpoint describes itself")
    func description() throws {
        let block = FP8Layout(container: .deepSeek, granularity: .block(rows: 128, columns: 128))
        let inventory = TensorInventory(try flash())
        let whole = try #require(SchemeDescription(QuantisedInventory(inventory, layout: .fp8(block))))
        #expect(whole == scheme(.deepSeekBlock))
        let ragged = TensorInventory(
            try flash(["moe_intermediate_size": 1088, "moe_shared_expert_intermediate_size": 1088]))
        let partial = SchemeDescription(QuantisedInventory(ragged, layout: .fp8(block)), scales: .powersOfTwo)
        #expect(partial == scheme(.deepSeekBlock, .powerOfTwo, partial: true))
        #expect(SchemeDescription(QuantisedInventory(inventory, layout: .none)) == nil)
    }
}

@Suite struct ProfileTests {
    @Test("every engine and every device loads, and every value has its source")
    func all() throws {
        let engines = try library.names(in: "engines").map { try Target.engine($0, library) }
        let devices = try library.names(in: "devices").map { try Target.device($0, library) }
        #expect(engines.count == 9 && devices.count == 8)
        for engine in engines {
            #expect(engine.sources.count == 3 && engine.rules.allSatisfy { !$0.source.isEmpty })
            #expect(engine.parallelism.sources.count == 8)
        }
        for device in devices { #expect(device.sources.count == 4) }
    }

    @Test("every engine runs on some device, every device has an engine")
    func reachable() throws {
        let kinds = try library.names(in: "devices").map { try Target.device($0, library).kind }
        let engineKinds = try library.names(in: "engines").map { try Target.engine($0, library).deviceKinds }
        for list in engineKinds { #expect(list.contains(where: kinds.contains)) }
        for kind in kinds { #expect(engineKinds.contains { $0.contains(kind) }) }
    }

    /// A library of one engine, changed as text.
    private func changed(_ from: String, _ to: String) throws -> ProfileLibrary {
        let path = joined(packageRoot, "Profiles/engines/vllm-0.11.0.json")
        let text = String(decoding: try FileAccess.read(path, limit: 1 << 20), as: UTF8.self)
        #expect(text.contains(from))
        let bytes = Array(text.replacing(from, with: to, maxReplacements: 1).utf8)
        return ProfileLibrary(document: { $0 == "engines/e.json" ? bytes : nil }, names: { _ in ["e"] })
    }

    @Test(
        "a profile that says something else is refused",
        arguments: [
            ("\"schema\": 1", "\"schema\": 2"), ("\"title\"", "\"tittle\""), ("\"reason\"", "\"because\""),
            ("\"keep-roles\"", "\"keep-role\""), ("\"attention-qkv\"", "\"router-gate\""),
            ("\"deepseek-block\"", "\"deepseek\""), ("\"layouts\"", "\"layout\""),
            ("\"written-factor\"", "7"), ("\"family\"", "\"famly\""), ("\"middle\"", "\"centre\""),
            (
                "\"memory_utilisation\": {\n      \"value\": 0.9",
                "\"memory_utilisation\": {\n      \"value\": 1.9"
            ), ("\"cuda\"", "\"rocm\""), ("\"rules\": [", "\"rules\": [3,"),
            ("\"capability_below\": 89", "\"capability_below\": \"89\""), ("{", "{\"schema\": 1,"),
            ("\"value\": \"read\"", "\"value\": \"maybe\""), ("\"cache_names\"", "\"names\""), ("{", "["),
        ])
    func strict(from: String, to: String) throws {
        let library = try changed(from, to)
        do {
            _ = try Target.engine("e", library)
            Issue.record("\(to) was accepted")
        } catch {
            #expect(error.findings.map(\.code) == [.profileMalformed] && error.exit == .badProfile)
            #expect(error.findings.first?.subjects.first?.value == "engines/e.json")
        }
    }

    @Test("a profile that is not there")
    func absent() throws {
        #expect(throws: Failure.self) { try Target.engine("nothing", library) }
        #expect(library.document(at: "engines/nothing.json") == nil && library.names(in: "nothing").isEmpty)
    }
}
