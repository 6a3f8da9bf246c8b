// Schemes are decoded strictly: what a scheme file can get wrong, each with its error.

import Diagnostics
import Documents
import Quantisation
import TestSupport
import Testing

struct SchemeTests {
    @Test func everyEmbeddedSchemeLoads() throws {
        #expect(SchemeLibrary.names == (schemeNames + ["fp8-tensor-static"]).sorted())
        for name in SchemeLibrary.names {
            let scheme = try SchemeLibrary.scheme(name)
            #expect(scheme.name == name)
            #expect(scheme.kept.allSatisfy { !$0.why.isEmpty })
        }
    }

    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let says: String
        var base = "fp8-block"
        let change: @Sendable (inout JSONObject) -> Void
    }

    static let cases: [Case] = [
        Case(testDescription: "unknown key", says: "not known") { $0["blocks"] = 1 },
        Case(testDescription: "missing key", says: "required") { $0["layout"] = nil },
        Case(testDescription: "other schema", says: "wrong") { $0["schema"] = 2 },
        Case(testDescription: "missing role", says: "neither") { $0["kept"] = [] },
        Case(testDescription: "unknown role", says: "no such role") { $0["quantised"] = ["expert-gat"] },
        Case(testDescription: "role quantised twice", says: "twice") { double("quantised", &$0) },
        Case(testDescription: "role kept twice", says: "twice") { double("kept", &$0) },
        Case(testDescription: "role in both", says: "twice") {
            guard case .array(let kept)? = $0["kept"] else { return }
            $0["kept"] = .array(kept + [["role": "expert-up", "why": "because"]])
        },
        Case(testDescription: "a norm quantised", says: "wrong") {
            guard case .array(let roles)? = $0["quantised"] else { return }
            $0["quantised"] = .array(roles + ["input-norm"])
        },
        Case(testDescription: "block of zero rows", says: "wrong") { $0["block_shape"] = [0, 128] },
        Case(testDescription: "block without columns", says: "wrong") { $0["block_shape"] = [128] },
        Case(testDescription: "block of a channel layout", says: "wrong") { $0["block_shape"] = [1, 0] },
        Case(testDescription: "huge block", says: "wrong") { $0["block_shape"] = [70_000, 128] },
        Case(testDescription: "channel with a block", says: "wrong", base: "fp8-channel") {
            $0["block_shape"] = [128, 128]
        },
        Case(testDescription: "static with a block", says: "wrong", base: "fp8-tensor-static") {
            $0["block_shape"] = [128, 128]
        },
        Case(testDescription: "a whole matrix in blocks", says: "wrong") { $0["block_shape"] = [0, 0] },
        Case(testDescription: "negative floor", says: "wrong") { scale("amax_floor", .real(-1), &$0) },
        Case(testDescription: "zero scale of zero", says: "wrong") { scale("zero_scale", 0, &$0) },
        Case(testDescription: "unknown rule", says: "not known") { scale("rule", "f64", &$0) },
        Case(testDescription: "arithmetic of another rule", says: "wrong") { $0["arithmetic"] = "bf16" },
        // F32 scales would be rounded to BF16 after the codes were computed with them.
        Case(testDescription: "F32 scales in BF16", says: "wrong", base: "fp8-block-ct") {
            scale("rule", "f32", &$0)
            $0["arithmetic"] = "f32"
        },
        Case(testDescription: "statistics that do not exist", says: "not known") {
            $0["statistics"] = [["observer": "moment", "why": "because"]]
        },
        Case(testDescription: "statistics twice", says: "wrong") {
            $0["statistics"] = [["observer": "moments", "why": "a"], ["observer": "moments", "why": "b"]]
        },
        Case(testDescription: "statistics without a reason", says: "required") {
            $0["statistics"] = [["observer": "moments"]]
        },
        Case(testDescription: "override of a kept role", says: "wrong") {
            $0["scale_overrides"] = [["rule": "ue8m0", "roles": ["embedding"], "source": "me"]]
        },
        Case(testDescription: "two overrides of a role", says: "wrong") {
            $0["scale_overrides"] = [
                ["rule": "ue8m0", "roles": ["expert-up"], "source": "me"],
                ["rule": "f32", "roles": ["expert-up"], "source": "me"],
            ]
        },
    ]

    private static func double(_ key: String, _ object: inout JSONObject) {
        guard case .array(let items)? = object[key] else { return }
        object[key] = .array(items + items.prefix(1))
    }

    private static func scale(_ key: String, _ value: JSONValue, _ object: inout JSONObject) {
        guard case .object(var scale)? = object["scale"] else { return }
        scale[key] = value
        object["scale"] = .object(scale)
    }

    @Test(arguments: cases) func isRefused(_ item: Case) throws {
        let document = try schemeDocument(item.base, item.change)
        do {
            _ = try Scheme(document: document)
            Issue.record("\(item.testDescription) was accepted")
        } catch {
            #expect(error.what.contains(item.says), "\(error)")
            #expect(error.expected != nil, "\(error)")
        }
    }

    /// A plan is never made for a tensor that no config asks for, whoever calls the planner.
    @Test func aTensorOfNoRoleIsRefused() throws {
        let (_, inventory) = try open(Repository.checkpoint("micro"))
        let (other, _) = try open(Repository.checkpoint("ling-tiny-icd"))
        let planner = QuantisationPlanner(
            checkpoint: other, inventory: inventory,
            request: QuantisationRequest(scheme: try SchemeLibrary.scheme("fp8-block")))
        do {
            _ = try planner.plan()
            Issue.record("accepted")
        } catch {
            #expect(error.findings.allSatisfy { $0.code.name == "SCHEME-006" })
            #expect(error.findings[0].text.contains("model.layers."), "\(error)")
        }
    }

    @Test func aBadFileHasItsOwnExit() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("mine.json")
        try "{\"schema\": 1,".write(toFile: path, atomically: false, encoding: .utf8)
        do {
            _ = try SchemeLibrary.scheme(path)
            Issue.record("accepted")
        } catch {
            #expect(error.exit == .badProfile)
            #expect(error.findings[0].text.contains("SCHEME-002"))
        }
    }
}
