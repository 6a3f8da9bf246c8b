// The sums of docs/scale.md: the model of that page has the parameters, tensors and bytes it says, and what its
// tables multiply is multiplied right.

import Architectures
import Documents
import Foundation
import Tensors
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
        let plain = Ledger(inventory)
        let quantised = Ledger(
            QuantisedInventory(
                inventory,
                layout: .fp8(FP8Layout(container: .deepSeek, granularity: .block(rows: 128, columns: 128)))))
        let table = try rows()
        func says(_ name: String) throws -> String { try #require(table.first { $0.first == name })[2] }
        #expect(try says("parameters") == grouped(plain.parameterCount))
        #expect(try says("active for a token") == grouped(inventory.activeParameterCount))
        #expect(try says("tensors") == grouped(plain.total.tensors))
        #expect(try says("bytes in BF16") == grouped(plain.total.bytes))
        #expect(try says("bytes in `fp8-block`") == grouped(quantised.total.bytes))
        #expect(try says("tensors in `fp8-block`") == grouped(quantised.total.tensors))
    }

    @Test func theLedgerAddsUp() throws {
        var sum = 0
        var total: Int?
        for cells in try rows() where cells.count == 4 && total == nil {
            func number(_ text: some StringProtocol) -> Int? { Int(String(text).filter { $0 != "," }) }
            if cells[0] == "**BF16 sum**" {
                total = number(cells[3])
            } else if let each = number(cells[1]), let result = number(cells[3]) {
                let count = try cells[2].split(separator: " × ").reduce(1) { try $0 * #require(number($1)) }
                #expect(each * count == result, "\(cells)")
                sum += result
            }
        }
        #expect(sum == total)
        #expect(sum == Ledger(try Self.model().inventory).count(DType.bf16).elements)
    }
}
