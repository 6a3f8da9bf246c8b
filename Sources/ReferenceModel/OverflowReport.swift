// Where a pass left the numbers of its format, and how near it came: a WatchedBackend counts, taps say to which
// layer the counts belong.

import Backends
import Diagnostics
import Documents

/// Infinities, NaN and headroom of a pass, by layer and operation.
///
/// - Checked by: OverflowTests.
package struct OverflowReport: Equatable, Sendable {
    /// A part of the model between two taps.
    package enum Part: String, Sendable {
        case embedding
        /// From the norm before it to what it adds to the residual stream.
        case attention
        /// From the residual sum before it to what it adds: a dense MLP, or router and experts.
        case mlp
        case residual
        case finalNorm = "final norm"
        case head
        case predictionHead = "prediction head"
    }

    /// What one operation of one part gave.
    package struct Entry: Equatable, Sendable {
        /// Nil outside layers; the prediction layer has the index after the last.
        package let layer: Int?
        package let part: Part
        package let operation: WatchedOperation
        package fileprivate(set) var tally: OverflowTally
        /// What it may hold: the format's largest number, F32's for what stays F32.
        package let limit: Float

        /// How many times as large its numbers could be; 0 where some already were too large.
        package var headroom: Double { headroom(below: limit) }

        /// The same against the largest number of another format: a pass in F32 shows what F16 would do.
        package func headroom(in format: NumberFormat) -> Double { headroom(below: format.largest) }

        private func headroom(below limit: Float) -> Double {
            tally.hasOverflow ? 0 : tally.largest == 0 ? .infinity : Double(limit) / Double(tally.largest)
        }

        /// Layer, part and operation in words.
        package var place: String {
            (layer.map { "layer \($0) " } ?? "") + part.rawValue + ", " + operation.rawValue
        }
    }

    /// The version of the document form.
    package static let schema = 1

    package let backend: String
    package let numerics: String
    /// In the order of the pass; what one never reached is not there.
    package fileprivate(set) var entries: [Entry] = []

    /// Entries with infinities or NaN, in the order of the pass: the first is where it began.
    package var overflows: [Entry] { entries.filter(\.tally.hasOverflow) }

    /// The entry that came nearest to its limit without passing it.
    package var tightest: Entry? {
        entries.filter { !$0.tally.hasOverflow }.min { $0.headroom < $1.headroom }
    }

    /// A verdict, then a table of all entries that overflowed, or of the nearest few.
    ///
    /// - Parameter count: of the nearest entries to show.
    package func text(nearest count: Int) -> String {
        let overflows = overflows
        let nearest = entries.filter { !$0.tally.hasOverflow }.sorted { $0.headroom < $1.headroom }
        let shown = overflows + nearest.prefix(count)
        var table = TextTable(
            ["layer", "part", "operation", "infinite", "NaN", "largest", "headroom"],
            numeric: [0, 3, 4, 5, 6])
        for entry in shown {
            table.add([
                entry.layer.map(String.init) ?? "–", entry.part.rawValue, entry.operation.rawValue,
                grouped(entry.tally.infinities), grouped(entry.tally.notNumbers),
                scientific(Double(entry.tally.largest)),
                entry.tally.hasOverflow ? "none" : scientific(entry.headroom),
            ])
        }
        return verdict + (shown.isEmpty ? "" : "\n" + table.text)
    }

    /// One line.
    package var verdict: String {
        if let first = overflows.first {
            return "\(numerics): overflow, first in \(first.place)"
        }
        guard let tightest else { return "\(numerics): nothing was computed" }
        return "\(numerics): all finite; nearest to the limit: \(tightest.place), "
            + "\(scientific(Double(tightest.tally.largest))) of \(scientific(Double(tightest.limit)))"
    }

    package var document: JSONValue {
        let rows = entries.map { entry -> JSONValue in
            [
                "layer": entry.layer.map { .integer($0) } ?? .null,
                "part": .string(entry.part.rawValue), "operation": .string(entry.operation.rawValue),
                "elements": .integer(entry.tally.elements), "infinities": .integer(entry.tally.infinities),
                "nan": .integer(entry.tally.notNumbers), "largest": .real(Double(entry.tally.largest)),
                "limit": .real(Double(entry.limit)),
                "headroom": entry.headroom.isFinite ? .real(entry.headroom) : .null,
            ]
        }
        return [
            "schema": .integer(Self.schema), "backend": .string(backend), "numerics": .string(numerics),
            "overflow": .bool(!overflows.isEmpty), "entries": .array(rows),
        ]
    }
}

/// Taps that turn what a watched backend counts into a report.
///
/// Put them before no other pass of the same backend: all that was counted since the last tap is taken for this one.
package final class OverflowTaps: Taps {
    package private(set) var report: OverflowReport
    private let watch: OverflowWatch
    private let format: NumberFormat
    private var index: [Key: Int] = [:]

    private struct Key: Hashable {
        let layer: Int?
        let part: OverflowReport.Part
        let operation: WatchedOperation
    }

    /// Taps for passes of this backend, several if wanted: counts add up.
    package init(_ backend: WatchedBackend) {
        watch = backend.watch
        format = backend.numerics.format
        report = OverflowReport(backend: backend.name, numerics: backend.numerics.name)
        _ = watch.drain()
    }

    package func embedding(_ hidden: Matrix) { take(nil, .embedding) }
    package func attention(_ output: Matrix, layer: Int) { take(layer, .attention) }
    package func mlp(_ output: Matrix, layer: Int) { take(layer, .mlp) }
    package func residual(_ hidden: Matrix, afterLayer layer: Int) { take(layer, .residual) }
    package func finalHidden(_ hidden: Matrix) { take(nil, .finalNorm) }
    package func logits(_ values: Matrix, rows: [Int], columns: Range<Int>) { take(nil, .head) }
    package func predictionLogits(_ values: Matrix, rows: [Int], columns: Range<Int>) {
        take(nil, .predictionHead)
    }

    private func take(_ layer: Int?, _ part: OverflowReport.Part) {
        for (operation, tally) in watch.drain() {
            let key = Key(layer: layer, part: part, operation: operation)
            if let place = index[key] {
                report.entries[place].tally.add(tally)
            } else {
                index[key] = report.entries.count
                report.entries.append(
                    OverflowReport.Entry(
                        layer: layer, part: part, operation: operation, tally: tally,
                        limit: operation == .routerLogits ? NumberFormat.f32.largest : format.largest))
            }
        }
    }
}
