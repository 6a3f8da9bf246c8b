// ingot verify: is the artefact still the model?

import Architectures
import ArgumentParser
import Backends
import Checkpoints
import Diagnostics
import Documents
import Parity
import ReferenceModel
import Tokenisation

/// Compares two sides.
struct Verify: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Compare a checkpoint with another, a recorded run, or a server: is it still the model?",
        usage: """
            ingot verify LEFT RIGHT [--data FILE.jsonl] [--report FILE.html]
            ingot verify LEFT --endpoint http://HOST:PORT
            ingot verify LEFT --record FOLDER
            """,
        discussion: """
            LEFT is what is right, RIGHT is what is judged: each a checkpoint, a recorded run (a folder with \
            golden.json and a safetensors file), or the address of a vLLM or SGLang that runs. Checkpoints run \
            side by side, layer by layer, in bounded memory. Limits come from a tolerance profile, chosen from what the two are unless --tolerance names one. Exit status \
            1 when a limit is broken.

            Example:
              ingot verify Ling-flash-2.0 FP8 --data texts.jsonl --report parity.html
            """)

    @Argument(
        help: "The side that is right: a checkpoint or a recorded run.", completion: .directory)
    var left: String

    @Argument(
        help: "The side that is judged; left out beside --endpoint or --record.", completion: .directory)
    var right: String?

    @OptionGroup(title: EndpointOptions.title) var endpoint: EndpointOptions

    @Option(
        help: ArgumentHelp(
            "Of a server: the likeliest tokens to ask for at each position.", valueName: "count"))
    var top = 20

    @Option(
        help: ArgumentHelp("Run LEFT alone and write what it shows to a new folder.", valueName: "folder"),
        completion: .directory)
    var record: String?

    @OptionGroup(title: ParitySampleOptions.title) var samples: ParitySampleOptions

    @Option(
        help: ArgumentHelp(
            "The limits: \(Tolerance.names(.embedded).joined(separator: ", ")), or a file.", valueName: "name"
        ), completion: .tolerances)
    var tolerance: String?

    @Option(
        help: ArgumentHelp(
            "What to look at, with commas between: \(ParityCheck.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "list"), completion: .checks)
    var checks: String?

    @Option(
        help: ArgumentHelp("Write the report as one HTML file.", valueName: "file"), completion: .page)
    var report: String?

    @Flag(help: "Try known faults when a limit is broken, on a large checkpoint too: each costs a pass.")
    var diagnose = false

    @Flag(help: "Check everything and print the plan; run nothing.")
    var dryRun = false

    @Option(
        help: ArgumentHelp("What multiplies for the left side; as --backend by default.", valueName: "name"),
        completion: .backends)
    var leftBackend: String?

    @Option(
        help: ArgumentHelp("Whose roundings the left side has.", valueName: "name"), completion: .numerics)
    var leftNumerics = Numerics.f32.name

    @OptionGroup(title: BackendOptions.title) var backend: BackendOptions
    @OptionGroup(title: HelpPage.generalTitle) var options: ReportOptions

    func validate() throws {
        guard (1...1000).contains(top) else { throw ValidationError("--top takes a number from 1 to 1000") }
        let others = [right, endpoint.endpoint, record].compactMap { $0 }
        guard others.count == 1 else {
            throw ValidationError(
                others.isEmpty
                    ? "what to compare LEFT with is missing: RIGHT, --endpoint URL, or --record FOLDER"
                    : "RIGHT, --endpoint and --record exclude each other")
        }
    }

    func run() throws {
        try options.report("verify") { () throws(Failure) in
            stopOnSignals()
            try checkReportPath()
            // Words are cheap to judge: before a checkpoint is opened.
            if let tolerance { _ = try Tolerance.named(tolerance, .embedded) }
            let named = try namedChecks()
            let first = try side(left, isLeft: true)
            if let record { return try recording(of: first, to: record) }
            let second = try side(right ?? endpoint.endpoint ?? "", isLeft: false)
            return try comparison(first, second, named)
        }
    }

    /// A report that cannot be written is told before the run, not after it.
    private func checkReportPath() throws(Failure) {
        guard let report else { return }
        let folder =
            report.contains("/") ? String(report[..<(report.lastIndex(of: "/") ?? report.startIndex)]) : "."
        guard FileAccess.kind(folder.isEmpty ? "/" : folder) != .folder || FileAccess.kind(report) == .folder
        else { return }
        throw Failure(
            Finding(
                .error, .reportImpossible, "the report cannot be written there", file: report,
                option: "--report", expected: "the name of a file in a folder that is there",
                found: FileAccess.kind(report) == .folder ? "a folder of this name" : "no folder \(folder)",
                remedy: FileAccess.kind(report) == .folder ? "give a file's name" : "mkdir -p \(folder)"))
    }

    private func comparison(
        _ first: ParitySide, _ second: ParitySide, _ named: [ParityCheck]
    ) throws(Failure) -> CommandResult {
        let (profile, reason) = try chooseTolerance(first, second)
        let rows = try samples.rows(first, second)
        let items = try samples.items(first, second)
        let checks = try chosenChecks(first, second, hasItems: !items.isEmpty, named)
        if dryRun {
            let words = ParityCheck.allCases.filter(checks.contains).map(\.rawValue).joined(separator: ", ")
            return plan(
                [("LEFT", first), ("RIGHT", second)], rows, items,
                "checks: \(words)\n  limits: \(profile.name), \(reason)")
        }
        let run = ParityRun(
            left: first, right: second, rows: rows, items: items, tolerance: profile, checks: checks,
            batchTokens: samples.batchTokens(first, second, budget: backend.budget), diagnoses: diagnose)
        let result = try run.run(progress: options.sink)
        let report = ParityReport(run: run, result: result, toleranceReason: reason)
        if let path = self.report { try report.write(to: path) }
        return CommandResult(
            text: report.text(isVerbose: options.verbose), document: report.document,
            findings: result.findings, exit: result.passed ? .done : .refused)
    }

    private func recording(of side: ParitySide, to folder: String) throws(Failure) -> CommandResult {
        guard let model = side.model else {
            throw Failure(
                Finding(
                    .error, .checkImpossible, "only a checkpoint can be recorded",
                    option: "--record \(folder)",
                    expected: "a checkpoint as LEFT", found: side.title))
        }
        let rows = try samples.rows(side, side)
        if dryRun { return plan([("LEFT", side)], rows, [], "checks: none, a recording is written") }
        let bytes = try RunRecorder(model: model, rows: rows).write(to: folder, progress: options.sink)
        return CommandResult(
            text:
                "recorded \(grouped(rows.count)) texts of \(model.folder) in \(folder): \(byteCount(bytes))",
            document: [
                "folder": .string(folder), "texts": .integer(rows.count),
                "tokens": .integer(rows.reduce(0) { $0 + $1.tokens.count }), "bytes": .integer(bytes),
            ])
    }

    /// What a dry run says.
    private func plan(
        _ sides: [(name: String, side: ParitySide)], _ rows: [TokenRow], _ items: [TokenItem], _ what: String
    ) -> CommandResult {
        let tokens = rows.reduce(0) { $0 + $1.tokens.count }
        var lines = sides.map { "\($0.name): \($0.side.title)" }
        lines.append("\(grouped(rows.count)) texts, \(grouped(tokens)) tokens; \(what)")
        if !items.isEmpty { lines.append("\(grouped(items.count)) multiple-choice items") }
        return CommandResult(
            text: lines.joined(separator: "\n  "),
            document: [
                "texts": .integer(rows.count), "tokens": .integer(tokens), "items": .integer(items.count),
            ])
    }

    // MARK: Sides

    private func side(_ path: String, isLeft: Bool) throws(Failure) -> ParitySide {
        if path.hasPrefix("http://") || path.hasPrefix("https://") || path == endpoint.endpoint {
            let (client, engine) = try endpoint.open(path)
            return .server(ServerSide(client: client, engine: engine, top: top))
        }
        if RecordedRun.isRecording(path) { return .recorded(try RecordedRun.open(path)) }
        let backend =
            isLeft && record == nil
            ? try BackendOptions.make(
                leftBackend ?? self.backend.backend, leftNumerics,
                threads: self.backend.threads ?? BackendOptions.processors)
            : try self.backend.makeBackend()
        // A model that fits a quarter of the memory is kept between passes; of a larger one each pass reads all.
        let weights = try CheckpointWeights.open(path, budget: self.backend.budget / 4, keepsParts: false)
        return .model(
            ModelSide(
                folder: path, weights: weights,
                pass: ForwardPass(weights.configuration, weights: weights, backend: backend)))
    }

    private func chooseTolerance(
        _ left: ParitySide, _ right: ParitySide
    ) throws(Failure) -> (Tolerance, String) {
        if let tolerance { return (try Tolerance.named(tolerance, .embedded), "as asked") }
        let (name, reason) = ToleranceChoice.choose(left, right)
        return (try Tolerance.named(name, .embedded), reason)
    }

    /// The checks that `--checks` names; none without it.
    private func namedChecks() throws(Failure) -> [ParityCheck] {
        guard let checks else { return [] }
        let names = ParityCheck.allCases.map(\.rawValue)
        var named: [ParityCheck] = []
        for word in checks.split(separator: ",") {
            let name = word.trimmingPrefix { $0 == " " }
            guard let check = ParityCheck(rawValue: String(name)) else {
                throw Failure(
                    Finding(
                        .error, .checkImpossible, "no check of this name", option: "--checks \(checks)",
                        expected: names.joined(separator: ", "), found: String(name),
                        remedy: nearMiss(String(name), among: names).map { "did you mean \($0)?" }))
            }
            named.append(check)
        }
        guard !named.isEmpty else {
            throw Failure(
                Finding(
                    .error, .checkImpossible, "no check is named", option: "--checks \(checks)",
                    expected: names.joined(separator: ", "), found: "none",
                    remedy: "leave --checks out: everything that the two sides allow is checked"))
        }
        return named
    }

    private func chosenChecks(
        _ left: ParitySide, _ right: ParitySide, hasItems: Bool, _ named: [ParityCheck]
    ) throws(Failure) -> Set<ParityCheck> {
        let possible = ParityRun.possible(left, right, hasItems: hasItems)
        guard !named.isEmpty else { return possible }
        if let check = named.first(where: { !possible.contains($0) }) {
            throw Failure(
                Finding(
                    .error, .checkImpossible, "this check cannot be made of these two sides",
                    option: "--checks \(checks ?? "")", expected: check.requirement,
                    found: "\(left.title); \(right.title)",
                    remedy: "leave \(check.rawValue) out of --checks"))
        }
        return Set(named)
    }
}
