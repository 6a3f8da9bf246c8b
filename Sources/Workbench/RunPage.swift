// report.html: a run for the person who releases what came out of it. The verdict first, then what went in and what
// came out, then the proof. It is drawn from report.json alone, and every number leads to the record it stands in.

import Charts
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// The page of a run.
///
/// - Checked by: RunPageTests.
package struct RunPage {
    let report: RunReport

    package init(_ report: RunReport) { self.report = report }

    /// Writes the page beside its name and renames it.
    package func write(to path: String) throws(Failure) {
        _ = try FileAccess.writeSealed(page.html(), to: path)
    }

    /// The page.
    package var page: HTMLPage {
        let sections = [
            chainSection, contentSection, calibrationSection, errorSection, paritySection, draftSection,
            topologySection, releaseSection, digestSection, findingSection, commandSection,
        ]
        return HTMLPage(
            title: "Run \(report.name)", subtitle: report.summary ?? "", verdict: verdict, facts: facts,
            sections: sections.compactMap { $0 },
            footer: "Made by `ingot run` from `\(RunFolder.reportName)` and nothing else. "
                + "Numbers that are underlined lead to the record they stand in.")
    }

    // MARK: Stages

    /// A stage that came to an end and left a record.
    func stage(_ name: StageName) -> RunReport.Stage? {
        report.stages.first { $0.name == name && $0.result != .null }
    }

    /// Findings of a level, from all stages.
    func findings(_ level: String) -> [(stage: RunReport.Stage, finding: JSONValue)] {
        report.stages.flatMap { stage in
            stage.findings.filter { $0["level"]?.text == level }.map { (stage, $0) }
        }
    }

    // MARK: Verdict

    private var verdict: Verdict {
        if let stage = report.stages.first(where: { $0.status == "failed" }) {
            let error = stage.findings.first { $0["level"]?.text == "error" }
            return Verdict(
                .fail, "The run ended at the stage \(stage.name.rawValue).",
                detail: error.flatMap { $0["what"]?.text } ?? "Its record and its log say why.")
        }
        guard report.isComplete else {
            let stage = report.stages.first { !$0.isGood }
            return Verdict(
                .fail, "The run is not at its end: \(stage?.name.rawValue ?? "a stage") is still to be done.",
                detail: "The same command goes on where it stopped.")
        }
        let warnings = findings("warning").count
        let made =
            stage(.publishCheck) == nil ? "Every gate was passed." : "The release is ready to be uploaded."
        return Verdict(
            warnings == 0 ? .pass : .warn, made,
            detail: warnings == 0
                ? ""
                : "\(grouped(warnings)) warning\(warnings == 1 ? "" : "s"): see what the stages had to say.")
    }

    private var facts: [HTMLPage.Fact] {
        var facts = [HTMLPage.Fact("Source", report.checkpoint)]
        if let target = report.target { facts.append(HTMLPage.Fact("Target", target)) }
        facts.append(HTMLPage.Fact("Program", "ingot \(ingotVersion)"))
        let done = report.stages.count(where: \.isGood)
        facts.append(HTMLPage.Fact("Stages", "\(done) of \(report.stages.count)"))
        facts.append(HTMLPage.Fact("Time", duration(report.stages.reduce(0) { $0 + $1.seconds })))
        if let peak = report.stages.compactMap(\.peakBytes).max() {
            facts.append(HTMLPage.Fact("Peak memory", mebibytes(peak) + " MiB"))
        }
        return facts
    }

    // MARK: Chain

    private var chainSection: PageSection {
        let run = report.stages.filter { $0.hasRun }
        var blocks: [PageBlock] = [.figures(headlines), .table(stageTable)]
        if !run.isEmpty {
            blocks += [
                .chart(
                    BarChart(
                        title: "Time of each stage", caption: "Seconds on the wall.", size: .half,
                        categories: run.map(\.name.rawValue), xLabel: "stage", yLabel: "seconds",
                        series: [BarChart.Series("seconds", run.map { BarChart.Value($0.seconds) })])),
                .chart(
                    BarChart(
                        title: "Peak memory of each stage", caption: "MiB that its process held at most.",
                        size: .half, categories: run.map(\.name.rawValue), xLabel: "stage", yLabel: "MiB",
                        series: [
                            BarChart.Series(
                                "MiB",
                                run.map { BarChart.Value(Double($0.peakBytes ?? 0) / Double(1 << 20)) })
                        ])), .sources([PageLink(RunFolder.reportName)]),
            ]
        }
        return PageSection("The chain", blocks)
    }

    private var stageTable: DataTable {
        DataTable(
            columns: [
                .init("stage", numeric: false), .init("shows or makes", numeric: false),
                .init("end", numeric: false), .init("seconds"), .init("peak MiB"), .init("bytes made"),
                .init("files"),
            ],
            rows: report.stages.map { stage in
                let made = stage.artefact
                return [
                    stage.name.rawValue, stage.name.purpose, stage.sign,
                    !stage.hasRun ? "" : decimals(stage.seconds, 1),
                    stage.peakBytes.map(mebibytes) ?? "",
                    made.map { grouped($0.bytes) } ?? "", made.map { grouped($0.files) } ?? "",
                ]
            }, sources: report.stages.map { $0.result == .null ? nil : $0.recordPath })
    }

    /// The few numbers that a release stands on.
    private var headlines: [KeyFigure] {
        [sizeFigure, divergenceFigure, agreementFigure, acceptanceFigure, memoryFigure]
            .compactMap { $0 }
    }
}

extension RunReport.Stage {
    var hasRun: Bool { status != "not run" }
    var isGood: Bool { status == "done" || status == "reused" }

    /// What it made for others: its folder, not its record and its page.
    var artefact: StageOutput? { outputs.first { $0.path != recordPath && $0.path != page } }

    /// Its end as a word and a sign.
    var sign: String {
        switch status {
        case "done", "reused": "✓ " + status
        case "failed": "✕ " + (exit.map { "exit \($0)" } ?? status)
        case "stopped": "! stopped"
        default: "– " + status
        }
    }
}

/// Bytes in MiB, without the unit.
private func mebibytes(_ bytes: Int) -> String { decimals(Double(bytes) / Double(1 << 20), 0) }

/// Seconds as people say them: 4.2 s, 3 min 20 s, 2 h 5 min.
func duration(_ seconds: Double) -> String {
    guard seconds >= 60 else { return "\(decimals(seconds, 1)) s" }
    let whole = Int(seconds.rounded())
    guard whole >= 3600 else { return "\(whole / 60) min \(whole % 60) s" }
    return "\(whole / 3600) h \(whole % 3600 / 60) min"
}
