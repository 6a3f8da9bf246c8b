// What the suites of this target share: the two tokenisers and the vectors.

import Checkpoints
import Documents
import TestSupport
import Testing
import Tokenisation

/// The two tokenisers that the vectors were made with.
enum Vectors {
    static let names = ["ling-tiny-icd", "synthetic"]

    static func file(_ name: String) -> String {
        name == "synthetic"
            ? Repository.path("Fixtures/vectors/tokenisation/synthetic.json")
            : Repository.checkpoint(name) + "/tokenizer.json"
    }

    static func tokeniser(_ name: String) throws -> Tokeniser { try Tokeniser(file: file(name)) }

    static func document(_ name: String) throws -> JSONValue {
        let path = Repository.path("Fixtures/vectors/tokenisation/\(name).json")
        return try JSONValue(parsing: FileAccess.read(path, limit: 1 << 24))
    }
}

extension JSONValue {
    var elements: [JSONValue] { if case .array(let elements) = self { elements } else { [] } }

    var string: String? { if case .string(let text) = self { text } else { nil } }

    var integers: [Int] {
        elements.compactMap { if case .number(let number) = $0 { number.integer } else { nil } }
    }

    subscript(key: String) -> JSONValue {
        if case .object(let object) = self { object[key] ?? .null } else { .null }
    }
}

/// Counts comparisons and keeps the first few that differ.
struct Differences {
    private(set) var compared = 0
    private(set) var count = 0
    private(set) var first: [String] = []

    mutating func compare<Value: Equatable>(
        _ found: Value, _ expected: Value, _ what: @autoclosure () -> String
    ) {
        compared += 1
        guard found != expected else { return }
        count += 1
        if first.count < 5 { first.append("\(what()): found \(found), expected \(expected)") }
    }

    /// Strings are compared by their bytes.
    mutating func compare(text found: String, _ expected: String, _ what: @autoclosure () -> String) {
        compare(Array(found.utf8), Array(expected.utf8), what() + " \(found.debugDescription)")
    }

    /// Fails with the first differences.
    func check(atLeast least: Int) {
        #expect(compared >= least)
        #expect(count == 0, "\(count) of \(compared) differ: \(first.joined(separator: "\n"))")
    }
}
