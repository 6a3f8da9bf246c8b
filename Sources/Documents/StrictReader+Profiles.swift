// What profiles and records have in common: a version of the document, names of closed sets, and the source that
// stands beside every value.

extension StrictReader {
    /// Refuses a document of another version than the program reads.
    package func schema(_ version: Int) throws(DocumentError) {
        guard try integer("schema") == version else { throw mismatch("schema", "\(version)") }
    }

    /// One of the names of a closed set.
    package func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String, _ type: Choice.Type
    ) throws(DocumentError) -> Choice where Choice.RawValue == String {
        let name = try string(key)
        guard let choice = Choice(rawValue: name) else { throw unknown(name, key, type) }
        return choice
    }

    /// A list of names of a closed set.
    package func choices<Choice: RawRepresentable & CaseIterable>(
        _ key: String, _ type: Choice.Type
    ) throws(DocumentError) -> [Choice] where Choice.RawValue == String {
        var choices: [Choice] = []
        for name in try strings(key) {
            guard let choice = Choice(rawValue: name) else { throw unknown(name, key, type) }
            choices.append(choice)
        }
        return choices
    }

    private func unknown<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ key: String, _ type: Choice.Type
    ) -> DocumentError where Choice.RawValue == String {
        let names = type.allCases.map(\.rawValue)
        return DocumentError(
            path: place(key), what: "a name that is not known here",
            expected: "one of " + names.joined(separator: ", "), found: "\"\(name)\"",
            remedy: nearMiss(name, among: names).map { "did you mean \"\($0)\"?" })
    }

    /// Where the values beside it come from.
    package func source() throws(DocumentError) -> String {
        let source = try string("source")
        guard !source.isEmpty else { throw mismatch("source", "where the value comes from") }
        return source
    }

    /// The source, and the end of the object that holds it and its values.
    package func finishWithSource() throws(DocumentError) -> String {
        let source = try source()
        try finish()
        return source
    }
}
