// Limits come from profiles, each with where it comes from. Nothing here has a number of its own.

import Checkpoints
import Diagnostics
import Documents

/// A set of limits for a comparison.
///
/// - Checked by: ToleranceTests.
package struct Tolerance: Equatable, Sendable {
    /// One limit.
    package struct Gate: Equatable, Sendable {
        package let quantity: Quantity
        /// The most, or of an agreement the least, that passes.
        package let limit: Double
        /// Where the limit comes from.
        package let source: String
    }

    package let name: String
    package let summary: String
    /// Biased score by which a router's choice is ahead, up to which another choice is a tie.
    package let tieMargin: Double
    package let gates: [Gate]

    /// The version of the document that this program reads.
    package static let schema = 1
    static let folder = "tolerances"

    /// The limit of a quantity; nil when the profile sets none.
    package func limit(_ quantity: Quantity) -> Double? {
        gates.first { $0.quantity == quantity }?.limit
    }

    /// Nats by which a likeliest token is ahead, up to which another one is a tie: both may move.
    package var choiceMargin: Double { 2 * (limit(.logProbabilityLargest) ?? 0) }

    /// Names of the profiles.
    package static func names(_ library: ProfileLibrary) -> [String] { library.names(in: folder) }

    /// A profile by name, or by the path of a JSON file.
    package static func named(_ name: String, _ library: ProfileLibrary) throws(Failure) -> Tolerance {
        if let bytes = library.document(at: "\(folder)/\(name).json") {
            return try read(bytes, file: "Profiles/\(folder)/\(name).json")
        }
        guard name.hasSuffix(".json") || name.contains("/") else {
            let near = nearMiss(name, among: names(library))
            throw Failure(
                Finding(
                    .error, .unknownTolerance, "no tolerance profile of this name",
                    option: "--tolerance \(name)",
                    expected: names(library).joined(separator: ", ") + ", or the path of a profile",
                    remedy: near.map { "did you mean --tolerance \($0)?" } ?? "ingot profiles list"))
        }
        return try read(try FileAccess.read(name, limit: 1 << 20), file: name)
    }

    private static func read(_ bytes: [UInt8], file: String) throws(Failure) -> Tolerance {
        try readDocument(bytes, code: .toleranceMalformed, file: file) {
            (document) throws(DocumentError) in try Tolerance(document)
        }
    }

    /// Reads one profile strictly.
    package init(_ document: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(document)
        try reader.schema(Self.schema)
        name = try reader.string("name")
        summary = try reader.string("summary")
        let tie = try reader.object("tie_margin")
        tieMargin = try tie.double("value")
        guard tieMargin >= 0 else { throw tie.mismatch("value", "0 or more") }
        _ = try tie.finishWithSource()
        var gates: [Gate] = []
        for gate in try reader.objects("gates") {
            let quantity = try gate.choice("quantity", Quantity.self)
            guard !gates.contains(where: { $0.quantity == quantity }) else {
                throw gate.mismatch("quantity", "every quantity once")
            }
            let limit = try gate.double("limit")
            guard limit >= 0 else { throw gate.mismatch("limit", "0 or more") }
            guard limit <= 1 || !quantity.isFloor else {
                throw gate.mismatch("limit", "1 at most: a part, not percent")
            }
            gates.append(Gate(quantity: quantity, limit: limit, source: try gate.finishWithSource()))
        }
        guard !gates.isEmpty else { throw reader.mismatch("gates", "one gate at least") }
        self.gates = gates
        try reader.finish()
    }
}

/// A limit and what was found.
package struct GateResult: Equatable, Sendable {
    package let gate: Tolerance.Gate
    package let found: Double
    /// Where the worst value is, in words.
    package let place: String?
    /// Half the width of the 95 % interval around `found`; nil where it is no mean.
    package let halfWidth: Double?

    /// Whether the limit holds.
    package var passed: Bool {
        gate.quantity.isFloor ? found >= gate.limit : found <= gate.limit
    }

    /// Whether the interval holds the limit: more data could turn the verdict.
    package var isUndecided: Bool {
        guard let halfWidth else { return false }
        return abs(found - gate.limit) < halfWidth
    }
}
