// Where the repository and the built programs are, for tests that read fixtures or run a command.

import Foundation

/// The checkout the tests were built from.
package enum Repository {
    package static let root: String = {
        // …/Tests/TestSupport/Repository.swift
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<3 { url.deleteLastPathComponent() }
        return url.path
    }()

    package static func path(_ relative: String) -> String { root + "/" + relative }

    /// A fixture checkpoint: micro, micro-yarn, ling-tiny-icd.
    package static func checkpoint(_ name: String) -> String { path("Fixtures/checkpoints/\(name)") }

    package static func text(_ relative: String) throws -> String {
        try String(contentsOfFile: path(relative), encoding: .utf8)
    }

    /// The built program beside the test bundle.
    package static func program(_ name: String) -> String {
        let bundle = CommandLine.arguments.first { $0.hasSuffix(".xctest") } ?? CommandLine.arguments[0]
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent(name).path
    }
}
