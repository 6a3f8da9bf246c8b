// What can be known before any work: the commands of the stages as dry runs, on the outline of the artefact where the
// artefact is not made yet. A chain of hours is not begun when its last stage would refuse.

import Checkpoints
import Diagnostics
import Documents
import Glibc

/// Dry runs of the stages of a plan.
struct Preflight {
    let plan: RunPlan
    let folder: RunFolder
    /// A folder for what dry runs write; removed by whoever made it.
    let scratch: String

    /// What a dry run printed.
    struct Answer {
        let findings: [Finding]
        /// The result of its document; null when it refused.
        let result: JSONObject
    }

    /// Makes a folder for the time of a body.
    static func withScratch<Value>(_ body: (String) throws(Failure) -> Value) throws(Failure) -> Value {
        let base = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array(joined(base, "ingot-plan-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw FileAccess.failure(.cannotCreate, base) }
        let folder = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
        defer { try? FileAccess.remove(folder) }
        return try body(folder)
    }

    /// Everything that is read and is not there.
    func missing() -> [Finding] {
        var findings: [Finding] = []
        var seen: Set<String> = []
        for stage in plan.stages {
            for case .input(let path) in stage.arguments where seen.insert(path).inserted {
                guard FileAccess.kind(path) == .nothing else { continue }
                findings += FileAccess.missingOrUnreadable(path).findings
            }
        }
        return findings
    }

    /// What a dry run without a file misses, by the option that gives the file once an earlier stage has made it.
    private static let mendedBy = ["--parity": "PUB-051"]

    /// Codes of findings that a stage will not have when its turn comes.
    private func mended(_ stage: PlannedStage) -> [String] {
        zip(stage.arguments, stage.arguments.dropFirst()).compactMap { argument, next in
            guard case .word(let option) = argument, case .made = next else { return nil }
            return Self.mendedBy[option]
        }
    }

    /// Asks a stage's command what it would do; nil for a stage that cannot be asked yet.
    func ask(_ name: StageName) throws(Failure) -> Answer? {
        guard let stage = plan.stage(name), let words = words(stage) else { return nil }
        let record = joined(scratch, "\(name.rawValue).json")
        let ending = try StageProcess.run(
            words + ["--json", "--quiet"], record: record, log: joined(scratch, "\(name.rawValue).txt")
        ) { _ in }
        let document = (try? JSONValue(parsing: try FileAccess.read(record, limit: 1 << 28))) ?? .null
        let exit = ExitStatus(rawValue: ending.status) ?? .ourFault
        guard case .object(let printed) = document else {
            return Answer(
                findings: [
                    Finding(
                        .error, DiagnosticCode(DiagnosticCode.stageFailed.name, exit: exit),
                        "the command of the stage \(name.rawValue) refuses",
                        found: said(joined(scratch, "\(name.rawValue).txt")),
                        remedy: "mend the recipe: ingot \(name.command.joined(separator: " ")) --help")
                ], result: JSONObject())
        }
        var findings: [Finding] = []
        if case .array(let own)? = printed["findings"] {
            let mended = mended(stage)
            findings = own.compactMap { Finding($0, exit: exit) }
                .filter { !mended.contains($0.code.name) && !isOfWhatIsMade($0, stage) }
                .map { told($0, by: name) }
        }
        var result = JSONObject()
        if case .object(let own)? = printed["result"] { result = own }
        return Answer(findings: findings, result: result)
    }

    /// Whether a dry run only misses what an earlier stage is to make.
    private func isOfWhatIsMade(_ finding: Finding, _ stage: PlannedStage) -> Bool {
        stage.arguments.contains { argument in
            guard case .made(let path) = argument else { return false }
            let place = joined(scratch, path)
            return FileAccess.kind(place) == .nothing
                && finding.subjects.contains { $0.label == "file" && $0.value.hasPrefix(place) }
        }
    }

    /// A finding of a stage; what it says of the outline is said of the artefact.
    private func told(_ finding: Finding, by stage: StageName) -> Finding {
        var finding = finding
        finding.subjects.append(Finding.Subject(label: "stage", value: stage.rawValue))
        for index in finding.subjects.indices {
            finding.subjects[index].value = finding.subjects[index].value.replacing(scratch + "/", with: "")
        }
        finding.remedy = finding.remedy?.replacing(scratch + "/", with: "")
        finding.found = finding.found?.replacing(scratch + "/", with: "")
        return finding
    }

    private func said(_ path: String) -> String {
        guard let bytes = try? FileAccess.read(path, limit: 1 << 16) else { return "nothing" }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        return lines.first.map(String.init) ?? "nothing"
    }

    /// The command line of a dry run.
    private func words(_ stage: PlannedStage) -> [String]? {
        // What stands in a calibration decides such a plan, and it is not made yet.
        if stage.name == .quantise, stage.arguments.contains(.made("calibration")) { return nil }
        let extra: [String]
        switch stage.name {
        case .quantise: extra = ["--dry-run", "--replace", "--outline", joined(scratch, "artefact")]
        case .calibrate, .draftTrain, .draftAttach, .shard, .publishPrepare:
            extra = ["--dry-run", "--replace"]
        case .draftMeasure, .verify: extra = ["--dry-run"]
        case .shardPlan: extra = []
        case .draftAudit: extra = ["--headers"]
        case .validate, .validateArtefact, .publishCheck: return nil
        }
        var words = stage.name.command
        var skipsNext = false
        for (index, argument) in stage.arguments.enumerated() {
            if skipsNext {
                skipsNext = false
                continue
            }
            let next = index + 1 < stage.arguments.count ? stage.arguments[index + 1] : nil
            switch (argument, next) {
            case (.word, .made(let path)?) where path != "artefact":
                // An option whose file is not made yet.
                skipsNext = true
            // No page of a dry run; and the weights of an outline say nothing to read texts with.
            case (.word("--report"), _): skipsNext = true
            case (.word("--data"), _) where stage.name == .draftAudit: skipsNext = true
            case (.word("--tokens"), _) where stage.name == .draftAudit: skipsNext = true
            case (.word("--headers"), _): continue
            case (.word(let word), _), (.pace(let word), _), (.input(let word), _): words.append(word)
            case (.made(let path), _): words.append(joined(scratch, path))
            case (.output(let path), _): words.append(folder.file(path))
            }
        }
        return words + extra
    }
}
