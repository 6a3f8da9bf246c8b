// What an EAGLE3 draft head is, apart from the file form it comes in: SpecForge, vLLM and speculators write the
// same head down in different ways, and some of their keys mean different things under one name.
//
// Source: sgl-project/SpecForge specforge/modeling/draft/llama3_eagle.py at a6b6b023; vllm-project/vllm
// models/llama_eagle3.py; sgl-project/sglang models/llama_eagle3.py.

import Architectures
import ReferenceModel

/// The shape and the rules of one EAGLE3 head.
///
/// Legend: H hidden size of the head, A query heads, G key/value heads, D channels of a head, M width of its
/// MLP, V vocabulary of the target, N draft vocabulary, F fused target states (three), W width of a target state.
package struct HeadConfiguration: Equatable, Sendable {
    /// H.
    package var hiddenSize: Int
    /// W, channels of the target's residual stream.
    package var targetHiddenSize: Int
    /// M.
    package var mlpWidth: Int
    /// A.
    package var attentionHeadCount: Int
    /// G.
    package var keyValueHeadCount: Int
    /// D; every channel rotates, first half with second half.
    package var headDimension: Int
    /// ε of every norm.
    package var rmsNormEpsilon: Double
    /// Base of the rotary frequencies.
    package var ropeTheta: Double
    /// Positions that the head was made for.
    package var contextLength: Int
    /// V.
    package var vocabularySize: Int
    /// N.
    package var draftVocabularySize: Int
    /// The fused states, in the order in which fc reads them.
    package var auxiliaryPoints: [AuxiliaryPoint]
    /// What normalises the fused states before fc.
    package var inputNorm: InputNorm = .none
    /// Whether the residual stream starts from the normalised state instead of the state.
    package var normBeforeResidual = false
    /// Whether the next step is fed the state after the final norm (EAGLE 3.1) instead of before it.
    package var feedsNormed = false

    /// What normalises the fused states before fc.
    package enum InputNorm: Equatable, Sendable {
        case none
        /// One RMSNorm over all states together, tensor `input_norm.weight` [F·W].
        case joined
        /// One RMSNorm for each state, tensors `fc_norm.I.weight` [W].
        case each
    }

    /// F.
    package var featureCount: Int { auxiliaryPoints.count }
    /// F·W, columns of fc.
    package var featureWidth: Int { featureCount * targetHiddenSize }
    /// A·D.
    package var queryWidth: Int { attentionHeadCount * headDimension }
    /// G·D.
    package var keyValueWidth: Int { keyValueHeadCount * headDimension }

    package init(
        hiddenSize: Int, targetHiddenSize: Int, mlpWidth: Int, attentionHeadCount: Int,
        keyValueHeadCount: Int, headDimension: Int, rmsNormEpsilon: Double, ropeTheta: Double,
        contextLength: Int, vocabularySize: Int, draftVocabularySize: Int, auxiliaryPoints: [AuxiliaryPoint]
    ) {
        self.hiddenSize = hiddenSize
        self.targetHiddenSize = targetHiddenSize
        self.mlpWidth = mlpWidth
        self.attentionHeadCount = attentionHeadCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headDimension = headDimension
        self.rmsNormEpsilon = rmsNormEpsilon
        self.ropeTheta = ropeTheta
        self.contextLength = contextLength
        self.vocabularySize = vocabularySize
        self.draftVocabularySize = draftVocabularySize
        self.auxiliaryPoints = auxiliaryPoints
    }

    /// The states that every engine takes when a head names none: those entering layers 2, n/2 and n − 3.
    ///
    /// - Source: SafeAILab/EAGLE eagle/model/modeling_llama_kv.py; the defaults of SpecForge, SGLang, vLLM and
    ///   speculators name the same tensors.
    package static func standardPoints(layerCount n: Int) -> [AuxiliaryPoint] {
        [.entering(layer: 2), .entering(layer: n / 2), .entering(layer: n - 3)]
    }
}
