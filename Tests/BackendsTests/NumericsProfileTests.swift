// The profiles of numerics: read strictly, and what the program's own names say.

import Backends
import Diagnostics
import Documents
import Testing

struct NumericsProfileTests {
    @Test func theProfilesOfTheProgram() throws {
        #expect(NumericsProfile.names() == ["910b-f16", "a100-w8a16", "bf16", "f32", "f32-w8a8", "h20-w8a8"])
        for name in NumericsProfile.names() {
            let profile = try NumericsProfile.named(name)
            #expect(profile.numerics.name == name && !profile.title.isEmpty)
            #expect(profile.sources.values.allSatisfy { !$0.isEmpty })
        }
    }

    @Test func theNamedConstantsAreTheProfiles() throws {
        #expect(try NumericsProfile.named("f32").numerics == .f32)
        #expect(try NumericsProfile.named("bf16").numerics == .bf16)
    }

    @Test func theRulesAreAsNamed() throws {
        #expect(try NumericsProfile.named("a100-w8a16").numerics.codeProducts == .roundedScales)
        #expect(
            try NumericsProfile.named("h20-w8a8").numerics.codeProducts
                == .activationCodes(
                    ActivationCodeRule(blockAmaxFloor: 1e-10, rowScaleFloor: 1 / (448 * 512))))
        #expect(try NumericsProfile.named("910b-f16").numerics.format == .f16)
    }

    /// What each fault is to be called.
    static let faults: [(String, String)] = [
        (#"{"schema": 2}"#, "schema"),
        (text(format: "f8"), "format.value"),
        (text(rule: "guessed"), "code_products.rule"),
        (text(rule: "activation-codes"), "code_products.block_amax_floor"),
        (text(source: ""), "format.source"),
        (text(more: #", "stray": 1"#), "stray"),
        (text(rounding: "sometimes"), "rounding.value"),
    ]

    @Test(arguments: faults)
    func readStrictly(document: String, place: String) {
        let library = ProfileLibrary(document: { _ in Array(document.utf8) }, names: { _ in ["made"] })
        let subjects = failure("made", library)?.subjects ?? []
        #expect(subjects.contains { $0.label == "field" && $0.value == place })
        #expect(failure("made", library)?.code == .badNumerics)
    }

    @Test func aWrongNameIsToldTheNearest() {
        #expect(failure("h20-w8a9", .embedded)?.code == .noSuchNumerics)
        #expect(failure("h20-w8a9", .embedded)?.remedy == "did you mean h20-w8a8?")
    }

    private func failure(_ name: String, _ library: ProfileLibrary) -> Finding? {
        do throws(Failure) {
            _ = try NumericsProfile.named(name, library)
            return nil
        } catch { return error.findings.first }
    }

    private static func text(
        format: String = "bf16", rounding: String = "every-operation", rule: String = "decoded",
        source: String = "here", more: String = ""
    ) -> String {
        """
        {"schema": 1, "title": "made", "format": {"value": "\(format)", "source": "\(source)"},
        "rounding": {"value": "\(rounding)", "source": "here"},
        "code_products": {"rule": "\(rule)", "source": "here"}, "not_modelled": []\(more)}
        """
    }
}
