// The page of a run: whole, self-contained, every stage on it, every number with its record, and a verdict that is
// the run's own.

import Documents
import TestSupport
import Testing
import Workbench

struct RunPageTests {
    private func html(_ report: RunReport) -> String { RunPage(report).page.html() }

    @Test func everyStageIsThere() throws {
        let report = try SampleRun.report()
        #expect(report.stages.map(\.name) == StageName.allCases)
        let page = html(report)
        let reader = try MarkupReader(page)
        try reader.checkGeometry()
        for stage in report.stages {
            #expect(page.contains(">\(stage.name.rawValue)</a>"), "\(stage.name)")
            #expect(page.contains("\(stage.line)</code>"), "\(stage.name)")
            if let folder = stage.name.output { #expect(page.contains(">\(folder)</a>"), "\(folder)") }
        }
        for heading in [
            "The chain", "What went in, what came out", "Calibration", "Errors by role", "Parity",
            "Draft head", "Topology and memory", "Release", "Digests", "Commands",
        ] { #expect(page.contains("<h2>\(heading)</h2>"), "\(heading)") }
        #expect(page.contains("The release is ready to be uploaded.") && page.contains(">Pass<"))
    }

    /// The numbers of the records, as they stand on the page, each inside a link to its record.
    @Test(arguments: [
        ("validate", "16.29 MB"), ("validate", "16,287,168"), ("validate-artefact", "9.21 MB"),
        ("quantise", "9.26 MB"), ("quantise", "2.58 %"), ("quantise", "2.71e-02"), ("calibrate", "5,120"),
        ("calibrate", "2"), ("verify", "6.13e-03"), ("verify", "97.13 %"), ("verify", "≥ 0.95"),
        ("draft-measure", "1.912"), ("draft-measure", "40 of 40"), ("draft-train", "200 steps"),
        ("draft-audit", "0 errors"), ("shard-plan", "5.20 MB"), ("shard-plan", "123,456"),
        ("publish-check", "11.31 MB"), ("publish-check", "8,143,536"), ("quantise", "9,259,000"),
    ]) func everyNumberHasItsRecord(_ stage: String, _ number: String) throws {
        let page = html(try SampleRun.report())
        let link = "<a href=\"stages/\(stage)/record.json\">\(number)</a>"
        #expect(page.contains(link), "\(number) of \(stage)")
    }

    @Test func nothingLeadsOut() throws {
        let report = try SampleRun.report()
        let reader = try MarkupReader(html(report))
        let names = Set(reader.elements.map(\.name))
        #expect(names.isDisjoint(with: ["script", "link", "img", "iframe", "image", "use", "foreignObject"]))
        let files =
            report.stages.flatMap {
                [$0.recordPath, RunFolder.log(of: $0.name)] + [$0.page].compactMap { $0 }
            } + [RunFolder.reportName]
        for href in reader.elements.compactMap({ $0.attributes["href"] }) {
            #expect(href.hasPrefix("#section-") || files.contains(href), "\(href)")
        }
        for element in reader.elements {
            #expect(element.attributes["src"] == nil && element.attributes["style"] == nil)
        }
    }

    @Test func aFailedGateIsTheVerdict() throws {
        let finding: JSONValue = [
            "level": "error", "code": "PAR-002", "what": "the artefact is not the model",
            "expected": "at most 0.02", "found": "0.3",
        ]
        let page = html(try SampleRun.report(endingAt: .verify, findings: [finding]))
        _ = try MarkupReader(page)
        #expect(page.contains("<title>Fail: Run sample</title>"))
        #expect(page.contains("The run ended at the stage verify."))
        #expect(page.contains(">PAR-002</code>") && page.contains("✕ exit 1"))
        #expect(page.contains("– not run") && !page.contains("<h2>Parity</h2>"))
        #expect(!page.contains("stages/shard/record.json"), "it has none")
    }

    @Test func aStoppedRunIsNoRelease() throws {
        let page = html(try SampleRun.report(endingAt: .shard, as: "stopped"))
        #expect(page.contains("is not at its end: shard") && page.contains(">Fail<"))
    }

    @Test func warningsAreCounted() throws {
        let finding: JSONValue = ["level": "warning", "code": "DRAFT-046", "what": "norms look trained"]
        let page = html(try SampleRun.report(findings: [finding]))
        #expect(page.contains("1 warning: see what the stages had to say."))
        #expect(page.contains(">DRAFT-046</code>"))
    }

    /// What a stage printed is not trusted: other shapes say less, and nothing else.
    @Test func recordsOfOtherShapesSayLess() throws {
        let report = try SampleRun.report()
        guard case .object(var document) = report.document, case .array(let stages)? = document["stages"]
        else {
            Issue.record("no stages")
            return
        }
        for result in [[:], [1, 2], "<script>", 7] as [JSONValue] {
            document["stages"] = .array(
                stages.map {
                    guard case .object(var stage) = $0 else { return $0 }
                    stage["result"] = result
                    return .object(stage)
                })
            let page = html(try RunReport(.object(document)))
            _ = try MarkupReader(page)
            #expect(!page.contains("<script>"))
        }
    }

    @Test func theReportComesBackFromItsFile() throws {
        let report = try SampleRun.report()
        let again = try RunReport(report.document)
        #expect(again.document == report.document)
        #expect(html(again) == html(report))
    }
}
