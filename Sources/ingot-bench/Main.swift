// ingot-bench: named measurements, each as a ratio to something measured in the same run.

import ArgumentParser
import Backends
import CKernels
import Checkpoints
import Diagnostics
import Documents
import Glibc

@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingot-bench",
        abstract: "Measure the kernels, the conversion and the passes, as ratios to what the machine can do.",
        discussion: """
            Needs about 5 GB on the disk of --folder for the whole conversion and for passes, and as much \
            memory for passes.
            """)

    @Argument(
        help: """
            Measurements to run: encode, digest, header, quantise, shard, publish, product, prefill, decode, draft-train. \
            All without an argument.
            """)
    var names: [String] = Self.all

    @Option(help: "Turns of each measurement.")
    var turns = 5

    @Option(help: "Where the synthetic checkpoint is made.")
    var folder = "."

    @Option(help: "The scheme of the whole conversion.")
    var scheme = "fp8-block"

    @Option(help: "The ingot program; by default the one beside this program.")
    var program: String?

    @Option(help: "The checkpoint of prefill and decode; one is made without.")
    var model: String?

    @Option(help: "Experts of the checkpoint that is made.")
    var experts = 64

    @Option(help: "Layers of the checkpoint that is made, the first one dense.")
    var layers = 2

    @Option(help: "Backends of prefill and decode: reference, openblas, fused.")
    var backends = "openblas,fused"

    @Option(help: "Tokens of prefill.")
    var tokens = 512

    @Option(help: "Threads of products and passes.")
    var threads = 2

    @Flag(help: "Leave OPENBLAS_CORETYPE as the environment has it.")
    var keepCore = false

    @Flag(help: "Print JSON.")
    var json = false

    static let all = [
        "encode", "digest", "header", "quantise", "shard", "publish", "product", "prefill", "decode",
        "draft-train",
    ]

    func validate() throws {
        for name in names where !Self.all.contains(name) {
            throw ValidationError("no measurement \(name); there are \(Self.all.joined(separator: ", "))")
        }
        for (name, value) in [("turns", turns), ("tokens", tokens), ("threads", threads)] where value < 1 {
            throw ValidationError("--\(name) takes a number above 0")
        }
        for name in backends.split(separator: ",") where backend(String(name)) == nil {
            throw ValidationError("no backend \(name); there are reference, openblas, fused")
        }
    }

    func run() throws {
        // As the commands that run the model do.
        keepLargeMemory()
        // Kernels of another processor halve the speed of products, and figures of them are figures of nothing.
        if !keepCore { unsetenv("OPENBLAS_CORETYPE") }
        var results: [Measurement] = []
        do {
            if names.contains("encode") { results += EncodeMeasurement.run(turns: turns) }
            if names.contains("digest") { results += DigestMeasurement.run(turns: turns) }
            if names.contains("header") { results += try HeaderMeasurement.run(turns: turns) }
            if names.contains("quantise") {
                results += try QuantiseMeasurement.run(
                    turns: turns, program: program ?? beside, folder: folder, scheme: scheme)
            }
            if names.contains("shard") {
                results += try ShardMeasurement.run(
                    turns: turns, program: program ?? beside, folder: folder)
            }
            if names.contains("publish") {
                results += try PublishMeasurement.run(
                    turns: turns, program: program ?? beside, folder: folder)
            }
            if names.contains("product") {
                results += ProductMeasurement.run(turns: turns, threads: threads)
            }
            if names.contains("prefill") {
                results += try withModel(quantised: false) { try $0.prefill(tokens: tokens) }
            }
            if names.contains("decode") {
                results += try withModel(quantised: true) { try $0.decode(tokens: 16) }
            }
            if names.contains("draft-train") {
                results += try DraftMeasurement(turns: turns, threads: threads).run()
            }
        } catch let failure as Failure {
            throw BenchError(message: failure.findings.map(\.text).joined(separator: "\n"))
        }
        if json {
            print(JSONValue.array(results.map(\.document)).text())
            return
        }
        var table = TextTable(Measurement.header, numeric: [1, 2, 3, 4, 5])
        for result in results { table.add(result.row) }
        print(table.text)
        let mean = exp(results.reduce(0) { $0 + log($1.ratio) } / Double(max(1, results.count)))
        print("geometric mean of ratios \(decimals(mean, 3))")
    }

    private func backend(_ name: String) -> (any Backend)? {
        switch name {
        case "reference": ReferenceBackend(numerics: .f32)
        case "openblas": OpenBLASBackend(numerics: .f32, threads: threads)
        case "fused": FusedBackend(numerics: .f32, threads: threads)
        default: nil
        }
    }

    /// Measures on the model named, or on one made for it and removed again.
    private func withModel(
        quantised: Bool, _ body: (PassMeasurement) throws -> [Measurement]
    ) throws -> [Measurement] {
        let (plain, codes) = (joined(folder, "ingot-bench-model"), joined(folder, "ingot-bench-codes"))
        defer {
            for path in [plain, codes] where model == nil { try? FileAccess.remove(path) }
        }
        if model == nil {
            _ = try writeSyntheticCheckpoint(plain, layers: layers, experts: experts, shardBytes: 512 << 20)
            if quantised {
                _ = try ChildProcess(
                    [
                        program ?? beside, "quantise", plain, "--scheme", scheme, "--output", codes,
                        "--quiet",
                    ])
            }
        }
        return try body(
            PassMeasurement(
                folder: model ?? (quantised ? codes : plain),
                backends: backends.split(separator: ",").compactMap { backend(String($0)) }, turns: turns,
                threads: threads, budget: 12 << 30))
    }

    private var beside: String {
        let own = CommandLine.arguments[0]
        guard let slash = own.lastIndex(of: "/") else { return "ingot" }
        return own[...slash] + "ingot"
    }
}
