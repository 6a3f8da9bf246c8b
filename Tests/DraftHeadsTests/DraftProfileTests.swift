// Profiles of draft heads: figures of the published head, strict reading, and the rate over a training.

import Diagnostics
import Documents
import DraftHeads
import Foundation
import TestSupport
import Testing

struct DraftProfileTests {
    @Test func everyProfileReads() throws {
        #expect(DraftProfile.names == ["eagle3-ling-flash-2.0", "eagle3-ling-tiny-icd"])
        for name in DraftProfile.names {
            let profile = try DraftProfile.named(name)
            #expect(try DraftProfile.forTarget(profile.target) == profile)
        }
        let flash = try DraftProfile.named("eagle3-ling-flash-2.0")
        #expect(flash.shape.auxiliaryPoints == HeadConfiguration.standardPoints(layerCount: 32))
        #expect(flash.recipe.learningRate == 5e-5)
        #expect(flash.shape.draftVocabularySize == 32000)
    }

    @Test(arguments: [
        ("\"batch\": 8", "\"batch\": 0"), ("\"clip\": 0.5", "\"clipp\": 0.5"),
        ("\"beta1\": 0.9", "\"beta1\": 1"), ("\"schema\": 1", "\"schema\": 2"),
        ("\"key_value_heads\": 2", "\"key_value_heads\": 3"),
        ("\"states_entering_layers\": [2, 3, 4]", "\"states_entering_layers\": []"),
    ]) func aBadProfileIsRefused(_ from: String, _ to: String) throws {
        let text = try Repository.text("Profiles/drafts/eagle3-ling-tiny-icd.json")
        #expect(text.contains(from))
        let folder = try TemporaryFolder()
        let path = folder.path("profile.json")
        try Data(text.replacing(from, with: to).utf8).write(to: URL(fileURLWithPath: path))
        do {
            _ = try DraftProfile.named(path)
            Issue.record("was read")
        } catch { #expect(error.findings.map(\.code) == [.badDraftProfile]) }
    }

    @Test func anUnknownProfileIsNamed() {
        do {
            _ = try DraftProfile.named("eagle3-ling-flsh-2.0")
            Issue.record("was found")
        } catch { #expect(error.findings.first?.remedy?.contains("flash") == true) }
        #expect(throws: Failure.self) { try DraftProfile.forTarget("ling-mini-2.0") }
    }

    @Test func theRateRisesAndFalls() throws {
        var recipe = try DraftProfile.named("eagle3-ling-tiny-icd").recipe
        (recipe.learningRate, recipe.warmUpShare, recipe.finalShare) = (1, 0.1, 0.05)
        let rates = (0..<100).map { recipe.rate(done: Double($0) / 100, step: $0, total: 100) }
        #expect(abs(rates[0] - 0.1) < 1e-12)
        #expect(rates[9] > 0.97 && rates[9] <= 1)
        #expect(zip(rates[10...], rates[11...]).allSatisfy { $0 > $1 })
        #expect(rates[99] > 0.05 && rates[99] < 0.06)
        #expect(recipe.rate(done: 1, step: 5, total: nil) == 0.05)
    }
}
