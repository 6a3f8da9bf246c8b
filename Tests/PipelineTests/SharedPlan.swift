// A plan that several processes share, in a folder of its own: planned, worked on, merged.

import Checkpoints
import Documents
import Foundation
import TestSupport
import Testing

/// A command that writes an artefact, done in units.
struct SharedPlan {
    let folder: TemporaryFolder
    /// Without `--output`.
    let command: [String]
    let output: String
    let plan: String

    /// - Parameter command: what to do, without `--output`.
    init(_ command: [String]) throws {
        folder = try TemporaryFolder()
        self.command = command
        output = folder.path("out")
        plan = folder.path("plan.json")
    }

    /// A quantisation of the checkpoint with twelve shards.
    static func quantisation(_ bench: Workbench) throws -> SharedPlan {
        try SharedPlan(["quantise", bench.source, "--scheme", "fp8-block"])
    }

    var partial: String { output + ".partial" }
    /// The folder of the plan's lines.
    var lines: String {
        let folder = partial + "/.ingot-units"
        return folder + "/" + ((try? names(in: folder))?.first ?? "")
    }

    func ingot(_ words: [String], _ environment: [String: String] = [:]) throws -> ProgramRun {
        try ProgramRun(
            Repository.program("ingot"), words, in: folder.path, environment: environment)
    }

    /// Plans; the paths are those of the folder's own.
    @discardableResult
    func open(_ more: String...) throws -> ProgramRun {
        try ingot(command + ["--output", "out", "--units", "plan.json"] + more)
    }

    func work(_ more: String..., environment: [String: String] = [:]) throws -> ProgramRun {
        try ingot(["unit", "run", "plan.json"] + more, environment)
    }

    func start(_ more: String...) throws -> StartedProgram {
        try StartedProgram(
            Repository.program("ingot"), ["unit", "run", "plan.json"] + more, in: folder.path)
    }

    func merge(_ more: String...) throws -> ProgramRun { try ingot(["unit", "merge", "plan.json"] + more) }

    /// The keys of the units.
    func keys() throws -> [String] {
        let file = try StrictReader(try document())
        return try file.objects("units").map { try $0.string("key") }
    }

    func document() throws -> JSONValue {
        try JSONValue(parsing: [UInt8](try Data(contentsOf: URL(fileURLWithPath: plan))))
    }

    /// Writes the plan with something in it changed.
    func rewrite(_ change: (inout JSONObject) -> Void) throws {
        guard case .object(var object) = try document() else { return }
        change(&object)
        try JSONValue.object(object).text().write(toFile: plan, atomically: true, encoding: .utf8)
    }

    /// The output is what one process made, to the last byte, and nothing else is left.
    func expectWhole(_ reference: [String: String], _ what: Comment? = nil) throws {
        #expect(try names(in: folder.path) == ["out", "plan.json"], what)
        let found = try deepDigest(output)
        #expect(found == reference, what)
    }
}

/// Every file below a folder and its digest.
func deepDigest(_ folder: String) throws -> [String: String] {
    var digests: [String: String] = [:]
    let all = try FileManager.default.subpathsOfDirectory(atPath: folder)
    for name in all {
        var isFolder: ObjCBool = false
        _ = FileManager.default.fileExists(atPath: folder + "/" + name, isDirectory: &isFolder)
        if isFolder.boolValue { continue }
        digests[name] = try digestFile(folder + "/" + name).digest
    }
    return digests
}
