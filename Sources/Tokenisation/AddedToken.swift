// A token that is found in the text before anything else, with the rules for finding it.

/// An entry of `added_tokens`.
package struct AddedToken: Equatable, Sendable {
    package let id: Int
    /// The text that is looked for.
    package let content: String
    /// Left out of decoded text on demand, and plain text on demand when encoding.
    package let special: Bool
    /// Found only between characters that belong to no word.
    package let singleWord: Bool
    /// Takes the white space before it.
    package let stripsLeft: Bool
    /// Takes the white space after it.
    package let stripsRight: Bool
    /// Looked for after normalisation, in what tokens that are not normalised leave over.
    package let normalised: Bool
}
