// Folders that are right in every respect, made once, and copies of them to be damaged.

import Checkpoints
import Diagnostics
import Documents
import Foundation
import Publishing
import TestSupport
import Testing

/// The folders that tests start from.
enum ReleaseFolders {
    /// A base model as a hub has it: weights, tokenizer, remote code, licence.
    static let base: Result<String, any Error> = Result {
        let folder = try place("base")
        let source = Repository.checkpoint("ling-tiny-icd")
        for name in [
            "config.json", "configuration_bailing_moe_v2.py", "generation_config.json", "model.safetensors",
            "modeling_bailing_moe_v2.py", "special_tokens_map.json", "tokenizer.json",
            "tokenizer_config.json",
        ] { try FileManager.default.copyItem(atPath: source + "/" + name, toPath: folder + "/" + name) }
        try FileManager.default.copyItem(atPath: Repository.path("LICENSE"), toPath: folder + "/LICENSE")
        return folder
    }

    /// An FP8 release for both hubs.
    static let fp8 = Result { try release("fp8-block", ["--shard-size", "3MB"]) }
    /// A release in the layout of compressed-tensors.
    static let compressed = Result { try release("fp8-block-ct", ["--hub", "huggingface"]) }
    /// With scales of inputs, keys and values from a calibration.
    static let calibrated = Result { try release("fp8-tensor-static", ["--hub", "huggingface"]) }
    /// The base itself, cut anew.
    static let plain = Result { try release(nil, ["--shard-size", "5MB"]) }

    private static func release(_ scheme: String?, _ options: [String]) throws -> String {
        var checkpoint = try base.get()
        var options = options
        if let scheme {
            let artefact = try place(scheme) + "/artefact"
            var words = ["quantise", checkpoint, "--scheme", scheme, "--output", artefact, "--quiet"]
            if scheme == "fp8-tensor-static" {
                let folder = try place("calibration")
                let statistics = folder + "/statistics"
                let rows = (0..<8).map { text in "{\"tokens\": \(Array(40 * text..<40 * text + 80))}\n" }
                try rows.joined().write(toFile: folder + "/rows.jsonl", atomically: true, encoding: .utf8)
                let run = try ProgramRun.ingot(
                    "calibrate", checkpoint, "--data", folder + "/rows.jsonl", "--output", statistics,
                    "--observe", "ranges,key-values", "--quiet")
                #expect(run.exit == 0, "\(run.errors)")
                words += ["--calibration", statistics, "--kv-scales"]
            }
            let run = try ProgramRun(Repository.program("ingot"), words)
            #expect(run.exit == 0, "\(run.errors)")
            options += try parity(artefact)
            checkpoint = artefact
        }
        let output = try place("release") + "/" + (scheme ?? "plain")
        let run = try ProgramRun(
            Repository.program("ingot"),
            prepare(checkpoint, output) + ["--base", try base.get(), "--medical"]
                + options)
        #expect(run.exit == 0, "\(run.errors)\(run.output)")
        return output
    }

    /// Compares with the base; the option of prepare with the result.
    static func parity(_ checkpoint: String) throws -> [String] {
        let run = try ProgramRun.ingot("verify", try base.get(), checkpoint, "--json", "--quiet")
        // A few texts of no domain may say no: the card tells what was measured, whatever the verdict.
        #expect([0, 1].contains(run.exit), "\(run.errors)")
        let path = try place("parity") + "/parity.json"
        try run.output.write(toFile: path, atomically: true, encoding: .utf8)
        return ["--parity", path]
    }

    /// The arguments of prepare that every release needs.
    static func prepare(_ checkpoint: String, _ output: String) -> [String] {
        [
            "publish", "prepare", checkpoint, "--base-model", "acme/ling-tiny-icd", "--license", "apache-2.0",
            "--output", output,
        ]
    }

    /// A folder that is removed when the process ends.
    static func place(_ name: String) throws -> String {
        let folder = NSTemporaryDirectory() + "ingot-publish-\(getpid())/\(name)-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        if leftover.isEmpty {
            leftover = NSTemporaryDirectory() + "ingot-publish-\(getpid())"
            atexit { try? FileManager.default.removeItem(atPath: leftover) }
        }
        return folder
    }
}

private nonisolated(unsafe) var leftover = ""

/// A copy of a release that may be changed.
struct ReleaseCopy {
    let folder: TemporaryFolder
    let path: String

    /// - Parameter keepsSums: without, the list of digests goes, so that a change shows as what it is.
    init(_ source: Result<String, any Error>, keepsSums: Bool = false) throws {
        folder = try TemporaryFolder()
        path = try folder.copy(of: try source.get(), named: "release")
        if !keepsSums { try FileManager.default.removeItem(atPath: path + "/SHA256SUMS") }
    }

    func file(_ name: String) -> String { path + "/" + name }

    func text(_ name: String) throws -> String { try String(contentsOfFile: file(name), encoding: .utf8) }

    func write(_ text: String, _ name: String) throws {
        let url = URL(fileURLWithPath: file(name))
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    func append(_ text: String, _ name: String) throws { try write(try self.text(name) + text, name) }

    func replace(_ old: String, _ new: String, _ name: String) throws {
        let text = try text(name)
        try #require(text.contains(old), "\(name) has no \(old)")
        try write(text.replacing(old, with: new), name)
    }

    func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: file(name)) }

    /// Changes a JSON object.
    func edit(_ name: String, _ change: (inout JSONObject) -> Void) throws {
        guard case .object(var object) = try JSONValue(parsing: Array(try text(name).utf8)) else { return }
        change(&object)
        try write(JSONValue.object(object).text() + "\n", name)
    }

    /// Changes the front matter.
    func frontMatter(_ change: (inout JSONObject) -> Void) throws {
        var card = try FrontMatter(try text("README.md"))
        change(&card.values)
        try write(FrontMatter.render(card.values, body: card.body), "README.md")
    }

    /// Changes the tensors of a shard.
    func tensors(_ name: String, _ change: (inout TensorFile) throws -> Void) throws {
        var tensors = try TensorFile(file(name))
        try change(&tensors)
        try tensors.write(file(name))
    }

    /// Flips a bit of the last byte of a file.
    func flip(_ name: String) throws {
        var data = try Data(contentsOf: URL(fileURLWithPath: file(name)))
        data[data.count - 1] ^= 1
        try data.write(to: URL(fileURLWithPath: file(name)))
    }

    func check(deep: Bool = true, hubs: [Hub]? = nil) throws -> ReleaseReport {
        try ReleaseCheck(hubs: hubs, isDeep: deep, progress: SilentProgress()).run(path)
    }
}
