// A byte-level byte-pair encoding as tokenizer.json describes it: added tokens are found first, what lies
// between them is split into pieces, and each piece's bytes are merged.

import Diagnostics

/// What text and token ids mean to each other in one checkpoint.
///
/// The result is that of the Hugging Face library tokenizers 0.22.2 for the same file.
/// Immutable; `TokenEncoder` holds what changes while encoding.
///
/// - Checked by: `TokeniserVectorTests`.
package struct Tokeniser: Sendable {
    /// Special tokens in a text: found as tokens, or plain text like any other.
    package enum SpecialTokens: Sendable {
        case recognised
        case plainText
    }

    let vocabulary: Vocabulary
    let merges: MergeTable
    let ignoresMerges: Bool
    /// The id of each byte's token; −1 where there is none.
    let byteIds: [Int32]
    /// Words that are tokens, by their bytes; only for a vocabulary that ignores merges.
    let wholeWords: [[UInt8]: Int]
    let splitter: PieceSplitter
    let plainMatcher: AddedTokenMatcher
    let normalisedMatcher: AddedTokenMatcher
    private let specialIds: Set<Int>

    /// The added tokens in the order of the file.
    package let addedTokens: [AddedToken]
    /// Warnings and notes from reading the file; never errors.
    package let findings: [Finding]

    init(
        vocabulary: Vocabulary, merges: MergeTable, ignoresMerges: Bool, byteIds: [Int32],
        wholeWords: [[UInt8]: Int], addedTokens: [AddedToken], findings: [Finding]
    ) {
        splitter = PieceSplitter()
        self.vocabulary = vocabulary
        self.merges = merges
        self.ignoresMerges = ignoresMerges
        self.byteIds = byteIds
        self.wholeWords = wholeWords
        self.addedTokens = addedTokens
        self.findings = findings
        plainMatcher = AddedTokenMatcher(addedTokens.filter { !$0.normalised })
        normalisedMatcher = AddedTokenMatcher(addedTokens.filter(\.normalised))
        specialIds = Set(addedTokens.filter(\.special).map(\.id))
    }

    /// How many tokens there are, added ones included.
    package var count: Int { vocabulary.count }

    /// One more than the largest id; larger than `count` where ids have gaps.
    package var idBound: Int { vocabulary.idBound }

    /// How many merges there are.
    package var mergeCount: Int { merges.count }

    /// The token of an id, as tokenizer.json writes it (bytes as characters of the byte alphabet).
    package func token(_ id: Int) -> String? { vocabulary.text(id) }

    /// The id of a token, as tokenizer.json writes it.
    package func id(of token: String) -> Int? { vocabulary.id(token) }

    /// The bytes that an id decodes to, which need not be whole characters; none for an unknown id.
    package func bytes(of id: Int) -> ArraySlice<UInt8> { vocabulary.bytes(id) }

    /// Whether an id is that of a special added token.
    package func isSpecial(_ id: Int) -> Bool { specialIds.contains(id) }

    /// The ids of a text.
    ///
    /// For more than one text use a `TokenEncoder`, which remembers words.
    package func encode(_ text: String, specialTokens: SpecialTokens = .recognised) -> [Int] {
        var encoder = TokenEncoder(self)
        return encoder.encode(text, specialTokens: specialTokens)
    }
}
