// Numerics as their profile describes them: every decision with its source, and in words what a device does
// that is not modelled.

import Diagnostics
import Documents

/// Numerics with their reasons.
///
/// - Checked by: NumericsProfileTests.
package struct NumericsProfile: Equatable, Sendable {
    package let numerics: Numerics
    /// What they are called in sentences.
    package let title: String
    /// What the device does otherwise, a sentence each.
    package let notModelled: [String]
    /// The source of each decision, by key.
    package let sources: [String: String]

    /// The version of the document that this program reads.
    package static let schema = 1

    /// Reads one profile strictly.
    package init(name: String, _ value: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(value)
        try reader.schema(Self.schema)
        title = try reader.string("title")
        var sources: [String: String] = [:]
        let formatReader = try reader.object("format")
        let format = try formatReader.choice("value", NumberFormat.self)
        sources["format"] = try formatReader.finishWithSource()
        let roundingReader = try reader.object("rounding")
        guard try roundingReader.string("value") == Self.rounding else {
            throw roundingReader.mismatch("value", "\"\(Self.rounding)\", the only one known")
        }
        sources["rounding"] = try roundingReader.finishWithSource()
        let products = try Self.products(try reader.object("code_products"), &sources)
        notModelled = try reader.strings("not_modelled")
        try reader.finish()
        numerics = Numerics(name: name, format: format, codeProducts: products)
        self.sources = sources
    }

    /// Each operation's result is rounded, where the authors' code rounds.
    private static let rounding = "every-operation"

    private static func products(
        _ reader: StrictReader, _ sources: inout [String: String]
    ) throws(DocumentError) -> CodeProducts {
        let products: CodeProducts
        switch try reader.string("rule") {
        case "decoded": products = .decoded
        case "rounded-scales": products = .roundedScales
        case "activation-codes":
            products = .activationCodes(
                ActivationCodeRule(
                    blockAmaxFloor: try floor(reader, "block_amax_floor", &sources),
                    rowScaleFloor: try floor(reader, "row_scale_floor", &sources)))
        default: throw reader.mismatch("rule", "one of decoded, rounded-scales, activation-codes")
        }
        sources["code_products"] = try reader.finishWithSource()
        return products
    }

    private static func floor(
        _ reader: StrictReader, _ key: String, _ sources: inout [String: String]
    ) throws(DocumentError) -> Float {
        let object = try reader.object(key)
        let value = Float(try object.double("value"))
        guard value > 0, value.isFinite else { throw object.mismatch("value", "a number above 0") }
        sources[key] = try object.finishWithSource()
        return value
    }
}

extension NumericsProfile {
    private static let folder = "numerics"

    /// The names of a library's numerics, sorted.
    package static func names(_ library: ProfileLibrary = .embedded) -> [String] {
        library.names(in: folder)
    }

    /// The numerics of a name.
    ///
    /// - Throws: no such profile, with the nearest name; a profile that cannot be read.
    package static func named(
        _ name: String, _ library: ProfileLibrary = .embedded
    ) throws(Failure) -> NumericsProfile {
        let path = "\(folder)/\(name).json"
        guard let bytes = library.document(at: path) else {
            let names = names(library)
            throw Failure(
                Finding(
                    .error, .noSuchNumerics, "no numerics of this name", option: name,
                    expected: names.joined(separator: ", "),
                    remedy: nearMiss(name, among: names).map { "did you mean \($0)?" }
                        ?? "ingot profiles list"))
        }
        return try readDocument(bytes, code: .badNumerics, file: path) {
            (value) throws(DocumentError) in try NumericsProfile(name: name, value)
        }
    }
}
