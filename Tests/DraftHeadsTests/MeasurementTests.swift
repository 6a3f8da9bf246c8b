// The figures of a measurement, from drafts worked out by hand.

import Diagnostics
import DraftHeads
import ReferenceModel
import Testing

struct MeasurementTests {
    private static func result(_ accepted: [Int], tokens: [Int] = []) -> SpeculativeResult {
        SpeculativeResult(tokens: tokens, cycles: accepted.map { .init(accepted: $0, drafted: 3) })
    }

    private static let measurement = DraftMeasurement(
        prompts: [
            DraftPrompt(name: "a", domain: "x", tokens: [1]),
            DraftPrompt(name: "b", domain: "y", tokens: [1]),
            DraftPrompt(name: "c", domain: "x", tokens: [1]),
        ], shape: .chain(3),
        results: [
            result([3, 1, 0, 2], tokens: [1, 2, 3]), result([0, 0], tokens: [4]),
            result([3, 3], tokens: [5, 6]),
        ],
        plain: [result([], tokens: [1, 2, 3]), result([], tokens: [4]), result([], tokens: [5, 7, 8])])

    @Test func theTargetsOwnTokenCounts() throws {
        let m = Self.measurement
        // Twelve of 24 drafted tokens stay in eight drafts.
        #expect(try #require(m.length()).mean == 1 + 12.0 / 8)
        #expect(try #require(m.length(domain: "x")).mean == 1 + 12.0 / 6)
        #expect(try #require(m.length(domain: "y")).mean == 1)
        #expect(m.length(domain: "z") == nil)
        #expect(m.domains == ["x", "y"])
        #expect(try #require(m.length()).clusters == 3)
        #expect(try #require(m.length()).halfWidth != nil)
    }

    @Test func placesOfADraft() throws {
        let m = Self.measurement
        #expect(try (0..<3).map { try #require(m.rate(at: $0)).mean } == [5.0 / 8, 4.0 / 8, 3.0 / 8])
        #expect(
            try (0..<3).map { try #require(m.conditionalRate(at: $0)).mean } == [5.0 / 8, 4.0 / 5, 3.0 / 4])
        // Rates add up to the accepted tokens of a draft.
        let sum = try (0..<3).reduce(0.0) { try $0 + #require(m.rate(at: $1)).mean }
        #expect(sum == 12.0 / 8)
    }

    @Test func differencesAreFound() {
        let differences = Self.measurement.differences
        #expect(differences.map(\.prompt) == [2])
        #expect(differences.map(\.at) == [1])
    }

    /// The gate of `draft measure`: not a word may differ from plain decoding.
    @Test(arguments: [true, false]) func anAnswerThatDiffersIsRefused(_ isCompared: Bool) throws {
        let m = Self.measurement
        let report = DraftReport(
            target: "t", head: "/head", data: "d", backend: "openblas", numerics: "f32",
            layers: try LayerIds([2, 5, 8], form: .specforge, hints: LayerIdHints(asked: .after), file: ""),
            rule: SamplingRule(), seed: nil,
            measurement: DraftMeasurement(
                prompts: m.prompts, shape: m.shape, results: m.results, plain: isCompared ? m.plain : nil))
        #expect(report.findings.map(\.code.name) == (isCompared ? ["DRAFT-051"] : []))
        if let finding = report.findings.first {
            #expect(finding.code.exit == .refused && finding.text.contains("1 of 3 answers differ"))
            #expect(finding.text.contains("this one at token 1") && finding.text.contains("c"))
        }
    }

    /// A draft cut by the end of the context does not count where it could not be.
    @Test func shortDraftsAreLeftOut() throws {
        let m = DraftMeasurement(
            prompts: [DraftPrompt(name: "a", domain: nil, tokens: [1])], shape: .chain(2),
            results: [
                SpeculativeResult(
                    cycles: [
                        .init(accepted: 1, drafted: 1), .init(accepted: 2, drafted: 2),
                        .init(accepted: 0, drafted: 2),
                    ])
            ], plain: nil)
        #expect(try #require(m.rate(at: 1)).mean == 0.5)
        #expect(try #require(m.rate(at: 0)).count == 3)
        #expect(m.rate(at: 2) == nil)
    }
}
