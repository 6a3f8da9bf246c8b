// A CycloneDX 1.6 bill of materials: the model, its files, the base model it descends from, and what was measured.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Quantisation

/// The bill of one release.
///
/// - Source: CycloneDX 1.6 JSON schema, component type machine-learning-model, modelCard, pedigree.
/// - Checked by: SignatureTests, Tests/Judges/judge_release.py.
struct BillOfMaterials {
    static let fileName = "bom.cdx.json"

    let plan: ReleasePlan
    /// SHA-256 by path.
    let files: [String: String]

    private var request: ReleaseRequest { plan.request }

    /// A number that is the same for the same release: no clock and no chance in it.
    ///
    /// - Source: RFC 9562, version 8: bits of the vendor's choosing; here of a SHA-256.
    private var serial: String {
        let digest = FileDigest.of(files.sorted { $0.key < $1.key }.map { $0.key + $0.value }.joined())
        var letters = Array(digest.prefix(32))
        letters[12] = "8"
        letters[16] = "a"
        let text = String(letters)
        func part(_ start: Int, _ end: Int) -> String { String(text.dropFirst(start).prefix(end - start)) }
        return "urn:uuid:\(part(0, 8))-\(part(8, 12))-\(part(12, 16))-\(part(16, 20))-\(part(20, 32))"
    }

    var document: JSONValue {
        [
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX",
            "specVersion": "1.6", "serialNumber": .string(serial), "version": 1,
            "metadata": [
                "tools": [
                    "components": [
                        ["type": "application", "name": "ingot", "version": .string(ingotVersion)]
                    ]
                ],
                "component": model,
            ],
            "components": .array(
                files.sorted { $0.key < $1.key }.map { name, digest in
                    [
                        "type": "file", "bom-ref": .string("file:\(name)"), "name": .string(name),
                        "hashes": [["alg": "SHA-256", "content": .string(digest)]],
                    ]
                }),
            "dependencies": [
                [
                    "ref": "model",
                    "dependsOn": .array(files.keys.sorted().map { .string("file:\($0)") }),
                ]
            ],
        ]
    }

    private var model: JSONValue {
        var model = JSONObject()
        model["type"] = "machine-learning-model"
        model["bom-ref"] = "model"
        model["name"] = .string(request.name)
        model["description"] = .string(CardSentences(plan: plan, language: .english).summary)
        model["licenses"] = [["license": license]]
        model["pedigree"] = ["ancestors": [ancestor]]
        model["modelCard"] = card
        return .object(model)
    }

    /// SPDX identifiers where the licence has one; others by name.
    private var license: JSONValue {
        let spdx = [
            "apache-2.0": "Apache-2.0", "mit": "MIT", "mpl-2.0": "MPL-2.0", "gpl-3.0": "GPL-3.0-only",
        ]
        if let id = spdx[plan.licence] { return ["id": .string(id)] }
        return ["name": .string(request.licenceName ?? plan.licence)]
    }

    private var ancestor: JSONValue {
        var ancestor = JSONObject()
        ancestor["type"] = "machine-learning-model"
        ancestor["name"] = .string(request.baseModel)
        ancestor["version"] = request.baseRevision.map(JSONValue.string)
        ancestor["externalReferences"] = [
            ["type": "distribution", "url": .string("https://huggingface.co/\(request.baseModel)")]
        ]
        let files = plan.base.files.sorted { $0.key < $1.key }
        ancestor["components"] = .array(
            files.map { name, digest in
                [
                    "type": "file", "name": .string(name),
                    "hashes": [["alg": "SHA-256", "content": .string(digest)]],
                ]
            })
        return .object(ancestor)
    }

    private var card: JSONValue {
        var card = JSONObject()
        card["modelParameters"] = [
            "task": "text-generation", "architectureFamily": "transformer",
            "modelArchitecture": "BailingMoeV2ForCausalLM",
            "inputs": [["format": "text"]], "outputs": [["format": "text"]],
        ]
        let metrics = (plan.parity?.gates ?? []).map { gate -> JSONValue in
            var metric = JSONObject()
            metric["type"] = .string(gate.quantity)
            metric["value"] = .string("\(gate.found)")
            if let half = gate.halfWidth {
                metric["confidenceInterval"] = [
                    "lowerBound": .string("\(gate.found - half)"),
                    "upperBound": .string("\(gate.found + half)"),
                ]
            }
            return .object(metric)
        }
        if !metrics.isEmpty { card["quantitativeAnalysis"] = ["performanceMetrics": .array(metrics)] }
        let words = CardSentences(plan: plan, language: .english)
        card["considerations"] = [
            "users": ["engineers who serve models of this family"], "useCases": [.string(words.use)],
            "technicalLimitations": .array(
                words.limits.split(separator: "\n").map { .string(String($0.dropFirst(2))) }),
        ]
        return .object(card)
    }
}
