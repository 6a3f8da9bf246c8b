// The forms a result is given in: text, one JSON document, and silence.

import Documents
import Foundation
import TestSupport
import Testing

struct ReportTests {
    private let folder: TemporaryFolder
    private let source = Repository.checkpoint("micro")

    init() throws { folder = try TemporaryFolder() }

    private func document(_ run: ProgramRun) throws -> JSONObject {
        guard case .object(let object) = try JSONValue(parsing: Array(run.output.utf8)) else {
            Issue.record("not an object: \(run.output)")
            return JSONObject()
        }
        return object
    }

    @Test func oneDocumentForSuccess() throws {
        for (more, key) in [(["--dry-run"], "shards"), ([], "roles"), (["--resume"], "complete")] {
            let run = try ProgramRun(
                Repository.program("ingot"),
                ["quantise", source, "--output", folder.path("out"), "--json"] + more)
            #expect(run.exit == 0, "\(run.errors)")
            let object = try document(run)
            #expect(object.keys == ["schema", "command", "exit", "peak_bytes", "findings", "result"])
            #expect(object["exit"] == 0)
            guard case .object(let result)? = object["result"] else {
                Issue.record("no result")
                continue
            }
            #expect(result[key] != nil, "\(key) in \(result.keys)")
        }
    }

    @Test(arguments: [
        ["quantise", "nowhere", "--output", "out", "--json"], ["dequantise", "micro", "--json", "-o", "out"],
        ["explain", "NO-1", "--json"],
    ]) func oneDocumentForFailure(_ arguments: [String]) throws {
        _ = try folder.copy(of: source, named: "micro")
        let run = try ProgramRun(Repository.program("ingot"), arguments, in: folder.path)
        #expect(run.exit != 0)
        let object = try document(run)
        #expect(object["exit"] == .integer(Int(run.exit)))
        #expect(object["result"] == .null)
        guard case .array(let findings)? = object["findings"], case .object(let first)? = findings.first
        else {
            Issue.record("no findings")
            return
        }
        #expect(first["code"] != nil && first["what"] != nil && first["level"] == "error")
        #expect(!run.errors.contains("error:"), "said twice: \(run.errors)")
    }

    @Test func pipedOutputHoldsNoEscape() throws {
        for progress in ["auto", "plain", "none"] {
            let run = try ProgramRun.ingot(
                "quantise", source, "--output", folder.path(progress), "--progress", progress)
            #expect(run.exit == 0)
            #expect(!(run.output + run.errors).contains("\u{1B}"))
            #expect(!(run.output + run.errors).contains("\r"))
        }
    }

    @Test func quietSaysResultsAndErrorsOnly() throws {
        let loud = try ProgramRun.ingot("quantise", source, "--output", folder.path("loud"))
        #expect(loud.errors.contains("note: "), "micro has a folder that is not carried")
        let quiet = try ProgramRun.ingot("quantise", source, "--output", folder.path("quiet"), "--quiet")
        #expect(quiet.errors.isEmpty, "\(quiet.errors)")
        #expect(quiet.output.hasPrefix("quantised micro with fp8-block"))
        let failed = try ProgramRun.ingot("quantise", "nowhere", "--output", folder.path("x"), "--quiet")
        #expect(failed.errors.contains("FILE-001"))
    }

    @Test func spellings() throws {
        let ise = try ProgramRun.ingot("quantise", source, "--output", folder.path("s"))
        let ize = try ProgramRun.ingot("quantize", source, "--output", folder.path("z"))
        #expect(ise.exit == 0 && ize.exit == 0)
        #expect(try folderDigest(folder.path("s")) == folderDigest(folder.path("z")))
        let back = try ProgramRun.ingot("dequantize", folder.path("s"), "-o", folder.path("plain"))
        #expect(back.exit == 0, "\(back.errors)")
    }

    @Test func nothingIsWrittenByADryRun() throws {
        let run = try ProgramRun.ingot("quantise", source, "--output", folder.path("a/out"), "--dry-run")
        #expect(run.exit == 0)
        #expect(run.output.contains("nothing was written"))
        #expect(try names(in: folder.path).isEmpty)
    }

    @Test func theRecordNamesNoPlace() throws {
        let source = try folder.copy(of: source, named: "micro")
        #expect(try ProgramRun.ingot("quantise", source, "--output", folder.path("out")).exit == 0)
        for name in ["quantisation.json", "config.json"] {
            let text = try String(contentsOfFile: folder.path("out/" + name), encoding: .utf8)
            #expect(!text.contains(folder.path))
            guard case .object = try JSONValue(parsing: Array(text.utf8)) else {
                Issue.record("\(name) is not an object")
                continue
            }
        }
    }

    @Test(arguments: [[], ["quantise"], ["dequantise"], ["profiles"], ["profiles", "show"], ["explain"]])
    func help(_ command: [String]) throws {
        for flag in ["--help", "-h"] {
            let run = try ProgramRun(Repository.program("ingot"), command + [flag])
            #expect(run.exit == 0)
            #expect(run.output.contains("USAGE: "))
            #expect(run.errors.isEmpty)
            for line in run.output.split(separator: "\n") { #expect(line.count <= 120, "\(line)") }
        }
    }

    @Test func everyFlagIsExplained() throws {
        let run = try ProgramRun.ingot("quantise", "--help")
        for flag in [
            "--scheme", "--target", "--keep", "--output", "--dry-run", "--resume", "--replace", "--jobs",
            "--json", "--quiet", "--verbose", "--progress",
        ] { #expect(run.output.contains(flag)) }
    }
}
