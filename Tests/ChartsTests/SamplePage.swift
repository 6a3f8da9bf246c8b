// A page with one of everything, as a parity report would be: for tests of the whole, and to be looked at.

import Charts
import Diagnostics
import Foundation
import TestSupport
import Testing

/// Numbers between 0 and 1 that are the same on every machine.
struct Noise {
    var state: UInt64

    mutating func next() -> Double {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Double(state >> 33) / Double(1 << 31)
    }
}

enum SamplePage {
    static let page = HTMLPage(
        title: "Parity of ling-flash-2.0, FP8 against BF16",
        subtitle:
            "Does the quantised checkpoint answer as the original does, layer by layer and word by word?",
        verdict: Verdict(
            .fail, "One of five gates does not hold: do not release this artefact.",
            detail: "The hidden states after layer 29 differ more than the profile allows; all routes and"
                + " outputs are within their limits."),
        facts: [
            HTMLPage.Fact("Checkpoint", "ling-flash-2.0-fp8, 22 shards, 104.23 GB"),
            HTMLPage.Fact("Profile", "bf16-vs-fp8"), HTMLPage.Fact("Prompts", "64, seed 20260101"),
            HTMLPage.Fact("Program", "ingot 0.1"),
        ],
        sections: [summary, layers, experts, tasks, findings],
        footer: "Made by `ingot parity --report`; the same inputs give the same bytes.")

    static let summary = PageSection(
        "Summary",
        [
            .prose("Five gates of profile `bf16-vs-fp8` were checked on 64 prompts (8,192 tokens)."),
            .figures([
                KeyFigure("Hidden states", "0.0312", note: "layer 29; limit 0.03", outcome: .fail),
                KeyFigure("Routes kept", "99.41 %", note: "of 1,048,576; at least 99 %", outcome: .pass),
                KeyFigure("Next token agrees", "98.7 %", note: "at least 98 %", outcome: .pass),
                KeyFigure("Mean divergence", "4.21e-03", note: "nats; limit 0.01", outcome: .warn),
                KeyFigure("Tensors read", "24,161", note: "in 22 shards"),
            ]),
            .table(
                DataTable(
                    caption: "Gates",
                    columns: [
                        DataTable.Column("gate", numeric: false), DataTable.Column("limit"),
                        DataTable.Column("found"), DataTable.Column("verdict", numeric: false),
                    ],
                    rows: [
                        ["relative error of hidden states", "0.03", "0.0312", "✕ fail"],
                        ["routes kept, %", "99", "99.41", "✓ pass"],
                        ["next token agrees, %", "98", "98.7", "✓ pass"],
                        ["mean divergence, nats", "0.01", "0.00421", "✓ pass"],
                    ])),
        ])

    static let layers: PageSection = {
        var noise = Noise(state: 7)
        let error = (0..<32).map { 0.002 * exp(Double($0) / 12.5) * (0.8 + 0.4 * noise.next()) }
        let worst = error.enumerated().map { $0 == 29 ? 0.0312 : min(0.028, $1 * 1.6) }
        let band = error.enumerated().map {
            LineChart.Band.Range(x: Double($0), low: $1 * 0.6, high: $1 * 1.4)
        }
        let backend = (0..<32).map { layer -> Double in
            layer == 0 ? 0 : layer == 17 ? .nan : 1e-7 * exp(Double(layer) / 8) * (0.5 + noise.next())
        }
        let kinds = ["attention", "router", "routed experts", "shared expert"]
        let tensors = kinds.enumerated().map { kind, name in
            Scatter.Group(
                name,
                (0..<32).flatMap { layer in
                    (0..<4).map { index in
                        Scatter.Point(
                            Double(layer), 1e-4 * exp(Double(kind) + 3 * noise.next()),
                            "model.layers.\(layer).\(name).\(index)")
                    }
                })
        }
        return PageSection(
            "Layer by layer",
            [
                .chart(
                    LineChart(
                        title: "Relative error of the hidden states",
                        caption: "Root mean square over tokens; ringed points fail. The band is the spread"
                            + " between prompts.",
                        xLabel: "layer", yLabel: "relative error",
                        series: [
                            LineChart.Series("mean over prompts", values: error),
                            LineChart.Series("worst prompt", values: worst),
                        ], limits: [Limit(0.03, "gate 0.03")], band: LineChart.Band("spread", band))),
                .chart(
                    LineChart(
                        title: "Threaded backend against the reference", caption: "Largest difference.",
                        size: .half, xLabel: "layer", yLabel: "largest difference", yScale: .log10,
                        series: [LineChart.Series("difference", values: backend)],
                        limits: [Limit(1e-4, "gate 1e-04")])),
                .chart(
                    Histogram(
                        title: "Relative error of all blocks", caption: "Each block of 128 × 128 weights.",
                        size: .half, xLabel: "relative error", yLabel: "blocks", xScale: .log10,
                        edges: (0...24).map { pow(10, -4 + Double($0) / 8) },
                        counts: (0..<24).map { Int(90_000 * exp(-pow(Double($0) - 13, 2) / 14)) },
                        marks: [Limit(0.0263, "mean 0.0263", failing: .none), Limit(0.07, "gate 0.07")])),
                .chart(
                    Scatter(
                        title: "Error of every tensor", caption: "Relative error after quantisation.",
                        xLabel: "layer", yLabel: "relative error", groups: tensors,
                        limits: [Limit(0.04, "limit 0.04")])),
            ])
    }()

    static let experts: PageSection = {
        var noise = Noise(state: 11)
        let load = (0..<32).map { _ in (0..<256).map { _ in pow(noise.next(), 3) * 0.03 + 0.0004 } }
        return PageSection(
            "Experts",
            [
                .prose("Share of routed tokens by expert. Marked cells hold more than a `2.9 %` share."),
                .chart(
                    HeatMap(
                        title: "Load of experts by layer", rows: (1...32).map { "\($0)" },
                        columns: (0..<256).map { "\($0)" }, rowLabel: "layer", columnLabel: "expert",
                        valueLabel: "share of tokens", scale: .log10, values: load,
                        marks: [
                            HeatMap.Mark(row: 4, column: 37, "dead in BF16"),
                            HeatMap.Mark(row: 28, column: 200, "overloaded"),
                        ])),
                .chart(
                    BarChart(
                        title: "Load of layer 5", size: .half, categories: (0..<64).map { "\($0)" },
                        xLabel: "expert", yLabel: "share of tokens, %",
                        series: [BarChart.Series("FP8", load[4].prefix(64).map { BarChart.Value($0 * 100) })],
                        limits: [Limit(1.5625, "even load", failing: .none)])),
                .chart(
                    HeatMap(
                        title: "Routes kept by group", size: .half, rows: ["prose", "code", "mathematics"],
                        columns: (0..<8).map { "group \($0)" }, rowLabel: "set", columnLabel: "expert group",
                        valueLabel: "routes kept, %",
                        values: (0..<3).map { row in
                            (0..<8).map { row == 1 && $0 == 3 ? .nan : 97 + 3 * noise.next() }
                        })),
            ])
    }()

    static let tasks = PageSection(
        "Tasks",
        [
            .chart(
                BarChart(
                    title: "Accuracy by task", caption: "Whiskers are 95 % confidence intervals.",
                    categories: [
                        "arithmetic word problems", "code completion", "translation", "summaries of reports",
                        "common sense", "reading", "logic", "world knowledge, five languages",
                    ], xLabel: "task", yLabel: "accuracy, %",
                    series: [
                        BarChart.Series(
                            "BF16",
                            [82.1, 64.0, 71.5, 55.2, 88.0, 79.9, 61.2, 70.1].map {
                                BarChart.Value($0, interval: $0 - 2.5...$0 + 2.5)
                            }),
                        BarChart.Series(
                            "FP8",
                            [81.7, 63.1, 71.9, 54.8, 87.9, 80.3, 59.0, 69.8].map {
                                BarChart.Value($0, interval: $0 - 2.5...$0 + 2.5)
                            }),
                    ], limits: [Limit(50, "floor 50", failing: .below)]))
        ])

    static let findings = PageSection(
        "Findings",
        [
            .findings([
                Finding(
                    .error, DiagnosticCode("PAR-004"), "hidden states differ more than the profile allows",
                    tensor: "after layer 29", expected: "relative error at most 0.03",
                    found: "0.0312 on prompt 12",
                    remedy: "ingot quantise --keep model.layers.29.mlp.down_proj, then compare again"),
                Finding(
                    .note, DiagnosticCode("PAR-002"), "one of 512 routes differs",
                    expected: "expert 201", found: "expert 88, margin 3.1e-08"),
            ]),
            .details("How the gates were chosen", [.prose("From three runs of the same artefact.")]),
        ])
}

struct SamplePageTests {
    /// Set INGOT_CHARTS_SAMPLE to a path to look at the page.
    @Test func theSampleIsAPage() throws {
        let html = SamplePage.page.html()
        #expect(html.hasPrefix("<!DOCTYPE html>\n") && html.hasSuffix("</html>\n"))
        if let path = ProcessInfo.processInfo.environment["INGOT_CHARTS_SAMPLE"] {
            try html.write(toFile: path, atomically: true, encoding: .utf8)
        }
    }
}
