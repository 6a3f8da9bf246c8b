import Architectures
import Checkpoints
import Diagnostics
import Documents
import Tensors
import Testing

@Suite struct LedgerTests {
    @Test("the BF16 ledger of Ling-flash-2.0")
    func plain() throws {
        let ledger = Ledger(TensorInventory(try flash()))
        #expect(ledger.total.tensors == 24_161 && ledger.total.bytes == 205_779_426_304)
        #expect(ledger.parameterCount == 102_889_705_216)
        #expect(ledger.count(DType.bf16).elements == 102_889_697_280)
        #expect(ledger.count(DType.f32).elements == 7_936)
        #expect(ledger.count(RoleGroup.routedExperts).elements == 99_857_989_632)
        #expect(ledger.count(RoleGroup.embeddings).elements == 1_287_651_328)
        #expect(ledger.count(RoleGroup.attention).elements == 1_207_959_552)
        #expect(ledger.count(RoleGroup.sharedExperts).elements == 390_070_272)
        #expect(ledger.count(RoleGroup.routers).elements == 32_513_792)
        #expect(ledger.count(RoleGroup.denseMLP).elements == 113_246_208)
        #expect(ledger.count(RoleGroup.norms).elements == 274_432)
        #expect(
            ledger.summary == "102,889,697,280 BF16 and 7,936 F32 parameters in 24,161 tensors")
    }

    @Test("the FP8 ledger of the publisher's recipe")
    func quantised() throws {
        let quantised = QuantisedInventory(
            TensorInventory(try flash()),
            layout: .fp8(FP8Layout(container: .deepSeek, granularity: .block(rows: 128, columns: 128))))
        let ledger = Ledger(quantised)
        #expect(ledger.total.tensors == 48_129 && ledger.total.bytes == 104_234_957_824)
        #expect(quantised.isQuantised.count { $0 } == 23_968)
        #expect(ledger.count(DType.e4m3).elements == 101_569_265_664)
        #expect(ledger.count(DType.bf16).elements == 1_320_431_616)
        #expect(ledger.count(RoleGroup.scales).elements == 6_199_296)
        #expect(ledger.parameterCount == 102_889_705_216)
    }

    @Test("parameters one token uses")
    func active() throws {
        let inventory = TensorInventory(try flash())
        #expect(inventory.activeParameterCount == 6_152_269_824)
        #expect(
            inventory.activeParameterCount - Ledger(inventory).count(RoleGroup.embeddings).elements
                == 4_864_618_496)
        #expect(TensorInventory(try flash(miniChanges)).activeParameterCount == 1_432_968_192)
        #expect(
            TensorInventory(try flash(["num_nextn_predict_layers": 1])).activeParameterCount == 6_152_269_824)
    }

    @Test("the profiles' ledgers are those of their own sizes")
    func profiles() throws {
        let library = ProfileLibrary.folder(joined(packageRoot, "Profiles"))
        let profiles = try ArchitectureProfile.all(library)
        #expect(profiles.map(\.name) == ["ling-flash-2.0", "ling-mini-2.0", "ling-tiny-icd"])
        let tiny = try BailingMoeV2Configuration(document("Fixtures/checkpoints/ling-tiny-icd/config.json"))
        for (profile, configuration) in zip(profiles, [try flash(), try flash(miniChanges), tiny]) {
            let inventory = TensorInventory(configuration)
            #expect(profile.describes(configuration) && profile.agrees(Ledger(inventory)), "\(profile.name)")
            #expect(profile.activeParameters == inventory.activeParameterCount)
            #expect(try ArchitectureProfile.recognise(configuration, library)?.name == profile.name)
        }
        #expect(try ArchitectureProfile.recognise(micro(), library) == nil)
    }
}
