// Which limits fit two sides, when nobody says.

import Backends

/// Chooses a tolerance profile from what the sides are.
package enum ToleranceChoice {
    /// A profile's name and why.
    package static func choose(_ left: ParitySide, _ right: ParitySide) -> (name: String, reason: String) {
        if left.server != nil || right.server != nil {
            return (
                "bf16",
                "a server does not say in which numbers it computes; --tolerance f32 for one in F32, fp8 if it "
                    + "serves an artefact of the other side"
            )
        }
        let formats = [left, right].compactMap { $0.model?.pass.backend.numerics }
        if formats.contains(where: { $0.format != .f32 }) {
            let isCodes = [left, right].contains { $0.model?.hasCodes ?? false }
            return isCodes
                ? ("fp8", "a side has 16-bit arithmetic and FP8 codes")
                : ("bf16", "a side has 16-bit arithmetic")
        }
        if let a = left.model, let b = right.model {
            switch (a.hasCodes, b.hasCodes) {
            case (false, true), (true, false): return ("fp8", "one side has FP8 codes")
            case (true, true):
                let same = a.configuration.quantisation == b.configuration.quantisation
                return same
                    ? ("f32", "both sides have FP8 codes of one layout") : ("fp8", "FP8 codes of two layouts")
            case (false, false):
                return a.configuration.dtype == b.configuration.dtype
                    ? ("f32", "both sides have plain weights in F32 arithmetic")
                    : ("bf16", "plain weights of two types")
            }
        }
        if [left, right].compactMap(\.recording).contains(where: { ($0.format ?? .f32) != .f32 }) {
            return ("bf16", "a recording is of 16-bit arithmetic")
        }
        let codes = [left, right].contains { $0.model?.hasCodes ?? false }
        return (
            "f32",
            codes
                ? "F32 on both sides, if the recording was made from the same codes; --tolerance fp8 if from the "
                    + "model before quantisation" : "F32 on both sides"
        )
    }
}
