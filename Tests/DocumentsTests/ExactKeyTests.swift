// Keys are the same when their bytes are, not when they look the same.

import Documents
import Testing

@Suite struct ExactKeyTests {
    /// é as one scalar and as two: two keys, where Swift's own comparison sees one.
    @Test func canonicallyEquivalentKeysAreTwo() throws {
        let one = "\u{E9}"
        let two = "e\u{301}"
        #expect(one == two)
        let value = try JSONValue(parsing: Array("{\"\(one)\":1,\"\(two)\":2}".utf8))
        guard case .object(let object) = value else {
            Issue.record("no object")
            return
        }
        #expect(object[one] == 1 && object[two] == 2)
        #expect(throws: JSONError.self) {
            try JSONValue(parsing: Array("{\"\(one)\":1,\"\\u00e9\":2}".utf8))
        }
    }
}
