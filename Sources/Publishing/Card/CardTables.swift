// The tables of a card, as Markdown.

import Architectures
import Diagnostics
import Documents

/// A Markdown table.
struct MarkdownTable {
    private var lines: [String]
    private let count: Int

    /// - Parameter numeric: columns set flush right, counted from 0.
    init(_ header: [String], numeric: Set<Int> = []) {
        count = header.count
        lines = [
            "| " + header.joined(separator: " | ") + " |",
            "|" + header.indices.map { numeric.contains($0) ? " ---: |" : " --- |" }.joined(),
        ]
    }

    mutating func add(_ row: [String]) {
        lines.append("| " + row.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |")
    }

    var isEmpty: Bool { lines.count == 2 }
    var text: String { isEmpty ? "" : lines.joined(separator: "\n") }
}

/// The error of quantised weights by role.
struct RoleErrors {
    struct Row {
        let role: TensorRole
        let tensors: Int
        let parameters: Int
        /// Root mean square over all weights of the role.
        let mean: Double
        let worst: Double
    }

    private(set) var rows: [Row] = []

    init(_ record: QuantisationSummary, _ inventory: TensorInventory) {
        var sums: [TensorRole: (tensors: Int, parameters: Int, squares: Double, worst: Double)] = [:]
        for entry in inventory.entries {
            guard let error = record.tensors[entry.name]?.error else { continue }
            var sum = sums[entry.role] ?? (0, 0, 0, 0)
            sum.tensors += 1
            sum.parameters += entry.parameterCount
            sum.squares += error * error * Double(entry.parameterCount)
            sum.worst = max(sum.worst, error)
            sums[entry.role] = sum
        }
        rows = TensorRole.allCases.compactMap { role in
            sums[role].map {
                Row(
                    role: role, tensors: $0.tensors, parameters: $0.parameters,
                    mean: ($0.squares / Double(max(1, $0.parameters))).squareRoot(), worst: $0.worst)
            }
        }
    }

    func table(_ language: CardLanguage) -> String {
        var table = MarkdownTable(
            language == .english
                ? ["role", "tensors", "parameters", "relative RMS error", "worst tensor"]
                : ["模块", "张量数", "参数量", "相对均方根误差", "最差张量"], numeric: [1, 2, 3, 4])
        for row in rows {
            table.add([
                language.role(row.role.name), grouped(row.tensors), grouped(row.parameters),
                percent(row.mean, 2), percent(row.worst, 2),
            ])
        }
        return table.text
    }
}

/// A share as people read it.
func percent(_ share: Double, _ places: Int) -> String { decimals(share * 100, places) + " %" }

extension ParityFacts {
    func table(_ language: CardLanguage) -> String {
        var table = MarkdownTable(
            language == .english
                ? ["measured against the base model", "found", "limit", ""] : ["与基座模型对比", "实测", "限值", ""],
            numeric: [1, 2])
        for gate in gates {
            let found = Self.value(gate.found, gate.quantity)
            let half = gate.halfWidth.map { " ± " + Self.value($0, gate.quantity) } ?? ""
            let limit = (gate.isFloor ? "≥ " : "≤ ") + Self.value(gate.limit, gate.quantity)
            table.add([
                language.quantity(gate.quantity), found + half, limit,
                gate.passed ? language.choose("passed", "通过") : language.choose("**failed**", "**未通过**"),
            ])
        }
        if let perplexity {
            table.add([
                language.choose("perplexity, base and this model", "困惑度：基座 / 本模型"),
                "\(decimals(perplexity.base, 4)) / \(decimals(perplexity.release, 4))", "", "",
            ])
        }
        if let accuracy {
            table.add([
                language.choose(
                    "multiple-choice accuracy over \(grouped(accuracy.items)) items, base and this model",
                    "选择题准确率（\(grouped(accuracy.items)) 题）：基座 / 本模型"),
                "\(percent(accuracy.base.mean, 1)) / \(percent(accuracy.release.mean, 1))", "", "",
            ])
        }
        return table.text
    }

    private static func value(_ value: Double, _ quantity: String) -> String {
        if quantity.hasPrefix("divergence") { return value == 0 ? "0" : decimals(value, 5) }
        return percent(value == 0 ? 0 : value, 2)
    }

    func sentence(_ language: CardLanguage) -> String {
        let over = [
            tokens.map { language.choose("\(grouped($0)) tokens", "\(grouped($0)) 个词元") },
            texts.map { language.choose("in \(grouped($0)) texts", "（\(grouped($0)) 段文本）") },
        ].compactMap { $0 }.joined(separator: language.choose(" ", ""))
        return language.choose(
            "Compared with its base by `ingot verify` over \(over); limits of the profile `\(tolerance)`. "
                + "± is half of a 95 % confidence interval, clustered by text.",
            "由 `ingot verify` 与基座模型逐层对比，共 \(over)；限值取自配置 `\(tolerance)`。± 为按文本聚类的 95 % 置信区间半宽。")
    }
}

extension TopologyFacts {
    func table(_ language: CardLanguage) -> String {
        var table = MarkdownTable(
            language == .english
                ? ["topology", "devices", "weights per device", "KV cache of a replica", ""]
                : ["并行方案", "设备数", "每设备权重", "每副本 KV 缓存", ""], numeric: [1, 2, 3])
        for row in rows where row.isLegal {
            table.add([
                "`\(row.name)`", "\(row.devices)",
                size(row.rankBytes),
                row.tokens.map { grouped($0) + language.choose(" tokens", " 词元") } ?? "–",
                row.fits ? "" : language.choose("too small", "显存不足"),
            ])
        }
        return table.text
    }
}

/// Bytes in the unit that devices are sold in, or a smaller one.
private func size(_ bytes: Int) -> String {
    bytes >= 1 << 30
        ? decimals(Double(bytes) / 1_073_741_824, 2) + " GiB"
        : decimals(Double(bytes) / 1_048_576, 2) + " MiB"
}

extension DraftFacts {
    func table(_ language: CardLanguage) -> String {
        var table = MarkdownTable(
            language == .english ? ["drafted token", "accepted"] : ["草稿词元位置", "接受率"], numeric: [1])
        for (index, share) in acceptance.enumerated() { table.add(["\(index + 1)", percent(share, 1)]) }
        return table.text
    }
}
