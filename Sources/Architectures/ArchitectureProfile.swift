// Released models by name: the numbers of a config that make it that model, and the ledger it must have.

import Diagnostics
import Documents
import Tensors

/// A released model: the config values that identify it and its published ledger.
///
/// - Checked by: ProfileTests; every profile's ledger is compared with the inventory of its own shape.
package struct ArchitectureProfile: Equatable, Sendable {
    /// What the user types: `ling-flash-2.0`.
    package let name: String
    /// What it is called: `Ling-flash-2.0`.
    package let title: String
    /// Config keys and the integers they must have.
    package let shape: [String: Int]
    /// Elements by element type, without a prediction layer.
    package let elements: [DType: Int]
    /// Tensors, without a prediction layer.
    package let tensors: Int
    /// Bytes of tensor data.
    package let bytes: Int
    /// Parameters one token uses.
    package let activeParameters: Int
    /// Where the numbers come from.
    package let source: String

    /// The version of the document that this program reads.
    package static let schema = 1

    /// Reads one profile strictly.
    package init(name: String, _ value: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(value)
        try reader.schema(Self.schema)
        self.name = name
        title = try reader.string("title")
        source = try reader.source()
        let shape = try reader.object("shape")
        var values: [String: Int] = [:]
        for key in Self.shapeKeys { values[key] = try shape.integer(key) }
        try shape.finish()
        self.shape = values
        let ledger = try reader.object("ledger")
        tensors = try ledger.integer("tensors")
        bytes = try ledger.integer("bytes")
        activeParameters = try ledger.integer("active_parameters")
        let elements = try ledger.object("elements")
        var byType: [DType: Int] = [:]
        for dtype in [DType.bf16, .f32] { byType[dtype] = try elements.integer(dtype.rawValue) }
        try elements.finish()
        try ledger.finish()
        self.elements = byType
        try reader.finish()
    }

    /// The config keys that tell the members of the family apart.
    static let shapeKeys = [
        "num_hidden_layers", "hidden_size", "intermediate_size", "moe_intermediate_size", "num_experts",
        "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size",
    ]

    /// Whether a configuration has this model's sizes.
    package func describes(_ c: BailingMoeV2Configuration) -> Bool {
        let values = [
            "num_hidden_layers": c.layerCount, "hidden_size": c.hiddenSize, "intermediate_size": c.denseWidth,
            "moe_intermediate_size": c.expertWidth, "num_experts": c.expertCount,
            "num_attention_heads": c.attentionHeadCount, "num_key_value_heads": c.keyValueHeadCount,
            "head_dim": c.headDimension, "vocab_size": c.vocabularySize,
        ]
        return values == shape
    }

    /// Whether an unquantised ledger has exactly the published numbers.
    package func agrees(_ ledger: Ledger) -> Bool {
        ledger.total.tensors == tensors && ledger.total.bytes == bytes
            && elements.allSatisfy { ledger.count($0.key).elements == $0.value }
    }

    /// All architecture profiles of a library, by name.
    package static func all(_ library: ProfileLibrary) throws(Failure) -> [ArchitectureProfile] {
        var profiles: [ArchitectureProfile] = []
        for name in library.names(in: "architectures") {
            profiles.append(
                try readProfile("architectures", name, library) { (value) throws(DocumentError) in
                    try ArchitectureProfile(name: name, value)
                })
        }
        return profiles
    }

    /// The released model that a configuration has the sizes of.
    package static func recognise(
        _ configuration: BailingMoeV2Configuration, _ library: ProfileLibrary
    ) throws(Failure) -> ArchitectureProfile? {
        try all(library).first { $0.describes(configuration) }
    }
}

/// Reads and decodes one profile of a library; every failure is a `TARGET-001` that names the file.
func readProfile<Profile>(
    _ folder: String, _ name: String, _ library: ProfileLibrary,
    _ decode: (JSONValue) throws(DocumentError) -> Profile
) throws(Failure) -> Profile {
    let path = "\(folder)/\(name).json"
    guard let bytes = library.document(at: path) else {
        throw Failure(
            Finding(
                .error, .profileMalformed, "no such profile", file: path, expected: "a profile",
                found: "nothing there"))
    }
    let value: JSONValue
    do { value = try JSONValue(parsing: bytes) } catch {
        throw Failure(Finding(error, code: .profileMalformed, file: path))
    }
    do { return try decode(value) } catch {
        throw Failure(Finding(error, code: .profileMalformed, file: path))
    }
}
