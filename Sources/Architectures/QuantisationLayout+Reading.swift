// quantization_config into a layout, in the two spellings that FP8 checkpoints of this family come in.

import Diagnostics
import Documents

extension QuantisationLayout {
    private static let field = "quantization_config"

    /// Reads the member of a config, adding findings; nil when it is wrong, `.none` when it is absent.
    static func read(_ reader: inout ConfigurationReader) -> QuantisationLayout? {
        guard let value = reader.value(field) else { return QuantisationLayout.none }
        guard case .object(let object) = value else {
            reader.mismatch(field, "null or an object", value)
            return nil
        }
        var inner = ConfigurationReader(object, file: reader.file)
        let layout = read(method: &inner)
        reader.findings.add(inner.findings.findings.map { $0.inside(field) })
        return layout
    }

    private static func read(method reader: inout ConfigurationReader) -> QuantisationLayout? {
        switch reader.string("quant_method") {
        case "fp8": return readFP8(&reader)
        case "compressed-tensors": return readCompressedTensors(&reader)
        case let method:
            reader.report(
                .quantisationMethodUnknown, "a quantisation method that Ingot does not read",
                field: "quant_method", expected: "fp8 or compressed-tensors", found: method ?? "no such key",
                remedy: "start from the BF16 checkpoint")
            return nil
        }
    }

    // MARK: DeepSeek's container

    private static func readFP8(_ reader: inout ConfigurationReader) -> QuantisationLayout? {
        if let format = reader.string("fmt"), format != "e4m3" {
            malformed("fmt", "e4m3", format, &reader)
        }
        let activations = activations(reader.string("activation_scheme") ?? "dynamic", &reader)
        guard let block = reader.value("weight_block_size"), let (rows, columns) = pair(block) else {
            malformed(
                "weight_block_size", "two positive integers, as [128, 128]",
                reader.object["weight_block_size"].map { $0.text(.compact) } ?? "no such key", &reader)
            return nil
        }
        if activations == .fixed {
            malformed(
                "activation_scheme", "dynamic, the only one engines take with blocks", "static", &reader)
        }
        // ModelOpt's key, which SGLang reads beside this method.
        let cache = reader.string("kv_cache_quant_algo")
        if let cache, cache != "FP8" {
            malformed("kv_cache_quant_algo", "FP8 or no such key", cache, &reader)
        }
        let scaleFormat = reader.string("scale_fmt")
        if let scaleFormat, !["ue8m0", "float"].contains(scaleFormat) {
            malformed("scale_fmt", "ue8m0, float or no such key", scaleFormat, &reader)
        }
        let lists = (names("modules_to_not_convert", &reader), names("ignored_layers", &reader))
        if let a = lists.0, let b = lists.1, Set(a) != Set(b) {
            reader.report(
                .skipListAmbiguous, "two skip lists disagree, and engines read one or the other",
                field: "ignored_layers", expected: "the \(grouped(a.count)) names of modules_to_not_convert",
                found: "\(grouped(b.count)) names", remedy: "keep one list, of full module names")
        }
        return .fp8(
            FP8Layout(
                container: .deepSeek, granularity: .block(rows: rows, columns: columns),
                activations: activations, scaleFormat: scaleFormat, hasCacheScales: cache != nil,
                skipList: SkipList(lists.1 ?? lists.0 ?? [], acceptsParts: true)))
    }

    // MARK: compressed-tensors

    private static func readCompressedTensors(_ reader: inout ConfigurationReader) -> QuantisationLayout? {
        let format = reader.string("format")
        guard format == "float-quantized" else {
            reader.report(
                .quantisationMethodUnknown, "a compressed-tensors format that Ingot does not read",
                field: "format", expected: "float-quantized", found: format ?? "no such key",
                remedy: "start from the BF16 checkpoint")
            return nil
        }
        guard case .object(let groups)? = reader.value("config_groups"), groups.members.count == 1,
            let member = groups.members.first, case .object(let group) = member.value
        else {
            malformed(
                "config_groups", "one group of settings",
                reader.object["config_groups"]?.kind ?? "no such key", &reader)
            return nil
        }
        if group["targets"] != .array(["Linear"]) {
            malformed(
                "config_groups.\(member.key).targets", "[\"Linear\"]",
                group["targets"]?.text(.compact) ?? "no such key", &reader)
        }
        guard case .object(let weights)? = group["weights"] else {
            malformed("config_groups.\(member.key).weights", "an object", "no object there", &reader)
            return nil
        }
        if weights["num_bits"] != .integer(8) || weights["type"] != "float" {
            malformed(
                "config_groups.\(member.key).weights", "num_bits 8, type float",
                JSONValue.object(weights).text(.compact), &reader)
        }
        guard let granularity = granularity(weights) else {
            malformed(
                "config_groups.\(member.key).weights.strategy",
                "block with block_structure, channel or tensor",
                weights["strategy"].map(spelling) ?? "no such key", &reader)
            return nil
        }
        var activations = FP8Layout.Activations.none
        if case .object(let input)? = group["input_activations"] {
            activations = input["dynamic"] == .bool(false) ? .fixed : .dynamic
        }
        return .fp8(
            FP8Layout(
                container: .compressedTensors, granularity: granularity, activations: activations,
                hasCacheScales: cacheScheme(&reader),
                skipList: SkipList(names("ignore", &reader) ?? [], acceptsParts: false)))
    }

    /// Whether there is a scheme of the cache; a cache that is scaled as it comes has no stored scales.
    private static func cacheScheme(_ reader: inout ConfigurationReader) -> Bool {
        guard let value = reader.value("kv_cache_scheme") else { return false }
        guard case .object(let scheme) = value, scheme["num_bits"] == .integer(8), scheme["type"] == "float",
            scheme["strategy"] == "tensor"
        else {
            malformed(
                "kv_cache_scheme", "null, or num_bits 8, type float, strategy tensor", value.text(.compact),
                &reader)
            return false
        }
        return scheme["dynamic"] != .bool(true)
    }

    private static func granularity(_ weights: JSONObject) -> FP8Layout.Granularity? {
        switch weights["strategy"] {
        case "channel": return .channel
        case "tensor": return .tensor
        case "block":
            guard let block = weights["block_structure"], let (rows, columns) = pair(block) else {
                return nil
            }
            return .block(rows: rows, columns: columns)
        default: return nil
        }
    }

    // MARK: Pieces

    private static func activations(
        _ scheme: String, _ reader: inout ConfigurationReader
    ) -> FP8Layout.Activations {
        switch scheme {
        case "dynamic": return .dynamic
        case "static": return .fixed
        default:
            malformed("activation_scheme", "dynamic", scheme, &reader)
            return .dynamic
        }
    }

    private static func pair(_ value: JSONValue) -> (Int, Int)? {
        guard case .array(let elements) = value, elements.count == 2,
            case .number(let first) = elements[0], let rows = first.integer,
            case .number(let second) = elements[1], let columns = second.integer,
            (1...ConfigurationRules.sizeLimit).contains(rows),
            (1...ConfigurationRules.sizeLimit).contains(columns)
        else { return nil }
        return (rows, columns)
    }

    private static func names(_ key: String, _ reader: inout ConfigurationReader) -> [String]? {
        guard let value = reader.value(key) else { return nil }
        guard case .array(let elements) = value else {
            reader.mismatch(key, "an array of module names", value)
            return nil
        }
        var names: [String] = []
        for element in elements {
            guard case .string(let name) = element else {
                reader.mismatch(key, "an array of module names", element)
                return nil
            }
            names.append(name)
        }
        return names
    }

    private static func malformed(
        _ field: String, _ expected: String, _ found: String, _ reader: inout ConfigurationReader
    ) {
        reader.report(
            .quantisationConfigMalformed,
            "quantization_config says what no FP8 checkpoint of this family says",
            field: field, expected: expected, found: found)
    }
}
