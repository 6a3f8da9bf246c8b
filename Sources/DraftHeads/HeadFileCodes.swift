// What the files of a head, their use and their measurement can be wrong in, as codes. Each has a page in
// docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    /// A head's config.json cannot be read as one.
    package static let headConfigMalformed = DiagnosticCode("DRAFT-030")
    /// A config that is of no form of an EAGLE3 head.
    package static let headFormUnknown = DiagnosticCode("DRAFT-031")
    /// A head with a part that is not computed here.
    package static let headUnsupported = DiagnosticCode("DRAFT-032")
    /// Layer ids that can be read in two ways, or none at all.
    package static let layerIdsAmbiguous = DiagnosticCode("DRAFT-033")
    /// Layer ids that no engine takes, or that the target does not have.
    package static let layerIdsImpossible = DiagnosticCode("DRAFT-034")
    /// A tensor of the head is not there.
    package static let headTensorMissing = DiagnosticCode("DRAFT-035")
    /// A tensor that is no part of the head.
    package static let headTensorUnexpected = DiagnosticCode("DRAFT-036")
    /// A tensor of the head has another shape than the config gives it.
    package static let headTensorShape = DiagnosticCode("DRAFT-037")
    /// A tensor of the head is stored in a type that is not read.
    package static let headTensorDType = DiagnosticCode("DRAFT-038")
    /// Offsets d2t that name no tokens, or name them out of order.
    package static let offsetsImpossible = DiagnosticCode("DRAFT-039")
    /// The mask t2d names other tokens than d2t.
    package static let maskDisagrees = DiagnosticCode("DRAFT-040")
    /// Weights of a head that are NaN or infinite.
    package static let headNotFinite = DiagnosticCode("DRAFT-041")
    /// A head that was made for another target.
    package static let headOfAnotherTarget = DiagnosticCode("DRAFT-042")
    /// A head that a form cannot say.
    package static let formCannotSay = DiagnosticCode("DRAFT-043", exit: .usage)
    /// A target that cannot serve a head.
    package static let targetCannotDraft = DiagnosticCode("DRAFT-044", exit: .refused)
    /// Token ids of a head's config outside its vocabulary.
    package static let headTokenIds = DiagnosticCode("DRAFT-045")
    /// A rotary base that the config leaves to a library's default.
    package static let ropeThetaUnsaid = DiagnosticCode("DRAFT-046")
    /// A head whose norms add another ε than the target's.
    package static let epsilonDiffers = DiagnosticCode("DRAFT-047")
    /// A head whose MLP is narrower than its residual stream.
    package static let contractingMLP = DiagnosticCode("DRAFT-048")
    /// A draft vocabulary that leaves out much of a text.
    package static let coverageLow = DiagnosticCode("DRAFT-049")
    /// A head that guesses as well or better from other layers.
    package static let layersDoubtful = DiagnosticCode("DRAFT-050")
    /// Drafting changed what the model says.
    package static let draftingNotLossless = DiagnosticCode("DRAFT-051", exit: .refused)
    /// Texts that give nothing to measure.
    package static let nothingToMeasure = DiagnosticCode("DRAFT-052")
    /// A head shorter than the text it drafts for.
    package static let headContextShort = DiagnosticCode("DRAFT-053")
    /// The measured acceptance length is below the limit that was asked for.
    package static let acceptanceTooShort = DiagnosticCode("DRAFT-054", exit: .refused)
}
