// The report of a run: every stage with its command, its end, what it made, and what it printed. report.html is drawn
// from this and from nothing else.

import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// What a run has come to, for programs and for the page.
///
/// - Checked by: ChainRunTests.
package struct RunReport: Sendable {
    /// A stage of the report.
    package struct Stage: Sendable {
        package let name: StageName
        /// The command as a person would type it.
        package let line: String
        /// done, reused, failed, stopped, or not run.
        package let status: String
        package let exit: Int32?
        package let seconds: Double
        /// The most memory that its process held, bytes.
        package let peakBytes: Int?
        package let outputs: [StageOutput]
        /// The path of its record in the run folder.
        package let recordPath: String
        /// The path of its page in the run folder; nil without one.
        package let page: String?
        /// What its command found to say, as documents.
        package let findings: [JSONValue]
        /// The result of its command's document; null when it printed none.
        package let result: JSONValue
    }

    /// The version of the document.
    package static let format = 1

    package let name: String
    package let summary: String?
    package let target: String?
    /// The source's folder.
    package let checkpoint: String
    package let folder: String
    package let stages: [Stage]
    /// Whether every stage came to a good end.
    package var isComplete: Bool { stages.allSatisfy { $0.status == "done" || $0.status == "reused" } }

    /// The report of a result; stages that were not reached stand in it as not run.
    package init(_ result: ChainResult) {
        name = result.plan.recipe.name
        summary = result.plan.recipe.summary
        target = result.plan.recipe.target
        checkpoint = result.plan.checkpoint
        folder = result.folder.path
        var stages: [Stage] = []
        for stage in result.plan.stages {
            let outcome = result.outcomes.first { $0.stage.name == stage.name }
            stages.append(Self.stage(stage, outcome, result.folder))
        }
        self.stages = stages
    }

    private static func stage(_ stage: PlannedStage, _ outcome: StageOutcome?, _ folder: RunFolder) -> Stage {
        var status = "not run"
        var exit: Int32?
        switch outcome?.end {
        case .done: (status, exit) = ("done", 0)
        case .reused: (status, exit) = ("reused", 0)
        case .failed(let code): (status, exit) = ("failed", code)
        case .stopped: (status, exit) = ("stopped", ExitStatus.stopped.rawValue)
        case nil: break
        }
        var document = JSONObject()
        if case .object(let printed)? = outcome?.record { document = printed }
        var findings: [JSONValue] = []
        if case .array(let own)? = document["findings"] { findings = own }
        var peak: Int?
        if case .number(let number)? = document["peak_bytes"] { peak = number.integer }
        return Stage(
            name: stage.name, line: stage.line(in: folder.path), status: status, exit: exit,
            seconds: outcome?.seconds ?? 0, peakBytes: peak, outputs: outcome?.outputs ?? [],
            recordPath: RunFolder.record(of: stage.name), page: stage.name.page, findings: findings,
            result: document["result"] ?? .null)
    }

    package var document: JSONValue {
        [
            "format": .integer(Self.format), "program": .string("ingot \(ingotVersion)"),
            "name": .string(name),
            "summary": summary.map(JSONValue.string) ?? .null,
            "target": target.map(JSONValue.string) ?? .null,
            "checkpoint": .string(checkpoint), "folder": .string(folder), "complete": .bool(isComplete),
            "seconds": .real(stages.reduce(0) { $0 + $1.seconds }),
            "stages": .array(stages.map(\.document)),
        ]
    }

    /// Writes both forms; the page last, since people look for it.
    package func write() throws(Failure) {
        let folder = RunFolder(self.folder)
        _ = try FileAccess.writeSealed(document.text() + "\n", to: folder.file(RunFolder.reportName))
        try RunPage(self).write(to: folder.file(RunFolder.pageName))
    }

    /// A line for each stage.
    package var text: String {
        var table = TextTable(["stage", "end", "seconds", "peak", "made"], numeric: [2, 3])
        for stage in stages {
            let made = stage.outputs.first { $0.path != stage.recordPath && $0.path != stage.page }
            table.add([
                stage.name.rawValue, stage.status,
                stage.status == "not run" ? "-" : decimals(stage.seconds, 1),
                stage.peakBytes.map { "\(decimals(Double($0) / 1_048_576, 0)) MiB" } ?? "-",
                made.map { "\($0.path), \(byteCount($0.bytes)) in \(grouped($0.files)) files" } ?? "",
            ])
        }
        return table.text
    }
}

extension RunReport.Stage {
    package var document: JSONValue {
        [
            "stage": .string(name.rawValue), "command": .string(line), "status": .string(status),
            "exit": exit.map { .integer(Int($0)) } ?? .null, "seconds": .real(seconds),
            "peak_bytes": peakBytes.map { .integer($0) } ?? .null,
            "outputs": .array(outputs.map(\.document)), "record": .string(recordPath),
            "page": page.map(JSONValue.string) ?? .null, "findings": .array(findings), "result": result,
        ]
    }
}
