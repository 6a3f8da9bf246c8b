// ingot verify from outside: what it says, writes and ends with.

import Documents
import Foundation
import TestSupport
import Testing

struct VerifyTests {
    private static let micro = Repository.checkpoint("micro")
    private static let ling = Repository.checkpoint("ling-tiny-icd")
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func verify(_ arguments: String...) throws -> ProgramRun {
        try ProgramRun(Repository.program("ingot"), ["verify"] + arguments)
    }

    /// The result of a run with `--json`.
    private func result(_ run: ProgramRun) throws -> JSONObject {
        guard case .object(let object) = try JSONValue(parsing: Array(run.output.utf8)),
            case .object(let result)? = object["result"]
        else {
            Issue.record("no result: \(run.output.prefix(500)) \(run.errors)")
            return JSONObject()
        }
        #expect(object.keys == ["schema", "command", "exit", "peak_bytes", "findings", "result"])
        return result
    }

    private func damaged() throws -> String {
        var damage = try CheckpointDamage(Self.micro)
        try damage.exchange(
            "model.layers.1.mlp.experts.3.gate_proj.weight", "model.layers.1.mlp.experts.3.up_proj.weight")
        return try damage.write(folder.path("bad"))
    }

    // MARK: Text

    @Test func twoOfOneModel() throws {
        let run = try verify(Self.micro, Self.micro)
        #expect(run.exit == 0, "\(run.errors)")
        for words in ["left ", "right ", "tolerance   f32: ", "82 tensors: 82 the same", "pass: all"] {
            #expect(run.output.contains(words), "\(words) in:\n\(run.output)")
        }
        #expect(!run.output.contains("BROKEN") && run.errors.isEmpty, "\(run.errors)")
        for line in run.output.split(separator: "\n") where !line.contains("/") {
            #expect(line.count <= 140, "\(line)")
        }
    }

    @Test(arguments: ["micro", "micro-yarn", "ling-tiny-icd"]) func theAuthorsValues(_ name: String) throws {
        let path = Repository.checkpoint(name)
        for (left, right) in [(path + "/golden", path), (path, path + "/golden/float32.safetensors")] {
            let run = try verify(left, right)
            #expect(run.exit == 0 && run.output.contains("pass: all"), "\(run.errors)\(run.output)")
        }
    }

    @Test func aFaultIsNamed() throws {
        let bad = try damaged()
        let run = try verify(Self.micro, bad)
        #expect(run.exit == 1, "\(run.errors)")
        #expect(run.output.contains("BROKEN") && run.output.contains("fail: "))
        for words in ["PAR-001", "experts.3.gate_proj.weight", "the two are exchanged", "PAR-003"] {
            #expect(run.errors.contains(words), "\(words) in:\n\(run.errors)")
        }
        let against = try verify(Self.micro + "/golden", bad)
        #expect(
            against.exit == 1 && against.errors.contains("tokens of expert 3 differ"), "\(against.errors)")
    }

    @Test func verboseListsLayers() throws {
        let brief = try verify(Self.micro, Self.micro)
        let long = try verify(Self.micro, Self.micro, "--verbose")
        #expect(!brief.output.contains("activation  ") && brief.output.count < long.output.count)
        for layer in 0..<3 {
            #expect(
                long.output.split(separator: "\n").contains { line in
                    line.split(separator: " ").prefix(2) == ["\(layer)", "residual"]
                }, "\(long.output)")
        }
    }

    @Test func help() throws {
        let run = try verify("--help")
        #expect(run.exit == 0 && run.errors.isEmpty)
        // Lines break anywhere between words.
        let text = run.output.split { $0 == " " || $0 == "\n" }.joined(separator: " ")
        for words in [
            "USAGE: ", "--data", "--tokens", "--multiple-choice", "--items", "--tolerance", "--checks",
            "--report", "--diagnose", "--left-backend", "--left-numerics", "--backend", "--numerics",
            "--endpoint", "--record", "--json", "--verbose", "weights, forward, greedy, batch, accuracy",
            "exact", "golden.json",
        ] { #expect(text.contains(words), "\(words) in:\n\(text)") }
        for line in run.output.split(separator: "\n") { #expect(line.count <= 120, "\(line)") }
    }

    // MARK: Documents

    @Test func keysOfTheDocument() throws {
        let object = try result(verify(Self.micro, Self.micro, "--json"))
        #expect(
            object.keys == [
                "schema", "passed", "left", "right", "tolerance", "checks", "gates", "weights", "texts",
                "tokens",
                "tokens_after_a_tie", "activations", "routes", "outputs", "batch",
            ])
        #expect(object["schema"] == 1 && object["passed"] == true)
        #expect(object["checks"] == ["batch", "forward", "weights"])
        guard case .array(let gates)? = object["gates"], case .object(let gate)? = gates.first else {
            Issue.record("no gates")
            return
        }
        #expect(gates.count >= 8)
        for key in ["quantity", "level", "limit", "is_floor", "found", "passed", "source"] {
            #expect(gate[key] != nil, "\(key)")
        }
        let golden = try result(verify(Self.micro, Self.micro + "/golden", "--json"))
        #expect(golden.keys.contains("continuations") && !golden.keys.contains("weights"))
        #expect(golden["texts"] == 3 && golden["tokens"] == 128)
    }

    @Test func checksAreWhatIsDone() throws {
        let weights = try result(verify(Self.micro, Self.micro, "--checks", "weights", "--json"))
        #expect(weights["activations"] == nil && weights["batch"] == nil && weights["weights"] != nil)
        let batch = try result(verify(Self.micro, Self.micro, "--checks", "batch, forward", "--json"))
        #expect(batch["weights"] == nil && batch["checks"] == ["batch", "forward"])
    }

    @Test func anArtefactIsStillTheModel() throws {
        let made = try ProgramRun.ingot(
            "quantise", Self.ling, "--scheme", "fp8-block", "--output", folder.path("fp8"))
        #expect(made.exit == 0, "\(made.errors)")
        let run = try verify(
            Self.ling, folder.path("fp8"), "--data", Self.ling + "/evaluation.jsonl", "--tokens", "2000",
            "--multiple-choice", Self.ling + "/multiple-choice.jsonl", "--items", "12", "--json",
            "--tolerance", "fp8", "--checks", "weights,forward,accuracy")
        let object = try result(run)
        #expect(object["tokens"] == 2000)
        guard case .object(let outputs)? = object["outputs"], case .object(let accuracy)? = object["accuracy"]
        else {
            Issue.record("no outputs")
            return
        }
        func mean(_ value: JSONValue?) -> Double {
            guard case .object(let object)? = value, case .number(let number)? = object["mean"] else {
                return .nan
            }
            return number.double ?? .nan
        }
        #expect(mean(outputs["divergence"]) > 2e-4 && mean(outputs["divergence"]) < 5e-3)
        #expect(mean(outputs["choice_agreement"]) > 0.98)
        #expect(accuracy["items"] == 12)
        // Twelve items move by 8 points each; the other limits hold.
        let broken = try #require(object["gates"]).broken.filter { $0 != "accuracy-drop" }
        #expect(broken.isEmpty, "\(broken)")
    }

    @Test func tokensCutTheLastText() throws {
        for count in [1, 50, 333] {
            let object = try result(
                verify(
                    Self.ling, Self.ling, "--data", Self.ling + "/evaluation.jsonl", "--tokens", "\(count)",
                    "--checks", "forward", "--json"))
            #expect(object["tokens"] == .integer(count))
        }
    }

    @Test func rowsOfAllKinds() throws {
        let rows = [
            #"{"id": "a", "text": "I10 is hypertension."}"#, #"{"id": "b", "tokens": [1, 2, 3]}"#,
            #"{"id": "c", "messages": [{"role": "user", "content": "E11.9?"}]}"#, "",
            #"{"id": 4, "input_ids": [2047]}"#,
        ]
        let path = folder.path("rows.jsonl")
        try rows.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        let object = try result(verify(Self.ling, Self.ling, "--data", path, "--json"))
        #expect(object["texts"] == 4 && object["passed"] == true)
    }

    // MARK: Pages and recordings

    @Test func theReportIsOnePage() throws {
        for (right, exit) in [(Self.micro, 0), (try damaged(), 1), (Self.micro + "/golden", 0)]
            as [(String, Int32)]
        {
            let page = folder.path("report.html")
            let run = try verify(Self.micro, right, "--report", page)
            #expect(run.exit == exit, "\(run.errors)")
            let html = try String(contentsOfFile: page, encoding: .utf8)
            let reader = try MarkupReader(html)
            #expect(reader.elements.first?.name == "html" && reader.elements.contains { $0.name == "svg" })
            for text in ["url(", "@import", "https:", "<script src", "NaN", "nan,", "Optional("] {
                #expect(!html.contains(text), "\(text)")
            }
            #expect(html.contains(exit == 0 ? "is the left side" : "is not the left side"))
            #expect(html.utf8.count < 2 << 20)
            try FileManager.default.removeItem(atPath: page)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["bad"])
    }

    @Test func aRecordingAgreesWithItsModel() throws {
        let made = try verify(Self.micro, "--record", folder.path("run"))
        #expect(made.exit == 0 && made.output.contains("recorded 4 texts"), "\(made.errors)")
        let run = try verify(folder.path("run"), Self.micro, "--tolerance", "exact", "--checks", "forward")
        #expect(run.exit == 0, "\(run.errors)\(run.output)")
        let bad = try verify(folder.path("run"), try damaged())
        #expect(bad.exit == 1 && bad.errors.contains("tokens of expert 3 differ"), "\(bad.errors)")
    }
}

extension JSONValue {
    /// Quantities of gates that do not hold.
    fileprivate var broken: [String] {
        guard case .array(let gates) = self else { return [] }
        return gates.compactMap {
            guard case .object(let gate) = $0, gate["passed"] == false,
                case .string(let name)? = gate["quantity"]
            else { return nil }
            return name
        }
    }
}
