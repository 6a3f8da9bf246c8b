// The file of a sensitivity run.

import Architectures
import Checkpoints
import Diagnostics
import Documents

extension SensitivityRecord {
    /// The largest file that is read, bytes.
    private static let fileLimit = 1 << 26

    package var document: JSONValue {
        [
            "schema": 1, "tool": .string("ingot \(ingotVersion)"), "stage": "sensitivity",
            "model": .string(model), "scheme": .string(scheme), "numerics": .string(numerics),
            "texts": .integer(texts), "tokens": .integer(tokens), "whole": whole.document(),
            "roles": .array(roles.map { $0.effect.document("role", .string($0.role.name)) }),
            "layers": .array(layers.map { $0.effect.document("layer", .integer($0.layer)) }),
            "groups": .array(
                groups.map {
                    [
                        "part": .string($0.group.part.rawValue), "layer": .integer($0.group.layer),
                        "extra_bytes": .integer($0.extraBytes), "kl": .real($0.damage),
                        "measured": .bool($0.isMeasured),
                    ]
                }),
            "outputs": .array(
                outputs.map {
                    [
                        "role": .string($0.role.name), "layer": .integer($0.layer),
                        "relative_error": .real($0.relativeError),
                    ]
                }),
        ]
    }

    /// Writes the file.
    package func write(to path: String) throws(Failure) {
        _ = try FileAccess.writeSealed(document.text() + "\n", to: path)
    }

    /// Reads a file back.
    ///
    /// - Throws: SENS-001 with the member that is wrong.
    package static func read(_ path: String) throws(Failure) -> SensitivityRecord {
        let bytes = try FileAccess.read(path, limit: fileLimit)
        return try readDocument(bytes, code: .sensitivityMalformed, file: path) {
            (document) throws(DocumentError) in try SensitivityRecord(document: document)
        }
    }

    package init(document: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(document)
        try reader.schema(1)
        _ = try reader.string("tool")
        guard try reader.string("stage") == "sensitivity" else {
            throw reader.mismatch("stage", "\"sensitivity\"")
        }
        var roles: [OfRole] = []
        for item in try reader.objects("roles") {
            roles.append(OfRole(role: try Self.role(item), effect: try Effect(item)))
            try item.finish()
        }
        var layers: [OfLayer] = []
        for item in try reader.objects("layers") {
            layers.append(OfLayer(layer: try item.integer("layer"), effect: try Effect(item)))
            try item.finish()
        }
        var outputs: [OfOutput] = []
        for item in try reader.objects("outputs") {
            outputs.append(
                OfOutput(
                    role: try Self.role(item), layer: try item.integer("layer"),
                    relativeError: try item.double("relative_error")))
            try item.finish()
        }
        let whole = try reader.object("whole")
        self.init(
            model: try reader.string("model"), scheme: try reader.string("scheme"),
            numerics: try reader.string("numerics"), texts: try reader.integer("texts"),
            tokens: try reader.integer("tokens"), whole: try Effect(whole), roles: roles, layers: layers,
            groups: try Self.groups(reader), outputs: outputs)
        try whole.finish()
        try reader.finish()
    }

    private static func groups(_ reader: StrictReader) throws(DocumentError) -> [OfGroup] {
        var groups: [OfGroup] = []
        for item in try reader.objects("groups") {
            groups.append(
                OfGroup(
                    group: ModuleGroup(
                        try item.choice("part", ModuleGroup.Part.self), layer: try item.integer("layer")),
                    extraBytes: try item.integer("extra_bytes"), damage: try item.double("kl"),
                    isMeasured: try item.bool("measured")))
            try item.finish()
        }
        return groups
    }

    private static func role(_ reader: StrictReader) throws(DocumentError) -> TensorRole {
        guard let role = TensorRole(name: try reader.string("role")) else {
            throw reader.mismatch("role", "the name of a role")
        }
        return role
    }
}

extension Effect {
    /// The effect of something that a member names.
    fileprivate func document(_ key: String, _ value: JSONValue) -> JSONValue {
        guard case .object(let own) = document() else { return .null }
        var object = JSONObject()
        object[key] = value
        for member in own.members { object[member.key] = member.value }
        return .object(object)
    }

    fileprivate func document() -> JSONValue {
        var object = JSONObject()
        object["kl"] = .real(mean)
        object["half_width"] = halfWidth.map(JSONValue.real) ?? .null
        return .object(object)
    }

    fileprivate init(_ reader: StrictReader) throws(DocumentError) {
        let halfWidth = try reader.required("half_width") == .null ? nil : try reader.double("half_width")
        self.init(mean: try reader.double("kl"), halfWidth: halfWidth)
    }
}
