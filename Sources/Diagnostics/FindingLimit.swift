// A checkpoint with one thing wrong often has it wrong twenty thousand times. A collector keeps the first
// findings of each code and counts the rest, so that a check stays readable and bounded in memory.

/// Collects findings in order, at most a few of each code in full.
package struct FindingCollector: Sendable {
    /// How many findings of one code are kept in full.
    package static let keptPerCode = 8

    private var kept: [Finding] = []
    private var counts: [DiagnosticCode: Int] = [:]
    private var order: [DiagnosticCode] = []
    private var levels: [DiagnosticCode: Finding.Level] = [:]

    package init() {}

    package mutating func add(_ finding: Finding) {
        let count = counts[finding.code, default: 0] + 1
        counts[finding.code] = count
        levels[finding.code] = max(levels[finding.code] ?? .note, finding.level)
        if count == 1 { order.append(finding.code) }
        if count <= Self.keptPerCode { kept.append(finding) }
    }

    package mutating func add(_ findings: [Finding]) {
        for finding in findings { add(finding) }
    }

    /// All kept findings, then one line for each code that had more.
    package var findings: [Finding] {
        kept
            + order.compactMap { code in
                let more = counts[code, default: 0] - Self.keptPerCode
                guard more > 0 else { return nil }
                return Finding(
                    levels[code] ?? .error, code,
                    "and \(grouped(more)) more of the same code, \(grouped(more + Self.keptPerCode)) in all")
            }
    }

    package var hasErrors: Bool { levels.values.contains(.error) }
}
