import Architectures
import Diagnostics
import Documents
import Tensors
import Testing

@Suite struct ScaleAuditTests {
    private let block = FP8Layout(container: .deepSeek, granularity: .block(rows: 128, columns: 128))
    private let powers = FP8Layout(
        container: .deepSeek, granularity: .block(rows: 128, columns: 128), scaleFormat: "ue8m0")

    private func entry(_ name: String) throws -> InventoryEntry {
        try #require(TensorInventory(try micro())[name: name])
    }

    private func audit(_ scales: [(String, [Float])]) throws -> ScaleAudit {
        var audit = ScaleAudit()
        for (name, values) in scales { audit.observe(values, of: try entry(name)) }
        return audit
    }

    private let dense = "model.layers.1.attention.dense.weight"
    private let fused = "model.layers.1.attention.query_key_value.weight"
    private let other = "model.layers.2.attention.dense.weight"

    @Test(
        "a power of two is a normal number with an empty mantissa",
        arguments: [
            (1, true), (0.5, true), (0x1p-126, true), (0x1p127, true), (3, false), (1.0000001, false),
            (0x1p-127, false), (0x1p-149, false), (0, false), (-1, false), (.infinity, false), (.nan, false),
        ] as [(Float, Bool)])
    func kinds(value: Float, isPower: Bool) throws {
        #expect(try audit([(dense, [value])]).kind == (isPower ? .powersOfTwo : .plain))
    }

    @Test("kinds are told apart per role")
    func perRole() throws {
        let audit = try audit([(dense, [1, 2]), (other, [0.25]), (fused, [0.3, 1])])
        #expect(audit.kind == .mixed && audit.valueCount == 5)
        #expect(audit.roles.map(\.role) == [.attentionQKV, .attentionOutput])
        #expect(audit.roles.map(\.tally.kind) == [.plain, .powersOfTwo])
        #expect(try self.audit([(dense, [1]), (other, [0.3])]).roles.first?.tally.kind == .mixed)
        #expect(ScaleAudit().kind == nil)
    }

    @Test("BF16 and exponent bytes are read in place")
    func storage() throws {
        var audit = ScaleAudit()
        let entry = try entry(dense)
        let bf16: [UInt8] = [0, 0x80, 0x3F, 0x40, 0x3F]  // one byte off, then 1.0 and 0.75
        bf16.withUnsafeBytes {
            audit.observe(UnsafeRawBufferPointer(rebasing: $0[1...]), dtype: .bf16, of: entry)
        }
        #expect(audit.kind == .plain && audit.valueCount == 2)
        var exponents = ScaleAudit()
        ([0, 127, 254] as [UInt8]).withUnsafeBytes { exponents.observe($0, dtype: .e8m0, of: entry) }
        #expect(exponents.kind == .powersOfTwo && exponents.findings(powers).isEmpty)
        ([255] as [UInt8]).withUnsafeBytes { exponents.observe($0, dtype: .e8m0, of: entry) }
        #expect(exponents.roles.first?.tally.nonFinite == 1)
    }

    @Test("scales that no weight can have are errors")
    func impossible() throws {
        let audit = try audit([(dense, [0, -0.0, -2, .infinity, -.infinity, .nan, 1])])
        let tally = try #require(audit.roles.first?.tally)
        #expect(tally.zeros == 2 && tally.negatives == 1 && tally.nonFinite == 3 && tally.impossible == 6)
        let found = audit.findings(block).filter { $0.code == .scaleValueImpossible }
        #expect(found.count == 1 && found.first?.level == .error)
        #expect(found.first?.subjects.map(\.value) == [dense])
    }

    @Test("kinds against the config's word")
    func findings() throws {
        func levels(_ audit: ScaleAudit, _ layout: FP8Layout) -> [Finding.Level] {
            audit.findings(layout).map(\.level)
        }
        let two = try audit([(dense, [1])])
        let plain = try audit([(dense, [0.3])])
        let mixed = try audit([(dense, [1]), (fused, [0.3])])
        #expect(levels(two, powers) == [] && levels(two, block) == [.note])
        #expect(levels(plain, powers) == [.error] && levels(plain, block) == [.note])
        #expect(levels(mixed, powers) == [.error] && levels(mixed, block) == [.warning])
        #expect(mixed.findings(block).first?.found == "attention-qkv: plain\nattention-output: powers of two")
        let channel = FP8Layout(container: .compressedTensors, granularity: .channel)
        #expect(mixed.findings(channel).isEmpty)
    }

    @Test("all scales of Ling-flash-2.0 are looked at")
    func wholeModel() throws {
        let quantised = QuantisedInventory(TensorInventory(try flash()), layout: .fp8(block))
        let scales = [Float](repeating: 0.013, count: 40 * 32 * 2)
        var audit = ScaleAudit()
        scales.withUnsafeBytes { bytes in
            for (index, entry) in quantised.inventory.entries.enumerated() {
                guard let scale = quantised.scale(at: index) else { continue }
                let count = scale.shape.dimensions[0] * scale.shape.dimensions[1]
                audit.observe(
                    UnsafeRawBufferPointer(rebasing: bytes[0..<min(4 * count, bytes.count)]), dtype: .f32,
                    of: entry)
            }
        }
        #expect(audit.valueCount == 6_199_296)
    }
}
