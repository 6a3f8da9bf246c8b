// The configs and headers that the tests of this target start from.

import Architectures
import Checkpoints
import Diagnostics
import Documents
import Testing

/// The root of the package, from the place of this file.
let packageRoot = parentFolder(parentFolder(parentFolder(#filePath)))

/// A JSON document of the package.
func document(_ path: String) throws -> JSONValue {
    try JSONValue(parsing: FileAccess.read(joined(packageRoot, path), limit: 1 << 24))
}

/// A config with some members set; nil removes one.
func config(
    _ path: String = "Fixtures/configs/ling-flash-2.0.json", _ changes: [String: JSONValue?] = [:]
) throws -> JSONValue {
    guard case .object(var object) = try document(path) else { throw NotAnObject() }
    for (key, value) in changes { object[key] = value }
    return .object(object)
}

struct NotAnObject: Error {}

/// Ling-flash-2.0 with some members of its config changed.
func flash(_ changes: [String: JSONValue?] = [:]) throws -> BailingMoeV2Configuration {
    try BailingMoeV2Configuration(config("Fixtures/configs/ling-flash-2.0.json", changes))
}

/// The shape of Ling-mini-2.0, from the differences to Ling-flash-2.0 in the release notes.
let miniChanges: [String: JSONValue?] = [
    "hidden_size": 2048, "intermediate_size": 5120, "moe_intermediate_size": 512,
    "moe_shared_expert_intermediate_size": 512, "num_hidden_layers": 20, "num_attention_heads": 16,
]

/// The micro checkpoint's configuration.
func micro(_ changes: [String: JSONValue?] = [:]) throws -> BailingMoeV2Configuration {
    try BailingMoeV2Configuration(config("Fixtures/checkpoints/micro/config.json", changes))
}

/// The findings of a changed Ling-flash-2.0 config.
func findings(_ changes: [String: JSONValue?]) throws -> [Finding] {
    try BailingMoeV2Configuration.read(config("Fixtures/configs/ling-flash-2.0.json", changes)).findings
}
