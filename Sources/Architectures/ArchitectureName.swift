// Is this config of our family at all? Asked first, because every other finding would be noise if not.

import Diagnostics
import Documents

/// The names under which the family goes, and its near relatives that it must not be taken for.
enum ArchitectureName {
    /// The one class name.
    ///
    /// Source: config.json of inclusionAI/Ling-flash-2.0.
    static let className = "BailingMoeV2ForCausalLM"

    /// Both are in use: BF16 releases say the first, AntAngelMed-INT4 the second.
    static let modelTypes = ["bailing_moe", "bailing_moe_v2"]

    /// Classes that look alike, with what sets them apart; recollected, used for advice only.
    private static let relatives = [
        ("BailingMoeForCausalLM", "Ling 1: softmax router, no groups, no router bias, other norms"),
        ("BailingMoeV2_5ForCausalLM", "Ling 2.5: linear attention in most layers"),
        ("BailingHybridForCausalLM", "Ling 2.5: linear attention in most layers"),
        ("BailingMoeLinearForCausalLM", "Ring linear: linear attention in most layers"),
        ("BailingMoeLinearV2ForCausalLM", "Ring linear: linear attention in most layers"),
        ("BailingMoeV2ForCausalLMNextN", "the prediction layer alone, as SGLang names it"),
        ("BailingMM2NativeForConditionalGeneration", "Ming: a language model inside a multimodal one"),
    ]

    /// Adds findings when the config names another architecture; false when reading on makes no sense.
    static func check(_ reader: inout ConfigurationReader) -> Bool {
        let classes = checkClasses(&reader)
        guard let modelType = reader.string("model_type") else {
            reader.report(
                .otherArchitecture, "the config does not say which model type it is", field: "model_type",
                expected: modelTypes.joined(separator: " or "), found: "no string there")
            return classes
        }
        guard modelTypes.contains(modelType) else {
            let near = nearMiss(modelType, among: modelTypes)
            reader.report(
                .otherArchitecture, "the config is of another model type", field: "model_type",
                expected: modelTypes.joined(separator: " or "), found: modelType,
                remedy: near.map { "did you mean \"\($0)\"?" } ?? "Ingot converts this one family only")
            return false
        }
        return classes
    }

    private static func checkClasses(_ reader: inout ConfigurationReader) -> Bool {
        let field = "architectures"
        guard let value = reader.value(field) else {
            reader.report(
                .otherArchitecture, "the config does not name its class", field: field,
                expected: "[\"\(className)\"]", found: "no such key",
                remedy: "add \"architectures\": [\"\(className)\"] if that is what the weights are")
            return true
        }
        guard case .array(let elements) = value else {
            reader.mismatch(field, "an array of class names", value)
            return false
        }
        if elements == [.string(className)] { return true }
        let found = elements.map(spelling).joined(separator: ", ")
        let relative = relatives.first { elements.contains(.string($0.0)) }
        var remedy = relative.map { "\($0.0) is \($0.1); Ingot does not convert it" }
        if remedy == nil, case .string(let text)? = elements.first, nearMiss(text, among: [className]) != nil
        {
            remedy = "did you mean \"\(className)\"?"
        }
        reader.report(
            .otherArchitecture, "the config is of another architecture", field: field,
            expected: "\"\(className)\" alone", found: found.isEmpty ? "an empty array" : found,
            remedy: remedy ?? "Ingot converts this one family only")
        return false
    }
}
