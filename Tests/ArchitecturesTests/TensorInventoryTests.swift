import Architectures
import Tensors
import Testing

@Suite struct TensorInventoryTests {
    private func parameters(_ inventory: TensorInventory, _ dtype: DType) -> Int {
        inventory.entries.filter { $0.dtype == dtype }.reduce(0) { $0 + $1.parameterCount }
    }

    @Test("Ling-flash-2.0 has the parameters the hub reports")
    func flashTotals() throws {
        let inventory = TensorInventory(try flash())
        #expect(inventory.entries.count == 24_161)
        #expect(parameters(inventory, .bf16) == 102_889_697_280)
        #expect(parameters(inventory, .f32) == 7_936)
    }

    @Test("one prediction layer adds 783 tensors")
    func predictionTotals() throws {
        let inventory = TensorInventory(try flash(["num_nextn_predict_layers": 1]))
        #expect(inventory.entries.count == 24_944)
        #expect(parameters(inventory, .bf16) == 106_195_878_144)
        #expect(parameters(inventory, .f32) == 8_192)
        #expect(inventory[name: "model.layers.32.eh_proj.weight"]?.shape == [4096, 8192])
        #expect(inventory[name: "model.layers.32.mlp.experts.255.down_proj.weight"] != nil)
        #expect(inventory[name: "model.layers.33.enorm.weight"] == nil)
    }

    @Test("Ling-mini-2.0 has the parameters its release notes print")
    func miniTotals() throws {
        let inventory = TensorInventory(try flash(miniChanges))
        #expect(inventory.entries.count == 14_813)
        #expect(parameters(inventory, .bf16) == 16_255_638_528)
        #expect(parameters(inventory, .f32) == 4_864)
    }

    @Test("experts stand in numeric order between embedding and head")
    func order() throws {
        let inventory = TensorInventory(try flash())
        let names = inventory.entries.map(\.name)
        #expect(names.first == "model.word_embeddings.weight")
        #expect(names.suffix(2) == ["model.norm.weight", "lm_head.weight"])
        let second = names.firstIndex(of: "model.layers.1.mlp.experts.2.gate_proj.weight")
        let tenth = names.firstIndex(of: "model.layers.1.mlp.experts.10.gate_proj.weight")
        #expect(try #require(second) < #require(tenth))
        #expect(Set(names).count == names.count)
    }

    @Test("an entry is found by its name and knows its place")
    func lookup() throws {
        let inventory = TensorInventory(try flash())
        let name = "model.layers.17.mlp.experts.40.down_proj.weight"
        let entry = try #require(inventory[name: name])
        #expect(entry.role == .expert(.down) && entry.layer == 17 && entry.expert == 40)
        #expect(entry.shape == [4096, 1024] && entry.module == String(name.dropLast(7)))
        #expect(inventory.index(of: name).map { inventory.entries[$0] } == entry)
        #expect(inventory[name: "model.layers.0.mlp.experts.0.up_proj.weight"] == nil)
        #expect(inventory[name: "model.layers.3.mlp.gate.expert_bias"]?.dtype == .f32)
    }

    @Test("tied embeddings leave out the output head")
    func tied() throws {
        let inventory = TensorInventory(try flash(["tie_word_embeddings": true]))
        #expect(inventory[name: "lm_head.weight"] == nil && inventory.entries.count == 24_160)
    }

    @Test("every role has one name, and the name gives the role back")
    func roleNames() {
        #expect(Set(TensorRole.allCases.map(\.name)).count == TensorRole.allCases.count)
        for role in TensorRole.allCases { #expect(TensorRole(name: role.name) == role) }
        #expect(TensorRole(name: "gate") == nil)
        #expect(TensorRole.allCases.count == 24)
    }

    @Test("roles answer as engines treat them")
    func roleRules() {
        let quantisable = TensorRole.allCases.filter(\.isQuantisable).map(\.name)
        #expect(quantisable.count == 11 && !quantisable.contains("router-gate"))
        #expect(TensorRole.attentionQKV.tensorParallelSplit == .fusedQKV)
        #expect(TensorRole.expert(.down).tensorParallelSplit == .columns)
        #expect(TensorRole.sharedExpert(.gate).tensorParallelSplit == .rows)
        #expect(TensorRole.outputHead.tensorParallelSplit == .rows)
        #expect(TensorRole.mtpProjection.tensorParallelSplit == .none)
        #expect(TensorRole.allCases.filter(\.isWholeUnderExpertParallel).count == 3)
    }
}
