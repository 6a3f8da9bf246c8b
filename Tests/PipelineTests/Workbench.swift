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

    /// A workbench on the shared checkpoint, or on one of its own, which a test may change.
    init(shards: Int = 12, maker: CheckpointMaker? = nil, own: Bool = false) throws {
        folder = try TemporaryFolder()
        source = folder.path("source")
        output = folder.path("out")
        if let maker {
            try maker.write(source, shards: shards)
        } else if own {
            try FileManager.default.copyItem(atPath: try Shared.made.get().path, toPath: source)
        } else {
            try FileManager.default.createSymbolicLink(
                atPath: source, withDestinationPath: try Shared.made.get().path)
        }
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

    /// The digests of an uninterrupted run on the shared checkpoint.
    func reference(scheme: String = "fp8-block") throws -> [String: String] {
        try (scheme == "fp8-block" ? Shared.block : Shared.channel).get()
    }

    /// The digests of an uninterrupted run on the checkpoint as it is now; its output is removed.
    func fresh(scheme: String = "fp8-block") throws -> [String: String] {
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
        for _ in 0..<50 {
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

/// The checkpoint that most tests only read, made once, and what it must become.
private enum Shared {
    static let made: Result<TemporaryFolder, any Error> = Result {
        let folder = try TemporaryFolder()
        try CheckpointMaker.micro(Workbench.changes).write(folder.path, shards: 12)
        // Nothing that is static is ever released.
        leftover = folder.path
        atexit { try? FileManager.default.removeItem(atPath: leftover) }
        return folder
    }
    static let block = Result { try Workbench().fresh() }
    static let channel = Result { try Workbench().fresh(scheme: "fp8-channel") }
}

private nonisolated(unsafe) var leftover = ""

/// A checkpoint of a few of Ling-flash's matrices, all holes: long enough to be caught at work.
func largeMatrices(experts: Int = 16) throws -> CheckpointMaker {
    var maker = try CheckpointMaker(
        "Fixtures/configs/ling-flash-2.0.json",
        [
            "num_hidden_layers": 2, "num_experts": .integer(experts), "vocab_size": 4096, "eos_token_id": 5,
            "pad_token_id": 5,
        ])
    maker.isSparse = true
    return maker
}
