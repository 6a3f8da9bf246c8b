// ingot-bench: named measurements, each as a ratio to something measured in the same run.

import ArgumentParser
import CKernels
import Diagnostics
import Documents
import Glibc

@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingot-bench",
        abstract: "Measure the kernels and the conversion, as ratios to copying.",
        discussion: "Needs about 5 GB on the disk of --folder for the whole conversion.")

    @Argument(help: "Measurements to run: encode, digest, header, quantise. All without an argument.")
    var names: [String] = Self.all

    @Option(help: "Turns of each measurement.")
    var turns = 5

    @Option(help: "Where the synthetic checkpoint is made.")
    var folder = "."

    @Option(help: "The scheme of the whole conversion.")
    var scheme = "fp8-block"

    @Option(help: "The ingot program; by default the one beside this program.")
    var program: String?

    @Flag(help: "Print JSON.")
    var json = false

    static let all = ["encode", "digest", "header", "quantise"]

    func validate() throws {
        for name in names where !Self.all.contains(name) {
            throw ValidationError("no measurement \(name); there are \(Self.all.joined(separator: ", "))")
        }
        guard turns > 0 else { throw ValidationError("--turns takes a number above 0") }
    }

    func run() throws {
        var results: [Measurement] = []
        do {
            if names.contains("encode") { results += EncodeMeasurement.run(turns: turns) }
            if names.contains("digest") { results += DigestMeasurement.run(turns: turns) }
            if names.contains("header") { results += try HeaderMeasurement.run(turns: turns) }
            if names.contains("quantise") {
                results += try QuantiseMeasurement.run(
                    turns: turns, program: program ?? beside, folder: folder, scheme: scheme)
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

    private var beside: String {
        let own = CommandLine.arguments[0]
        guard let slash = own.lastIndex(of: "/") else { return "ingot" }
        return own[...slash] + "ingot"
    }
}
