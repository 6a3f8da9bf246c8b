// A checkpoint to convert, the bytes it must give, and runs that are stopped at chosen points.

import Checkpoints
import Documents
import Foundation
import TestSupport
import Testing

/// A folder with a checkpoint of about 70 MB in twelve shards, and where its artefact goes.
struct Workbench {
    static let journal = ".ingot-journal.jsonl"
    /// Large enough that a matrix and the embedding take several steps at every number of jobs.
    static let changes: [String: JSONValue?] = [
        "hidden_size": 512, "intermediate_size": 4096, "moe_intermediate_size": 256,
        "moe_shared_expert_intermediate_size": 256, "num_experts": 16, "num_hidden_layers": 5,
        "num_attention_heads": 8, "num_key_value_heads": 2, "vocab_size": 4096, "eos_token_id": 5,
        "pad_token_id": 5, "bos_token_id": 4,
    ]

    let folder: TemporaryFolder
    let source: String
    let output: String

    init(shards: Int = 12, maker: CheckpointMaker? = nil) throws {
        folder = try TemporaryFolder()
        source = try (maker ?? CheckpointMaker.micro(Self.changes)).write(
            folder.path("source"), shards: shards)
        output = folder.path("out")
    }

    var partial: String { output + ".partial" }

    func arguments(_ more: [String] = [], scheme: String = "fp8-block") -> [String] {
        ["quantise", source, "--scheme", scheme, "--output", output] + more
    }

    /// Runs to the end.
    func run(_ more: String..., scheme: String = "fp8-block") throws -> ProgramRun {
        try ProgramRun(Repository.program("ingot"), arguments(more, scheme: scheme))
    }

    func start(_ more: String..., scheme: String = "fp8-block") throws -> StartedProgram {
        try StartedProgram(Repository.program("ingot"), arguments(more, scheme: scheme))
    }

    /// The digests of an uninterrupted run; its output is removed.
    func reference(scheme: String = "fp8-block") throws -> [String: String] {
        let run = try run(scheme: scheme)
        #expect(run.exit == 0, "\(run.errors)")
        let digests = try folderDigest(output)
        try FileManager.default.removeItem(atPath: output)
        return digests
    }

    /// The output is whole and nothing else is left beside the source.
    func expectWhole(_ reference: [String: String], _ what: Comment? = nil) throws {
        #expect(try names(in: folder.path) == ["out", "source"], what)
        #expect(try folderDigest(output) == reference, what)
    }

    /// Starts runs until one could be frozen when something stands in the partial folder.
    ///
    /// - Returns: the frozen run; the caller lets it go on.
    func frozen(_ more: String..., when stands: (Set<String>) -> Bool) throws -> StartedProgram {
        for _ in 0..<8 {
            let run = try StartedProgram(Repository.program("ingot"), arguments(more))
            while run.isRunning {
                if stands(Set((try? names(in: partial)) ?? [])) {
                    run.send(SIGSTOP)
                    usleep(2000)
                    if FileManager.default.fileExists(atPath: partial) { return run }
                    run.send(SIGCONT)
                    break
                }
                usleep(100)
            }
            _ = try run.wait()
            try? FileManager.default.removeItem(atPath: output)
        }
        throw NeverFrozen()
    }

    /// A run frozen after its first shard was sealed and noted.
    func frozenAfterSeal(_ more: String...) throws -> StartedProgram {
        try frozen { names in names.contains { $0.hasSuffix("02-of-00012.safetensors") } }
    }

    /// A run killed after its first shard was sealed and noted.
    func killAfterSeal() throws {
        let run = try frozenAfterSeal()
        run.send(SIGKILL)
        #expect(try run.wait().exit == 128 + SIGKILL)
        #expect(FileManager.default.fileExists(atPath: partial + "/" + Self.journal))
    }

    struct NeverFrozen: Error {}
}

/// Changes one byte of a file in place.
func flipByte(_ path: String, at offset: UInt64) throws {
    let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
    defer { try? file.close() }
    try file.seek(toOffset: offset)
    let byte = try file.read(upToCount: 1)?.first ?? 0
    try file.seek(toOffset: offset)
    try file.write(contentsOf: Data([byte ^ 1]))
}
