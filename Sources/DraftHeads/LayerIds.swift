// Which states the layer ids of a head mean. The same three numbers mean the states after those layers to one
// tool and the states entering them to another; nothing crashes when they are misread, the head just guesses
// badly. So a reading is never guessed here: it has a reason, or it is asked for.

import Diagnostics
import ReferenceModel

/// The layer ids of a config and what decided how they count.
package struct LayerIds: Equatable, Sendable {
    /// What decided how they count.
    package enum Reason: String, Sendable {
        case asked = "asked for on the command line"
        case form = "the form counts so"
        case marked = "the file says so in its metadata"
        case standard = "they are then the usual ones of this target"
        case firstIsOne = "the first id is 1, as SpecForge writes them and SGLang reads them"
        case absent = "none are named: the usual ones of the target"
    }

    /// As written; nil when the config names none.
    package let written: [Int]?
    package let convention: LayerConvention
    package let reason: Reason
    /// What they mean.
    package let points: [AuxiliaryPoint]

    /// The key of a file's metadata that says how its layer ids count.
    package static let metadataKey = "ingot_layer_ids"
}

/// What is known about layer ids beside the ids.
package struct LayerIdHints: Sendable {
    /// What the user says.
    package var asked: LayerConvention?
    /// What the metadata of the tensors' file says.
    package var marked: LayerConvention?
    /// Layers of the target, where there is one.
    package var layerCount: Int?

    package init(
        asked: LayerConvention? = nil, marked: LayerConvention? = nil, layerCount: Int? = nil
    ) {
        self.asked = asked
        self.marked = marked
        self.layerCount = layerCount
    }
}

extension LayerIds {
    /// Reads layer ids.
    ///
    /// - Throws: DRAFT-033 when they can be read in two ways, or are absent and no target is known; DRAFT-034
    ///   when no engine could take them.
    package init(_ written: [Int]?, form: HeadForm, hints: LayerIdHints, file: String) throws(Failure) {
        guard let ids = written else {
            guard let count = hints.layerCount else { throw Self.ambiguous(file, "no layer ids") }
            self.init(
                written: nil, convention: form.convention, reason: .absent,
                points: HeadConfiguration.standardPoints(layerCount: count))
            return
        }
        // Below 0 there is no state under any way of counting, and Int.min has no id before it.
        if let low = ids.min(), low < 0 { throw Self.impossible(ids, file, expected: "rising ids from 0") }
        guard let (convention, reason) = Self.decide(ids, form: form, hints: hints) else {
            throw Self.ambiguous(file, "\(ids) in eagle_config")
        }
        let points = ids.map(convention.point)
        try Self.check(ids, points, convention, hints.layerCount, file)
        self.init(written: ids, convention: convention, reason: reason, points: points)
    }

    private static func decide(
        _ ids: [Int], form: HeadForm, hints: LayerIdHints
    ) -> (LayerConvention, Reason)? {
        if let asked = hints.asked { return (asked, .asked) }
        if form != .specforge { return (form.convention, .form) }
        if let marked = hints.marked { return (marked, .marked) }
        if let count = hints.layerCount {
            let standard = HeadConfiguration.standardPoints(layerCount: count).map(\.afterLayer)
            for convention in LayerConvention.allCases
            where ids.map({ convention.point($0).afterLayer }) == standard {
                return (convention, .standard)
            }
        }
        // SGLang since pull request 25454 adds one to nested ids if and only if the first is 1.
        return ids.first == 1 ? (.after, .firstIsOne) : nil
    }

    /// Engines collect states in the order of the layers, each once, whatever the order of the ids.
    private static func check(
        _ ids: [Int], _ points: [AuxiliaryPoint], _ convention: LayerConvention, _ count: Int?, _ file: String
    ) throws(Failure) {
        let places = points.map { $0.afterLayer ?? -1 }
        let isAscending = zip(places, places.dropFirst()).allSatisfy { $0 < $1 }
        let largest = count.map { convention == .after ? $0 - 1 : $0 }
        guard !ids.isEmpty, isAscending, ids.allSatisfy({ $0 <= largest ?? .max - 1 }) else {
            throw impossible(
                ids, file,
                expected: "rising ids from 0"
                    + (largest.map { " to \($0), counted \(convention.words)" } ?? ""))
        }
    }

    private static func impossible(_ ids: [Int], _ file: String, expected: String) -> Failure {
        Failure(
            Finding(
                .error, .layerIdsImpossible, "these layer ids are no states of the target", file: file,
                field: "eagle_aux_hidden_state_layer_ids", expected: expected, found: "\(ids)",
                remedy:
                    "write the ids that the head was trained with; engines take states in the order of layers"
            ))
    }

    private static func ambiguous(_ file: String, _ found: String) -> Failure {
        Failure(
            Finding(
                .error, .layerIdsAmbiguous, "which states of the target this head reads is not said",
                file: file, field: "eagle_aux_hidden_state_layer_ids",
                expected:
                    "ids whose way of counting is known: SpecForge counts after a layer, vLLM entering it",
                found: found,
                remedy:
                    "--layers after or --layers entering, or name the target (convert: --model)"
            ))
    }
}

extension LayerConvention {
    /// In a sentence: counted so.
    package var words: String { self == .after ? "after a layer" : "as they enter a layer" }
}
