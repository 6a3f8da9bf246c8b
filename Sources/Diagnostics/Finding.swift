// One thing a check has to say: what, about what, expected, found, and what to do.

import Documents

/// One thing a check has to say, with a code.
package struct Finding: Error, Equatable, Sendable {
    /// How bad it is.
    ///
    /// Missing data is always an error.
    package enum Level: String, Sendable, Comparable {
        case note, warning, error

        package static func < (a: Level, b: Level) -> Bool { a.rank < b.rank }
        private var rank: Int { self == .note ? 0 : self == .warning ? 1 : 2 }
    }

    /// What a finding is about: a label (`file`, `tensor`, `field`, `layer`, `option`) and its value.
    package struct Subject: Equatable, Sendable {
        package var label: String
        package var value: String

        package init(label: String, value: String) {
            self.label = label
            self.value = value
        }
    }

    package var level: Level
    package var code: DiagnosticCode
    /// One sentence in the present tense, lower case, without a full stop.
    package var what: String
    package var subjects: [Subject]
    package var expected: String?
    package var found: String?
    /// A command or an edit that would work.
    package var remedy: String?
    /// What the system or a library said.
    package var cause: String?

    package init(
        _ level: Level = .error, _ code: DiagnosticCode, _ what: String, file: String? = nil,
        tensor: String? = nil, field: String? = nil, option: String? = nil, target: String? = nil,
        expected: String? = nil, found: String? = nil, remedy: String? = nil, cause: String? = nil
    ) {
        self.level = level
        self.code = code
        self.what = what
        subjects = [
            ("file", file), ("tensor", tensor), ("field", field), ("option", option), ("target", target),
        ].compactMap { label, value in value.map { Subject(label: label, value: $0) } }
        self.expected = expected
        self.found = found
        self.remedy = remedy
        self.cause = cause
    }

    /// A finding from a document that says something it should not.
    package init(_ error: DocumentError, code: DiagnosticCode, file: String) {
        self.init(
            .error, code, error.what, file: file, field: error.path.isEmpty ? nil : error.path,
            expected: error.expected, found: error.found, remedy: error.remedy)
    }

    /// A finding from a text that is not JSON.
    package init(_ error: JSONError, code: DiagnosticCode, file: String) {
        self.init(
            .error, code, "not a JSON document", file: file, expected: "JSON (RFC 8259), every key once",
            found: "\(error.message), at byte \(grouped(error.offset))",
            remedy: error.rule == .byteOrderMark
                ? "save the file as UTF-8 without a byte order mark" : "restore the file from its source")
    }
}

/// Work that cannot go on, with every finding that says why.
package struct Failure: Error, Sendable {
    package let findings: [Finding]

    /// Findings are kept in order; at least one is an error.
    package init(_ findings: [Finding]) { self.findings = findings }

    package init(_ finding: Finding) { findings = [finding] }

    /// The status of the first error.
    package var exit: ExitStatus { findings.first { $0.level == .error }?.code.exit ?? .ourFault }
}

extension [Finding] {
    /// Throws when any finding is an error.
    package func throwErrors() throws(Failure) {
        if contains(where: { $0.level == .error }) { throw Failure(self) }
    }
}
