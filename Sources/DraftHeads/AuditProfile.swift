// Limits of an audit, with their sources: Profiles/audits/draft-head.json.

import Architectures
import Diagnostics
import Documents

/// What an audit calls too little.
package struct AuditProfile: Equatable, Sendable {
    /// Share of a text's tokens that the draft vocabulary should hold.
    package let leastCoverage: Double
    /// Share of first guesses that should be right for layers to be told apart.
    package let leastAccuracy: Double

    /// The version of the document that this program reads.
    package static let schema = 1

    init(_ value: JSONValue) throws(DocumentError) {
        let reader = try StrictReader(value)
        try reader.schema(Self.schema)
        leastCoverage = try Self.share(try reader.object("coverage_least"))
        leastAccuracy = try Self.share(try reader.object("accuracy_least"))
        try reader.finish()
    }

    private static func share(_ reader: StrictReader) throws(DocumentError) -> Double {
        let value = try reader.double("value")
        guard (0...1).contains(value) else { throw reader.mismatch("value", "a share from 0 to 1") }
        _ = try reader.finishWithSource()
        return value
    }

    /// The profile of the program.
    package static func standard(_ library: ProfileLibrary = .embedded) throws(Failure) -> AuditProfile {
        let path = "audits/draft-head.json"
        return try readDocument(library.document(at: path) ?? [], code: .profileMalformed, file: path) {
            (value) throws(DocumentError) in try AuditProfile(value)
        }
    }
}
