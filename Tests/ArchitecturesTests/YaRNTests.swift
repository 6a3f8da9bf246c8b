import Architectures
import Diagnostics
import Documents
import Testing

@Suite struct YaRNTests {
    /// The README's recipe: factor 4 over 32,768 tokens.
    private let recipe: JSONValue = [
        "type": "yarn", "factor": .real(4.0), "original_max_position_embeddings": 32_768,
    ]

    private func frequencies(
        _ changes: [String: JSONValue?], _ generation: RopeGeneration
    ) throws -> RotaryFrequencies {
        RotaryFrequencies(configuration: try flash(changes), generation: generation)
    }

    @Test("the kind default is none")
    func none() throws {
        #expect(try findings(["rope_scaling": ["rope_type": "default"]]).isEmpty)
        #expect(try flash(["rope_scaling": ["rope_type": "default"]]).ropeScaling == nil)
    }

    private func agree(_ value: Double, _ printed: Double) -> Bool {
        // The table prints eight significant digits.
        abs(value / printed - 1) < 1e-7
    }

    @Test(
        "frequencies of Ling-flash-2.0 worked out by hand",
        arguments: [
            (0, 1, 1), (1, 0.65983109, 0.65983109), (8, 3.5930411e-2, 3.5930411e-2),
            (13, nil, 4.1194335e-3), (16, 1.2909945e-3, 8.6066297e-4), (20, nil, 8.1570705e-5),
            (24, 4.6385961e-5, 1.1596490e-5), (31, 2.5258990e-6, 6.3147474e-7),
        ] as [(Int, Double?, Double)])
    func table(index: Int, plain: Double?, stretched: Double) throws {
        let without = try frequencies([:], .writtenFactor)
        let with = try frequencies(["rope_scaling": recipe], .writtenFactor)
        #expect(without.inverse.count == 32 && with.inverse.count == 32)
        if let plain { #expect(agree(without.inverse[index], plain)) }
        #expect(agree(with.inverse[index], stretched))
    }

    @Test("the ramp and the attention factor of Ling-flash-2.0")
    func ramp() throws {
        let scaling = RopeScaling(factor: 4, originalContextLength: 32_768)
        let range = YaRN.correctionRange(scaling, dimensions: 64, theta: 600_000)
        #expect(range.low == 12 && range.high == 21)
        #expect(agree(YaRN.attentionFactor(scaling, factor: 4), 1.138629436))
        #expect(try frequencies([:], .writtenFactor).attentionFactor == 1)
    }

    @Test("with max_position_embeddings left alone one generation does nothing")
    func trap() throws {
        let silent = try frequencies(["rope_scaling": recipe], .lengthRatio)
        let plain = try frequencies([:], .lengthRatio)
        #expect(silent.attentionFactor == 1)
        #expect(zip(silent.inverse, plain.inverse).allSatisfy { abs($0 / $1 - 1) < 1e-15 })
        let found = try findings(["rope_scaling": recipe])
        #expect(found.map(\.code) == [.ropeScalingAmbiguous] && found.first?.level == .warning)
        #expect(found.first?.remedy == "set max_position_embeddings to 131072")
        let both: [String: JSONValue?] = ["rope_scaling": recipe, "max_position_embeddings": 131_072]
        #expect(try findings(both).isEmpty)
        #expect(try frequencies(both, .lengthRatio) == frequencies(both, .writtenFactor))
    }

    @Test(
        "a block that cannot be read is refused",
        arguments: [
            ["type": "linear", "factor": 4], ["factor": 4, "original_max_position_embeddings": 32_768],
            ["type": "yarn", "original_max_position_embeddings": 32_768], ["type": "yarn", "factor": 4],
            ["type": "yarn", "rope_type": "linear", "factor": 4, "original_max_position_embeddings": 8],
            ["type": "yarn", "factor": 0, "original_max_position_embeddings": 32_768],
            ["type": "yarn", "factor": .real(1e300), "original_max_position_embeddings": 32_768],
            ["type": "yarn", "factor": 4, "original_max_position_embeddings": 9_223_372_036_854_775_807],
            ["type": "yarn", "factr": 4, "factor": 4, "original_max_position_embeddings": 32_768],
            [
                "type": "yarn", "factor": 4, "original_max_position_embeddings": 32_768, "beta_fast": 1,
                "beta_slow": 2,
            ],
            [
                "type": "yarn", "factor": 4, "original_max_position_embeddings": 32_768, "truncate": false,
            ],
            [
                "type": "yarn", "factor": 4, "original_max_position_embeddings": 32_768, "mscale": 1,
                "mscale_all_dim": .real(-7.2134752),
            ],
            [
                "type": "yarn", "factor": 4, "original_max_position_embeddings": 32_768, "mscale": -20,
                "mscale_all_dim": 1,
            ],
            "yarn",
        ] as [JSONValue])
    func malformed(block: JSONValue) throws {
        #expect(try findings(["rope_scaling": block]).contains { $0.level == .error })
    }

    @Test("given attention factors are used as given")
    func given() {
        let given = RopeScaling(factor: 4, originalContextLength: 32_768, attentionFactor: 1.5)
        #expect(YaRN.attentionFactor(given, factor: 4) == 1.5)
        let pair = RopeScaling(
            factor: 4, originalContextLength: 32_768, mscale: 1, mscaleAllDimensions: 1)
        #expect(YaRN.attentionFactor(pair, factor: 4) == 1)
    }
}
