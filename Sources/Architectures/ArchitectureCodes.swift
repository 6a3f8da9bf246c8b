// The codes of this target: ARCH for configs and inventories, QUANT for scales and FP8 weights, TARGET for
// engines and devices. Each has a page in docs/diagnostics.

import Diagnostics

extension DiagnosticCode {
    /// The config is not an object of values of the right kinds.
    package static let configMalformed = DiagnosticCode("ARCH-001")
    /// Tensors that the config asks for are not there.
    package static let tensorsMissing = DiagnosticCode("ARCH-002")
    /// The config leaves out a key that readers would fill in differently from what the weights need.
    package static let configKeyMissing = DiagnosticCode("ARCH-003")
    /// A number in the config cannot be, alone or beside another.
    package static let configValueImpossible = DiagnosticCode("ARCH-004")
    /// The config describes another architecture.
    package static let otherArchitecture = DiagnosticCode("ARCH-005")
    /// The two ways to say how many channels rotate are both absent, disagree, or are read differently.
    package static let rotaryAmbiguous = DiagnosticCode("ARCH-006")
    /// A variant that no released checkpoint of the family has.
    package static let configVariantUnknown = DiagnosticCode("ARCH-007")
    /// `rope_scaling` cannot be read, or engines read it differently.
    package static let ropeScalingAmbiguous = DiagnosticCode("ARCH-008")
    /// Tensors that the config does not ask for.
    package static let tensorUnexpected = DiagnosticCode("ARCH-009")
    /// A tensor of another shape than the config gives it.
    package static let tensorShape = DiagnosticCode("ARCH-010")
    /// A tensor of another element type than its role needs.
    package static let tensorDType = DiagnosticCode("ARCH-011")
    /// Multi-token prediction tensors and `num_nextn_predict_layers` contradict each other.
    package static let predictionLayerMismatch = DiagnosticCode("ARCH-012")
    /// A token id outside the vocabulary, or of the wrong kind.
    package static let tokenIdImpossible = DiagnosticCode("ARCH-013")
    /// Sidecars disagree about special tokens.
    package static let tokenIdsDisagree = DiagnosticCode("ARCH-014")
    /// Generation would not stop where the chat template ends a turn.
    package static let endTokenMissing = DiagnosticCode("ARCH-015")
    /// The element type in the config is not that of the weights.
    package static let dtypeUndeclared = DiagnosticCode("ARCH-016")

    /// `quantization_config` cannot be read.
    package static let quantisationConfigMalformed = DiagnosticCode("QUANT-001")
    /// A quantisation method that Ingot does not know.
    package static let quantisationMethodUnknown = DiagnosticCode("QUANT-002")
    /// A quantised weight has no scale.
    package static let scaleMissing = DiagnosticCode("QUANT-003")
    /// A scale has no quantised weight.
    package static let scaleOrphan = DiagnosticCode("QUANT-004")
    /// A scale of the wrong shape or element type.
    package static let scaleMalformed = DiagnosticCode("QUANT-005")
    /// A weight is quantised though the config says it is not, or the reverse.
    package static let quantisationContradictsConfig = DiagnosticCode("QUANT-006")
    /// A weight that engines always read as plain numbers holds codes.
    package static let roleNeverQuantised = DiagnosticCode("QUANT-007")
    /// Scale values that no weight can have: zero, negative or not finite.
    package static let scaleValueImpossible = DiagnosticCode("QUANT-008")
    /// Scales of more than one kind, or of another kind than the config says.
    package static let scaleKindsMixed = DiagnosticCode("QUANT-009")
    /// An entry of the skip list that matches nothing, or that engines match differently.
    package static let skipListAmbiguous = DiagnosticCode("QUANT-010")
    /// A scale of inputs or of the cache that the config asks for is not there.
    package static let storedScaleMissing = DiagnosticCode("QUANT-011")
    /// A scale of inputs or of the cache that the config does not ask for.
    package static let storedScaleUnasked = DiagnosticCode("QUANT-012")

    /// A profile cannot be read.
    package static let profileMalformed = DiagnosticCode("TARGET-001", exit: .badProfile)
    /// A target that no profile describes.
    package static let targetUnknown = DiagnosticCode("TARGET-002", exit: .usage)
    /// The target cannot load what is asked for.
    package static let targetRefuses = DiagnosticCode("TARGET-003", exit: .refused)
    /// The target reads what is asked for differently, or only with a change.
    package static let targetAdapts = DiagnosticCode("TARGET-004")
    /// Whether the target reads stored scales of inputs or of the cache.
    package static let targetStoredScales = DiagnosticCode("TARGET-005")
}

extension DiagnosticCode {
    /// A NaN or an infinity in tensor data.
    package static let dataNotFinite = DiagnosticCode("DATA-001")
    /// A weight of nothing but zeros.
    package static let dataAllZero = DiagnosticCode("DATA-002")
    /// A shard whose digest is not the recorded one.
    package static let dataNotAsRecorded = DiagnosticCode("DATA-003")
}
