// Swift's strings are equal when they are canonically equivalent; keys and tokens are equal when
// their bytes are.

/// A string as a dictionary key that is compared by its UTF-8 bytes.
///
/// `"é"` (one scalar) and `"é"` (two) are equal as `String` and are two tokens of a vocabulary.
package struct ExactString: Hashable, Sendable {
    package let text: String

    package init(_ text: String) { self.text = text }

    package static func == (a: ExactString, b: ExactString) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    package func hash(into hasher: inout Hasher) {
        let hashed: Void? = text.utf8.withContiguousStorageIfAvailable { bytes in
            hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
        }
        if hashed == nil {
            for byte in text.utf8 { hasher.combine(byte) }
        }
    }
}
