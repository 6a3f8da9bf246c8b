// A plan with everything that is known before work: what stages refuse, bytes, time, memory and disk.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Glibc

/// What `ingot run --plan` prints, and what a run checks first.
///
/// - Checked by: RunPlanTests.
package struct ResolvedPlan: Sendable {
    package let plan: RunPlan
    package let folder: RunFolder
    package let estimates: [StageEstimate]
    package let findings: [Finding]
    /// Bytes free where the run folder is or will be; nil when the file system does not say.
    package let free: Int?
    private let rates: String

    /// Bytes that the run will hold on the disk at its end.
    package var needed: Int { estimates.reduce(0) { $0 + $1.written } }

    /// Asks every stage that can be asked.
    package init(_ plan: RunPlan, folder: RunFolder) throws(Failure) {
        self.plan = plan
        self.folder = folder
        let rates = try Rates.embedded()
        self.rates = rates.title
        (estimates, findings, free) = try Preflight.withScratch { (scratch) throws(Failure) in
            try Self.resolve(Preflight(plan: plan, folder: folder, scratch: scratch), rates)
        }
    }

    private static func resolve(
        _ preflight: Preflight, _ rates: Rates
    ) throws(Failure) -> ([StageEstimate], [Finding], Int?) {
        let plan = preflight.plan
        let free = FileAccess.freeBytes(at: preflight.folder.path)
        let absent = preflight.missing()
        guard absent.isEmpty else {
            return (plan.stages.map { _ in StageEstimate() }, absent, free)
        }
        if let target = plan.recipe.target { _ = try Target(target, .embedded) }
        let checkpoint = try Checkpoint.open(plan.checkpoint)
        let judgement = try CheckpointJudge(profiles: try ArchitectureProfile.all(.embedded)).judge(
            checkpoint)
        guard let inventory = judgement.match?.quantised.inventory else {
            return (plan.stages.map { _ in StageEstimate() }, judgement.findings, free)
        }
        var findings: [Finding] = []
        var artefact = checkpoint.dataBytes
        if !plan.recipe.has("quantise") {
            // Later stages ask about the artefact, which here is the source itself.
            guard symlink(plan.checkpoint, joined(preflight.scratch, "artefact")) == 0 else {
                throw FileAccess.failure(.cannotCreate, preflight.scratch)
            }
        } else if let answer = try preflight.ask(.quantise) {
            findings += answer.findings
            if case .number(let bytes)? = answer.result["output_bytes"], let bytes = bytes.integer {
                artefact = bytes
            }
        }
        for stage in plan.stages where stage.name != .quantise {
            try StopFlag.check(isWriting: false)
            findings += try preflight.ask(stage.name)?.findings ?? []
        }
        let basis = EstimateBasis(
            source: checkpoint.dataBytes, artefact: artefact,
            activeParameters: inventory.activeParameterCount,
            memory: plan.pace.memory ?? installedMemoryBytes() / 2, rates: rates
        ) { (try? FileAccess.identity($0))?.size }
        let estimates = plan.stages.map { basis.estimate($0, plan.recipe) }
        // What an earlier run has made is on the disk already.
        let missing = zip(plan.stages, estimates).reduce(0) { sum, stage in
            guard let output = stage.0.name.output else { return sum }
            return FileAccess.kind(preflight.folder.file(output)) == .nothing ? sum + stage.1.written : sum
        }
        if let free, free < missing {
            findings.append(
                Finding(
                    .error, .runNeedsSpace, "the run does not fit on this disk", file: preflight.folder.path,
                    expected: "\(grouped(missing)) bytes free", found: "\(grouped(free)) bytes free",
                    remedy: "free space, choose another --output, or leave stages out"))
        }
        return (estimates, unique(findings), free)
    }

    /// Stages that look at one checkpoint say one thing more than once.
    private static func unique(_ findings: [Finding]) -> [Finding] {
        var seen: [Finding] = []
        for finding in findings where finding.level > .note && !seen.contains(finding) {
            seen.append(finding)
        }
        return seen
    }

    // MARK: What is printed

    package var text: String {
        var table = TextTable(
            ["stage", "reads", "makes", "memory", "time", "what for"], numeric: [1, 2, 3, 4])
        for (stage, estimate) in zip(plan.stages, estimates) {
            table.add([
                stage.name.rawValue, estimate.read > 0 ? byteCount(estimate.read) : "-",
                estimate.written > 0 ? byteCount(estimate.written) : "-",
                estimate.memory > 0 ? byteCount(estimate.memory) : "-",
                estimate.seconds.map(Self.time) ?? "?", stage.name.purpose,
            ])
        }
        let seconds = estimates.compactMap(\.seconds).reduce(0, +)
        let open = estimates.contains { $0.seconds == nil } ? ", and what stands with ?" : ""
        var lines = [
            "plan of \(plan.recipe.name); nothing was written", "source \(plan.checkpoint)",
            plan.recipe.target.map { "target \($0)" } ?? "no target", "", table.text, "",
            "about \(Self.time(seconds))\(open), reckoned with rates of \(rates)",
            "disk \(byteCount(needed)) needed, \(free.map(byteCount) ?? "unknown") free at \(folder.path)",
            "",
        ]
        lines += plan.stages.map { $0.line(in: folder.path) }
        return lines.joined(separator: "\n")
    }

    private static func time(_ seconds: Double) -> String {
        if seconds < 1 { return "< 1 s" }
        if seconds < 120 { return "\(decimals(seconds, 0)) s" }
        if seconds < 7200 { return "\(decimals(seconds / 60, 0)) min" }
        return "\(decimals(seconds / 3600, 1)) h"
    }

    package var document: JSONValue {
        [
            "name": .string(plan.recipe.name), "checkpoint": .string(plan.checkpoint),
            "target": plan.recipe.target.map(JSONValue.string) ?? .null, "folder": .string(folder.path),
            "recipe": plan.recipe.document, "needed_bytes": .integer(needed),
            "free_bytes": free.map { .integer($0) } ?? .null, "rates": .string(rates),
            "stages": .array(
                zip(plan.stages, estimates).map { stage, estimate in
                    [
                        "stage": .string(stage.name.rawValue),
                        "command": .string(stage.line(in: folder.path)),
                        "read_bytes": .integer(estimate.read), "written_bytes": .integer(estimate.written),
                        "memory_bytes": .integer(estimate.memory),
                        "seconds": estimate.seconds.map(JSONValue.real) ?? .null,
                    ]
                }),
        ]
    }
}
