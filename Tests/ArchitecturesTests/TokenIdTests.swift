import Architectures
import Checkpoints
import Diagnostics
import Documents
import Testing

@Suite struct TokenIdTests {
    private let config = "Fixtures/checkpoints/ling-tiny-icd/config.json"

    private func sidecars(_ generation: JSONValue?, _ change: (inout Sidecars) -> Void = { _ in }) throws
        -> Sidecars
    {
        let checkpoint = try Checkpoint.open(joined(packageRoot, "Fixtures/checkpoints/ling-tiny-icd"))
        var (sidecars, findings) = Sidecars.read(checkpoint)
        #expect(findings.isEmpty)
        sidecars.generation = generation
        change(&sidecars)
        return sidecars
    }

    private func findings(
        _ generation: JSONValue?, _ change: (inout Sidecars) -> Void = { _ in }
    ) throws -> [Finding] {
        let value = try document(config)
        let inventory = TensorInventory(try BailingMoeV2Configuration(value))
        return CheckpointJudge().judge(
            config: value, headers: headers(QuantisedInventory(inventory)),
            sidecars: try sidecars(generation, change)
        ).findings
    }

    @Test("added tokens are read past vocabulary and merges")
    func addedTokens() throws {
        let sidecars = try sidecars(nil)
        #expect(sidecars.addedTokens["<|role_end|>"] == 2039 && sidecars.addedTokens["<|endoftext|>"] == 2036)
        #expect(sidecars.chatTemplate?.contains("<|role_end|>") == true)
        #expect(throws: JSONError.self) { try Sidecars.addedTokens(tokenizer: Array("{\"a\":[1,}".utf8)) }
    }

    @Test("both end ids are sound")
    func sound() throws {
        #expect(
            try findings(["bos_token_id": 2035, "eos_token_id": [2036, 2039], "pad_token_id": 2036]).isEmpty)
        #expect(try findings(nil).isEmpty)
    }

    @Test("a generation config that does not stop at the end of a turn, as one release has it")
    func runsPast() throws {
        let found = try findings(["eos_token_id": 2036, "pad_token_id": 2036])
        #expect(Set(found.map(\.code)) == [.endTokenMissing, .tokenIdsDisagree])
        let end = try #require(found.first { $0.code == .endTokenMissing })
        #expect(end.level == .warning && end.expected == "a list with 2039, <|role_end|>")
        #expect(end.remedy == "set eos_token_id to [2036, 2039]")
    }

    @Test("ids that disagree or lie outside the vocabulary")
    func ids() throws {
        let pad = try findings(["eos_token_id": [2036, 2039], "pad_token_id": 2037])
        #expect(pad.map(\.code) == [.tokenIdsDisagree, .tokenIdsDisagree])
        let beyond = try findings(["eos_token_id": [2036, 2039, 2048]])
        #expect(beyond.map(\.code) == [.tokenIdImpossible])
        let kind = try findings(["eos_token_id": ["2039"]])
        #expect(kind.contains { $0.code == .tokenIdImpossible })
        let rows = try findings(nil) { $0.addedTokens["<extra>"] = 2048 }
        #expect(rows.map(\.code) == [.tokenIdImpossible])
        let lacking = try findings(nil) { $0.addedTokens["<|role_end|>"] = nil }
        #expect(lacking.map(\.code) == [.endTokenMissing] && lacking.first?.level == .error)
        #expect(try findings([1, 2]).contains { $0.code == .configMalformed })
    }
}
