// The codes of this target: TOK for tokenizer.json, token ids and chat templates. Each has a page in
// docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    /// tokenizer.json, or a conversation, is not a document of the right keys and kinds.
    package static let tokeniserMalformed = DiagnosticCode("TOK-001")
    /// A model, normaliser, decoder or option that Ingot does not carry out.
    package static let tokeniserPartUnknown = DiagnosticCode("TOK-002")
    /// A pre-tokeniser, or its pattern, that Ingot does not carry out.
    package static let preTokeniserUnknown = DiagnosticCode("TOK-003")
    /// Two tokens with one id, or an id that no vocabulary has.
    package static let vocabularyImpossible = DiagnosticCode("TOK-004")
    /// A merge of, or into, something that is no token.
    package static let mergeImpossible = DiagnosticCode("TOK-005")
    /// An added token that stands twice, is empty, or has another id than readers give it.
    package static let addedTokenImpossible = DiagnosticCode("TOK-006")
    /// A byte that no token stands for: text that holds it would lose it in silence.
    package static let byteWithoutToken = DiagnosticCode("TOK-007")
    /// A token id that names nothing, or lies outside the embedding.
    package static let tokenIdUnknown = DiagnosticCode("TOK-008")
    /// Something in tokenizer.json that is passed over.
    package static let tokeniserKeyIgnored = DiagnosticCode("TOK-009")
    /// No chat template, or one that Ingot does not carry out.
    package static let chatTemplateUnknown = DiagnosticCode("TOK-010")
    /// A conversation that the chat template cannot render.
    package static let conversationImpossible = DiagnosticCode("TOK-011")
    /// A row of a data file that is no conversation, text or list of token ids.
    package static let sampleMalformed = DiagnosticCode("TOK-012")
}
