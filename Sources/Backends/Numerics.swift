// Where a device rounds. Chosen apart from the backend: a backend says how to multiply, the numerics say in
// which numbers, so that one machine can show what another will answer. Profiles/numerics holds them;
// NumericsProfile.swift reads them.

/// The numbers a forward pass is done in.
///
/// Every operation's result is rounded once to the format; the inside of norms, softmax, router and the sum over
/// experts stays F32.
///
/// - Source: inclusionAI/Ling-V2 models/modeling_bailing_moe_v2.py at af8837e, for where a pass rounds.
/// - Checked by: NumericsProfileTests, NumericsVectorTests, GoldenTests.
package struct Numerics: Hashable, Sendable {
    /// What the user types, and the profile's file.
    package let name: String
    /// What activations and weights are rounded to.
    package let format: NumberFormat
    /// What a product with a weight of FP8 codes is.
    package let codeProducts: CodeProducts

    package init(name: String, format: NumberFormat, codeProducts: CodeProducts) {
        self.name = name
        self.format = format
        self.codeProducts = codeProducts
    }

    /// F32 everywhere; products are summed in F32 or better.
    package static var f32: Numerics { Numerics(name: "f32", format: .f32, codeProducts: .decoded) }

    /// Weights and activations are BF16, as in the authors' code on a model of that type.
    package static var bf16: Numerics { Numerics(name: "bf16", format: .bf16, codeProducts: .decoded) }

    /// The nearest number that activations and weights can hold, ties to even.
    ///
    /// In a loop take the format out first: it is one byte, and this value is more.
    @inline(__always)
    package func rounded(_ value: Float) -> Float { format.rounded(value) }

    /// Rounds every element in place.
    package func round(_ matrix: inout Matrix) { format.round(&matrix) }
}

/// What a product of activations and a weight of FP8 codes is.
package enum CodeProducts: Hashable, Sendable {
    /// An element is code × scale, rounded to the format as any weight is.
    case decoded
    /// The scale is rounded to the format first. Of a block: code × scale, rounded. Of a row: the codes are
    /// multiplied as they are, and the F32 sum is multiplied by the scale.
    case roundedScales
    /// Activations become codes too.
    case activationCodes(ActivationCodeRule)
}
