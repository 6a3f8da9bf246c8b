// Small matrices encoded by torch's own operators; see Fixtures/vectors/fp8/blocks.json.
import CKernels
import Testing

@Suite struct GoldenTests {
    @Test(arguments: availableLevels)
    func codesAndScalesOfTorch(level: ingot_simd_level) throws {
        let file = try SafetensorsFixture("blocks")
        let cases = try file.metadata("cases")
        #expect(cases.count == 76)
        let rules = [
            "f32": INGOT_SCALE_F32, "ue8m0": INGOT_SCALE_UE8M0, "ue8m0-log2": INGOT_SCALE_UE8M0_LOG2,
            "bf16": INGOT_SCALE_BF16,
        ]
        for (name, fields) in cases.sorted(by: { $0.key < $1.key }) {
            let tensor = fields["source"] as! String
            let source: Source =
                switch fields["type"] as! String {
                case "bf16": Source(bf16: file.halves(tensor))
                case "f16": Source(f16: file.halves(tensor))
                default: Source(f32: file.floats(tensor))
                }
            let shape = file.shape(tensor)
            let outcome = EncodeCall(
                source: source, rows: shape[0], columns: shape[1], blockRows: fields["blockRows"] as! Int,
                blockColumns: fields["blockColumns"] as! Int, rule: rules[fields["rule"] as! String]!,
                floor: Float(fields["floor"] as! Double), zeroScale: Float(fields["zeroScale"] as! Double),
                level: level
            ).run()
            #expect(outcome.result.status == INGOT_OK, "\(name)")
            #expect(outcome.result.scales == file.words("\(name).scales"), "\(name)")
            #expect(firstDifference(outcome.result.codes, file.data("\(name).codes")) == nil, "\(name)")
        }
    }
}
