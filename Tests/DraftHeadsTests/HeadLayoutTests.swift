// The head's parameters and its vocabulary: figures of the published Ling-flash head.

import DraftHeads
import ReferenceModel
import Testing

struct HeadLayoutTests {
    static let lingFlash = HeadConfiguration(
        hiddenSize: 4096, targetHiddenSize: 4096, mlpWidth: 14336, attentionHeadCount: 32,
        keyValueHeadCount: 8, headDimension: 128, rmsNormEpsilon: 1e-5, ropeTheta: 10000,
        contextLength: 32768, vocabularySize: 157184, draftVocabularySize: 32000,
        auxiliaryPoints: HeadConfiguration.standardPoints(layerCount: 32))

    /// Thirteen weights and the sum that SpecForge's configuration of the Ling-flash head gives.
    @Test func ledgerOfLingFlash() {
        let layout = HeadLayout(Self.lingFlash)
        #expect(layout.entries.count == 13)
        #expect(layout.count == 424_689_664)
        #expect(layout[.query]?.count == 33_554_432)
        #expect(layout[.draftLogits]?.range.upperBound == layout.count)
        #expect(layout[.joinedInputNorm] == nil)
    }

    @Test func normsOfTheStatesComeFirst() {
        var c = Self.lingFlash
        c.inputNorm = .each
        #expect(HeadLayout(c).count == 424_689_664 + 3 * 4096)
        #expect(HeadLayout(c)[.inputNorm(2)]?.offset == 8192)
        c.inputNorm = .joined
        #expect(HeadLayout(c)[.joinedInputNorm]?.count == 12288)
    }

    @Test func standardPoints() {
        let points = HeadConfiguration.standardPoints(layerCount: 32)
        #expect(points.map(\.afterLayer) == [1, 15, 28])
    }

    @Test func vocabularyByFrequencyThenId() throws {
        let vocabulary = DraftVocabulary(counts: [0, 3, 1, 3, 0, 1], size: 4)
        #expect(vocabulary.targetIds == [1, 2, 3, 5])
        #expect(vocabulary.d2t == [1, 1, 1, 2])
        #expect(vocabulary.t2d == [false, true, true, true, false, true])
        #expect(vocabulary.draftIds == [-1, 0, 1, 2, -1, 3])
        #expect(DraftVocabulary(counts: [0, 3, 1, 3, 0, 1], size: 5).targetIds == [0, 1, 2, 3, 5])
        #expect(DraftVocabulary(targetIds: [1, 1], vocabularySize: 4) == nil)
        #expect(DraftVocabulary(targetIds: [3, 4], vocabularySize: 4) == nil)
        let ids = try #require(DraftVocabulary(targetIds: [0, 3], vocabularySize: 4))
        #expect(ids.count == 2)
    }
}
