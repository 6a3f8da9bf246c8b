// The sums of docs/scale.md: the model of that page has the parameters, tensors and bytes it says, and what its
// tables multiply is multiplied right.

import Architectures
import Documents
import Foundation
import TestSupport
import Testing

struct ScalePageTests {
    /// A model of the page's sizes.
    static func model() throws -> CheckpointMaker {
        try CheckpointMaker(
            "Fixtures/configs/ling-flash-2.0.json",
            [
                "num_hidden_layers": 80, "hidden_size": 8192, "num_attention_heads": 64,
                "num_key_value_heads": 8, "intermediate_size": 18432, "moe_intermediate_size": 2048,
                "moe_shared_expert_intermediate_size": 2048, "first_k_dense_replace": 4,
            ])
    }

    private func grouped(_ value: Int) -> String {
        var digits = Array(String(value))
        for place in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: place) }
        return String(digits)
    }

    /// Cells of the rows of all tables, without their borders.
    private func rows() throws -> [[String]] {
        try Repository.text("docs/scale.md").split(separator: "\n").filter { $0.hasPrefix("|") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    @Test func theModelIsAsTheTableSays() throws {
        let inventory = try Self.model().inventory
        let parameters = inventory.entries.reduce(0) { $0 + $1.parameterCount }
        let bytes = inventory.entries.reduce(0) { $0 + $1.byteCount }
        let table = try rows()
        func says(_ name: String) throws -> String { try #require(table.first { $0.first == name })[2] }
        #expect(try says("parameters") == grouped(parameters))
        #expect(try says("tensors") == grouped(inventory.entries.count))
        #expect(try says("bytes in BF16") == grouped(bytes))
    }

    @Test func theLedgerAddsUp() throws {
        var sum = 0
        var total: Int?
        for cells in try rows() where cells.count == 4 && total == nil {
            func number(_ text: some StringProtocol) -> Int? { Int(text.replacing(",", with: "")) }
            if cells[0] == "**BF16 sum**" {
                total = number(cells[3])
            } else if let each = number(cells[1]), let result = number(cells[3]) {
                let count = try cells[2].split(separator: " × ").reduce(1) { try $0 * #require(number($1)) }
                #expect(each * count == result, "\(cells)")
                sum += result
            }
        }
        #expect(sum == total)
        let biases = try Self.model().inventory.entries.filter { $0.role == .routerBias }
        let parameters = try Self.model().inventory.entries.reduce(0) { $0 + $1.parameterCount }
        #expect(sum == parameters - biases.reduce(0) { $0 + $1.parameterCount })
    }
}
