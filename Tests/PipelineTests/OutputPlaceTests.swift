// Where an output may not be, and what stands there must not be lost.

import Foundation
import TestSupport
import Testing

struct OutputPlaceTests {
    private let folder: TemporaryFolder
    private let source: String

    init() throws {
        folder = try TemporaryFolder()
        source = try folder.copy(of: Repository.checkpoint("micro"), named: "source")
        // Values of the authors' code, no part of the checkpoint.
        try FileManager.default.removeItem(atPath: source + "/golden")
    }

    private func quantise(_ output: String, _ more: String...) throws -> ProgramRun {
        try ProgramRun(
            Repository.program("ingot"), ["quantise", source, "--output", output] + more)
    }

    private func expect(
        _ run: ProgramRun, _ exit: Int32, _ code: String, at location: SourceLocation = #_sourceLocation
    ) {
        #expect(run.exit == exit, "\(run.errors)", sourceLocation: location)
        #expect(run.errors.contains(code), "\(run.errors)", sourceLocation: location)
        #expect(run.output.isEmpty, sourceLocation: location)
    }

    private func write(_ text: String, _ path: String) throws {
        try text.write(toFile: path, atomically: false, encoding: .utf8)
    }

    @Test func insideOrAroundTheInput() throws {
        let before = try folderDigest(source)
        for more in [[], ["--replace"], ["--resume"]] {
            for output in [
                source, source + "/", source + "/out", source + "/a/b", folder.path, source + "/../source",
            ] {
                let run = try ProgramRun(
                    Repository.program("ingot"), ["quantise", source, "--output", output] + more)
                expect(run, 64, "OUT-004")
            }
        }
        #expect(try folderDigest(source) == before)
        #expect(try names(in: folder.path) == ["source"])
    }

    @Test func theWorkWouldBeDoneInTheInput() throws {
        try FileManager.default.moveItem(atPath: source, toPath: folder.path("model.partial"))
        let before = try folderDigest(folder.path("model.partial"))
        for more in [[], ["--replace"], ["--resume"], ["--resume", "--replace"]] {
            let run = try ProgramRun(
                Repository.program("ingot"),
                ["quantise", folder.path("model.partial"), "--output", folder.path("model")] + more)
            expect(run, 64, "OUT-004")
        }
        #expect(try folderDigest(folder.path("model.partial")) == before)
    }

    @Test func throughALink() throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("link"), withDestinationPath: source)
        expect(try quantise(folder.path("link")), 64, "OUT-004")
        expect(try quantise(folder.path("link/out")), 64, "OUT-004")
        // A folder cannot take the name of a link: said before the work, not after it.
        try FileManager.default.createDirectory(
            atPath: folder.path("empty"), withIntermediateDirectories: false)
        for target in ["empty", "nothing"] {
            try? FileManager.default.removeItem(atPath: folder.path("other"))
            try FileManager.default.createSymbolicLink(
                atPath: folder.path("other"), withDestinationPath: folder.path(target))
            expect(try quantise(folder.path("other")), 73, "OUT-001")
        }
    }

    @Test func aFile() throws {
        try write("mine", folder.path("out"))
        for more in ["--resume", "--replace"] {
            expect(try quantise(folder.path("out"), more), 73, "OUT-001")
        }
        #expect(try String(contentsOfFile: folder.path("out"), encoding: .utf8) == "mine")
    }

    @Test func aFolderWithThings() throws {
        try FileManager.default.createDirectory(
            atPath: folder.path("out"), withIntermediateDirectories: false)
        // An empty folder is as good as none.
        #expect(try quantise(folder.path("out")).exit == 0)
        expect(try quantise(folder.path("out")), 73, "OUT-001")
        #expect(try quantise(folder.path("out"), "--replace").exit == 0)
        #expect(try names(in: folder.path) == ["out", "source"])
    }

    /// --replace removes a checkpoint that stands at the output; never anything else.
    @Test func aFolderThatIsNoCheckpoint() throws {
        try FileManager.default.createDirectory(
            atPath: folder.path("out/photos"), withIntermediateDirectories: true)
        try write("mine", folder.path("out/photos/one"))
        expect(try quantise(folder.path("out"), "--replace"), 73, "OUT-009")
        #expect(try String(contentsOfFile: folder.path("out/photos/one"), encoding: .utf8) == "mine")
        // config.json alone is in folders of many programs.
        try write("{}", folder.path("out/config.json"))
        expect(try quantise(folder.path("out"), "--replace"), 73, "OUT-009")
        #expect(try String(contentsOfFile: folder.path("out/photos/one"), encoding: .utf8) == "mine")
        #expect(try names(in: folder.path) == ["out", "source"])
    }

    /// The same holds for the folder the work is done in.
    @Test func aPartialFolderThatIsNotOurs() throws {
        try FileManager.default.createDirectory(
            atPath: folder.path("out.partial"), withIntermediateDirectories: false)
        try write("mine", folder.path("out.partial/thesis.txt"))
        for more in ["--replace", "--resume", "--quiet"] {
            expect(try quantise(folder.path("out"), more), 73, "OUT-009")
        }
        #expect(try names(in: folder.path("out.partial")) == ["thesis.txt"])
        try FileManager.default.removeItem(atPath: folder.path("out.partial"))
        try write("mine", folder.path("out.partial"))
        expect(try quantise(folder.path("out"), "--replace"), 73, "OUT-009")
    }

    /// What a run that was killed before it could seal anything leaves.
    @Test func leftovers() throws {
        try FileManager.default.createDirectory(
            atPath: folder.path("out.partial"), withIntermediateDirectories: false)
        try write("", folder.path("out.partial/.ingot-journal.jsonl"))
        try write("half", folder.path("out.partial/model.safetensors.writing-1-1"))
        try write("half", folder.path("out.partial/config.json.writing-1"))
        expect(try quantise(folder.path("out")), 73, "OUT-002")
        #expect(try quantise(folder.path("out"), "--resume").exit == 0)
        #expect(try names(in: folder.path) == ["out", "source"])
        #expect(
            try names(in: folder.path("out"))
                == (names(in: source) + ["quantisation.json"]).sorted())
    }

    @Test func missingParentsAreMade() throws {
        #expect(try quantise(folder.path("a/b/out")).exit == 0)
        #expect(try names(in: folder.path("a/b")) == ["out"])
    }

    @Test func aPlaceWhereNothingCanBeMade() throws {
        let run = try quantise("/proc/out")
        #expect(run.exit == 73, "\(run.errors)")
    }
}
