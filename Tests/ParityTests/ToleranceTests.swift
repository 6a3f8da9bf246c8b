// Tolerance profiles are read strictly; sides get the one that fits.

import Backends
import Checkpoints
import Diagnostics
import Documents
import Parity
import ReferenceModel
import TestSupport
import Testing

struct ToleranceTests {
    @Test func everyProfileLoads() throws {
        let names = Tolerance.names(.embedded)
        #expect(Set(["exact", "f32", "bf16", "fp8"]).isSubset(of: names))
        for name in names {
            let profile = try Tolerance.named(name, .embedded)
            #expect(profile.name == name && !profile.summary.isEmpty && !profile.gates.isEmpty)
            for gate in profile.gates {
                #expect(profile.limit(gate.quantity) == gate.limit)
                if gate.quantity.isFloor { #expect(gate.limit <= 1) }
            }
        }
    }

    struct Hostile: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let old: String
        let new: String
        let says: String
    }

    private static let good = """
        {"schema": 1, "name": "x", "summary": "s", "tie_margin": {"value": 1e-5, "source": "a"}, \
        "gates": [{"quantity": "route-flips", "limit": 0, "source": "b"}, \
        {"quantity": "route-agreement", "limit": 0.9, "source": "c"}]}
        """

    static let hostile = [
        Hostile(
            testDescription: "unknown quantity", old: "route-flips", new: "route-flip",
            says: #"did you mean "route-flips"?"#),
        Hostile(
            testDescription: "quantity twice", old: "route-agreement", new: "route-flips",
            says: "every quantity once"),
        Hostile(testDescription: "no source", old: #", "source": "b""#, new: "", says: "source"),
        Hostile(
            testDescription: "empty source", old: #""source": "b""#, new: #""source": """#,
            says: "where the value comes from"),
        Hostile(
            testDescription: "below zero", old: #""limit": 0,"#, new: #""limit": -0.1,"#, says: "0 or more"),
        Hostile(
            testDescription: "limit in words", old: #""limit": 0,"#, new: #""limit": "0","#, says: "limit"),
        Hostile(
            testDescription: "limit beyond F64", old: #""limit": 0,"#, new: #""limit": 1e999,"#, says: "limit"
        ),
        Hostile(testDescription: "agreement in percent", old: "0.9", new: "90", says: "1 at most"),
        Hostile(
            testDescription: "no gates", old: "\"gates\": [", new: "\"gates\": [], \"more\": [", says: "gate"),
        Hostile(testDescription: "unknown member", old: #""name""#, new: #""nmae": 1, "name""#, says: "nmae"),
        Hostile(
            testDescription: "another schema", old: #""schema": 1"#, new: #""schema": 2"#, says: "schema"),
        Hostile(testDescription: "margin below zero", old: "1e-5", new: "-1", says: "0 or more"),
        Hostile(testDescription: "margin without source", old: #", "source": "a""#, new: "", says: "source"),
        Hostile(testDescription: "no JSON", old: "]}", new: "]", says: "x.json"),
        Hostile(testDescription: "a list", old: good, new: "[]", says: "x.json"),
        Hostile(testDescription: "nothing", old: good, new: "", says: "x.json"),
    ]

    @Test func theTemplateIsGood() throws {
        let folder = try TemporaryFolder()
        try Self.good.write(toFile: folder.path("x.json"), atomically: true, encoding: .utf8)
        #expect(try Tolerance.named(folder.path("x.json"), .embedded).gates.count == 2)
    }

    @Test(arguments: hostile) func isRefused(_ item: Hostile) throws {
        let folder = try TemporaryFolder()
        let text = Self.good.replacing(item.old, with: item.new)
        try #require(text != Self.good)
        try text.write(toFile: folder.path("x.json"), atomically: true, encoding: .utf8)
        let error = try #require(failure { try Tolerance.named(folder.path("x.json"), .embedded) })
        #expect(error.findings.count == 1 && error.findings[0].code == .toleranceMalformed)
        let told = error.findings[0].told + (error.findings[0].remedy ?? "")
        #expect(told.contains(item.says), "\(told)")
    }

    @Test func anUnknownName() throws {
        let error = try #require(failure { try Tolerance.named("fp9", .embedded) })
        #expect(error.findings[0].code == .unknownTolerance)
        #expect(error.findings[0].remedy?.contains("--tolerance fp8") ?? false)
    }

    // MARK: Choosing

    private func side(_ folder: String, _ numerics: String = "f32") throws -> ParitySide {
        let weights = try CheckpointWeights.open(folder, budget: 0)
        let backend = ReferenceBackend(
            numerics: try NumericsProfile.named(numerics).numerics)
        return .model(
            ModelSide(
                folder: folder, weights: weights,
                pass: ForwardPass(weights.configuration, weights: weights, backend: backend)))
    }

    @Test func whatFitsTwoSides() throws {
        let folder = try TemporaryFolder()
        let source = Repository.checkpoint("micro")
        let plain = try side(source)
        let half = try side(source, "bf16")
        let block = try side(try quantised(source, "fp8-block", folder.path("block")))
        let channel = try side(try quantised(source, "fp8-channel", folder.path("channel")))
        let wide = try side(try CheckpointMaker.micro(["torch_dtype": "float32"]).write(folder.path("wide")))
        let recorded = try golden("micro")
        for (left, right, name) in [
            (plain, plain, "f32"), (plain, block, "fp8"), (block, plain, "fp8"), (block, block, "f32"),
            (block, channel, "fp8"), (plain, wide, "bf16"), (plain, half, "bf16"), (half, block, "fp8"),
            (recorded, plain, "f32"), (plain, recorded, "f32"), (recorded, recorded, "f32"),
        ] {
            let choice = ToleranceChoice.choose(left, right)
            #expect(choice.name == name, "\(left.path) \(right.path): \(choice)")
            #expect(Tolerance.names(.embedded).contains(choice.name) && !choice.reason.isEmpty)
        }
    }
}
